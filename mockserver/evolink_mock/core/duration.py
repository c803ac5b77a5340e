"""Durations: parsing, formatting, and the integer microseconds that count every instant.

Integers, because a float cannot hold "created plus 4.7 seconds" and give 4.7 back: an event would be due and not due.
"""

import re
from decimal import Decimal
from math import isfinite
from typing import TypeAlias

Micros: TypeAlias = int
"""Microseconds; an instant counts them from 1970-01-01T00:00Z."""

SECOND: Micros = 1_000_000
LONGEST: Micros = 366 * 24 * 3600 * SECOND
"""No duration that a user gives may be longer."""

_UNITS = {"us": 1, "ms": 1_000, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": 24 * 3600 * SECOND}
_WRITTEN = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(us|ms|s|m|h|d)", re.ASCII)

_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?)(us|ms|s|m|h|d)", re.ASCII)
_LONGEST_TEXT = 400
"""Characters; a float written without an exponent has at most 325."""

FORM = "a number and a unit (us, ms, s, m, h or d), such as 7s, 250ms or 24h, of at most 366d"
SPAN_FORM = 'write seconds, such as 7 or 2.5, or a duration, such as "7s", "250ms" or "24h", from 0 to 366 days'


def parse_duration(text: str) -> Micros:
    """`"1.5s"` → 1500000. Raises `ValueError` naming the form for anything else."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a duration: write {FORM}")
    micros = int(Decimal(match[1]) * _UNITS[match[2]])
    if micros > LONGEST:
        raise ValueError(f"{text[:40]!r} is too long: write {FORM}")
    return micros


def parse_time_span(span: object) -> Micros:
    """The span by which a clock is moved: 7 → 7000000, `"2.5s"` → 2500000, to the nearest microsecond.

    A span is a number of seconds, or a duration with any number of decimals. Raises `ValueError` naming the forms and
    the bounds for anything else.
    """
    micros = _exact_micros(span)
    if micros is None:
        raise ValueError(f"{_shown(span)} is not a time span: {SPAN_FORM}")
    if not 0 <= micros <= LONGEST:
        raise ValueError(f"{_shown(span)} is out of bounds: {SPAN_FORM}")
    return int(micros.to_integral_value())


def _exact_micros(span: object) -> Decimal | None:
    """Microseconds of a span, before any rounding; `None` where it has no form of one."""
    match span:
        case bool():
            return None
        case int():
            # Longer than any clock goes, and exact below: no integer of thousands of digits is converted.
            return Decimal(max(min(span, LONGEST), -1)) * SECOND
        case float():
            return Decimal(float.__repr__(span)) * SECOND if isfinite(span) else None
        case str() if len(span) <= _LONGEST_TEXT and (written := _SPAN.fullmatch(span)) is not None:
            return Decimal(written[1]) * _UNITS[written[2]]
    return None


def _shown(span: object) -> str:
    if isinstance(span, int) and span.bit_length() > 128:
        # Python refuses to write integers of more than 4,300 digits.
        return f"an integer of {span.bit_length()} bits"
    try:
        return repr(span[:40]) if isinstance(span, str) else repr(span)[:40]
    except ValueError:
        return f"a value of type {type(span).__name__}"


def show_duration(micros: Micros) -> str:
    """1500000 → `"1.5s"`: seconds without needless zeros."""
    return f"{Decimal(micros) / SECOND:f}s"


def show_rounded_duration(micros: Micros) -> str:
    """2068439 → `"2.07s"`: at most two decimals, for a person who compares instants."""
    return f"{round(Decimal(micros) / SECOND, 2).normalize():f}s"


def to_seconds(micros: Micros) -> float:
    """Seconds, for texts and JSON; exact to the microsecond for any instant of this century."""
    return micros / SECOND
