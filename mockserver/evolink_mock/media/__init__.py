"""Media: result videos, and the fetching, probing and acceptance of input files."""
