"""The numbered promises of the API, one module for each area."""
