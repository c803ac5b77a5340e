"""Pages: the browser, the timeline and the documents."""
