"""Traces: recorded calls, callbacks and clock changes, and the history they tell."""
