"""Worlds: the state of each API key, with its outbox, journal, limits and storage."""
