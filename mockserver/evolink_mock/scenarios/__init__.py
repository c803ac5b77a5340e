"""Fault injection: the language of scenarios, rules, the scenario file, precedence, and the effects."""
