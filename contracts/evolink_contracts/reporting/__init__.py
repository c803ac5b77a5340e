"""Reports of a run, and its progress."""
