"""How fast and how large the emulator is, against a bare starlette application measured in the same run."""
