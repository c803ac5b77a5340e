"""What the emulator decides: pure functions over values, on the facts and the standard library alone."""
