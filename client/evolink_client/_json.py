"""JSON from outside: numbers that a float can hold, and a limit on nesting."""

import json
from math import isfinite

MAX_DEPTH = 64
"""Levels of arrays and objects; a response of the API has four."""
_MAX_DIGITS = 300
"""Digits of an integer; a float holds up to 308."""


class Unusable(ValueError):
    """JSON that no caller could work with; the message completes "the answer …"."""


def decode(text: bytes | str) -> object:
    """The value of a JSON text. Raises `Unusable`, or another `ValueError` if it is no JSON."""
    try:
        value: object = json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_constant)
    except RecursionError:
        raise Unusable(_TOO_DEEP) from None
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [part for each in level for part in _parts(each)]
        if not level:
            return value
    raise Unusable(_TOO_DEEP)


_TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep"


def _parts(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise Unusable(f"has a number of {len(text)} digits")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise Unusable(f"has a number out of range: {text[:40]}")
    return number


def _constant(text: str) -> float:
    raise Unusable(f"has a number that JSON has not: {text}")
