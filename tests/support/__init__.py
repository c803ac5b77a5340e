"""What the tests share: emulators, receivers, processes, samples."""
