"""Delivery: sends callbacks by worker pools, transports and retries."""
