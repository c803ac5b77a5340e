"""Runs of the kit: probes, profiles, runner, self-test, receiver checks."""
