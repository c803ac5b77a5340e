"""Scenarios: what shall go wrong, as a language, rules, a file, and their precedence."""
