"""The emulator in tests: in-process transport, test double, pytest plugin, mutants."""
