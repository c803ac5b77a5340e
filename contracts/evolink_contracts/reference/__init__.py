"""The reference model of the rules: oracle, boundary requests, public addresses, numbers, errors."""
