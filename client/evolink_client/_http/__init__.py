"""HTTP within bounds: bodies, deadlines, downloads."""
