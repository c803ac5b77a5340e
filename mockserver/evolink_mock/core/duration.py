"""Durations: parsing, formatting, and the integer microseconds that count every instant.

Integers, because a float cannot hold "created plus 4.7 seconds" and give 4.7 back: an event would be due and not due.
"""

import re
from decimal import Decimal
from typing import TypeAlias

Micros: TypeAlias = int
"""Microseconds; an instant counts them from 1970-01-01T00:00Z."""

SECOND: Micros = 1_000_000
LONGEST: Micros = 366 * 24 * 3600 * SECOND
"""No duration that a user gives may be longer."""

_UNITS = {"us": 1, "ms": 1_000, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": 24 * 3600 * SECOND}
_WRITTEN = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(us|ms|s|m|h|d)", re.ASCII)

FORM = "a number and a unit (us, ms, s, m, h or d), such as 7s, 250ms or 24h, of at most 366d"


def parse_duration(text: str) -> Micros:
    """`"1.5s"` → 1500000. Raises `ValueError` naming the form for anything else."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a duration: write {FORM}")
    micros = int(Decimal(match[1]) * _UNITS[match[2]])
    if micros > LONGEST:
        raise ValueError(f"{text[:40]!r} is too long: write {FORM}")
    return micros


def show_duration(micros: Micros) -> str:
    """1500000 → `"1.5s"`: seconds without needless zeros."""
    return f"{Decimal(micros) / SECOND:f}s"


def to_seconds(micros: Micros) -> float:
    """Seconds, for texts and JSON; exact to the microsecond for any instant of this century."""
    return micros / SECOND
