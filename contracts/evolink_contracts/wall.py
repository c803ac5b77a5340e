"""The machine's clock, and the only module of this package that touches it."""

from time import monotonic

from evolink_contracts.spec.wire import Seconds


def wall_seconds() -> Seconds:
    """A reading that never falls."""
    return monotonic()
