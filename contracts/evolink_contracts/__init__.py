"""What the API promises. Nothing is imported here on purpose: reading the facts must not load Hypothesis."""
