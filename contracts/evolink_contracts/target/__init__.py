"""The service under test: transports, control client, clocks, capabilities, webhook receiver, budget."""
