"""Numbers from outside, checked before they are used in arithmetic."""

from math import isfinite


def finite_number(value: object) -> float | None:
    """The number as a float; `None` if it is no number, is not finite, or has more digits than a float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if isfinite(found) else None
