"""Mutations: changes of one field of the emulator's behaviour, by area."""
