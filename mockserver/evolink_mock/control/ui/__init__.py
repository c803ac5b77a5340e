"""The pages for browsers: the start page, and the files of the timeline."""
