"""The service under test: requests, transports, webhook receiver, budget."""
