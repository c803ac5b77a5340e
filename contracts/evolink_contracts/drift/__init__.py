"""Detects API drift: replays a recording against the emulator and compares the responses."""
