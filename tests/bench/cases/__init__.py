"""The rows of the benchmark, one module for each part that is measured."""
