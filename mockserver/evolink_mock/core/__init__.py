"""The service's own rules, as pure functions over values: tasks, lifecycle, billing, validation, policies, bodies."""
