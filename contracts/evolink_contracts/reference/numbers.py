"""Numbers from outside, checked before they are used in arithmetic, and credits as text."""

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


def credits_text(amount: float) -> str:
    """An amount of credits with all of its decimals, at most four."""
    return f"{round(amount, 4):.15g}"
