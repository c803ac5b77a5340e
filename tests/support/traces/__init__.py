"""Traces: samples and strategies."""
