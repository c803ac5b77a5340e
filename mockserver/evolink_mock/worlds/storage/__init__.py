"""Storage of worlds in a file, and the way back to what it holds."""
