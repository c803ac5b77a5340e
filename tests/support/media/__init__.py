"""Media: sample files and a decoder."""
