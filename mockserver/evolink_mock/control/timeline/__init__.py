"""The timeline: the tasks of a world and their changes, streamed to any number of readers."""
