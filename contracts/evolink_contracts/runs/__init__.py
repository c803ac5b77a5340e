"""Runs of the kit: probes, profiles, runner, mutation test of the kit, checks of a receiver."""
