"""Reports of a run, one module a format, and the progress of a run."""
