"""A number that somebody else wrote down, where it is one that can be reckoned with."""

from math import isfinite


def amount(value: object) -> float | None:
    """The number as a float; `None` for what is none, is not finite, or has more digits than a float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if isfinite(found) else None
