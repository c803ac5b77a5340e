"""Nesting: one limit of depth for every JSON and TOML text, checked without recursion before JSON is decoded.

Whether a decoder that calls itself can read a text depends on the depth of the stack at that moment. What is accepted
here can be decoded anywhere, now and later.
"""

import re
from collections.abc import Iterator
from itertools import accumulate, islice
from operator import indexOf

MAX_DEPTH = 64
"""Objects and lists inside one another, the outermost included."""

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}:,]', re.DOTALL)
_STEPS = bytes.maketrans(b"[]{}", b"\x01\xff\x01\xff")
"""Each bracket as a signed number: one level down, or up."""
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
_SEARCHED = 2_000
"""Tokens in which the path of what is too deep is searched."""
_SHOWN_NAMES, _SHOWN_CHARACTERS = 4, 30


def nesting_error(text: bytes) -> str | None:
    """A sentence on a JSON body that is nested too deeply, and where; `None` for any other text, valid or not."""
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return None
    # Without its escapes, each second part between quotation marks is a string.
    parts = text.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
    steps = b"".join(parts[::2]).translate(_STEPS, _OTHERS)
    try:
        # The depth changes by one at a time, so it never passes a number by.
        bracket = indexOf(accumulate(memoryview(steps).cast("b")), MAX_DEPTH + 1)
    except ValueError:
        return None
    where = _path_to(text, steps[: bracket + 1].count(1))
    return f"the body is nested more than {MAX_DEPTH} levels deep{f', in {where}' if where else ''}"


def is_nested_too_deeply(value: object) -> bool:
    """Whether a value of dictionaries and lists is nested too deeply."""
    level: list[object] = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [item for each in level for item in _items(each)]
        if not level:
            return False
    return True


def _items(value: object) -> Iterator[object]:
    """The parts of a value that may have parts, and one in place of a value without any."""
    if isinstance(value, dict | list):
        yield from value.values() if isinstance(value, dict) else value
        yield None


def _path_to(text: bytes, opening: int) -> str:
    """The names that lead to an opening bracket, by its number from 1; empty where it is too far behind."""
    path: list[str] = []
    name, string, opened = "", b"", 0
    for token in islice(_TOKEN.finditer(text), _SEARCHED):
        match token[0]:
            case b"[" | b"{":
                path.append(name or "[]")
                name = ""
                opened += 1
                if opened == opening:
                    shown = ".".join(path[1 : _SHOWN_NAMES + 1])
                    return f"{shown}…" if len(path) > _SHOWN_NAMES + 1 else shown
            case b"]" | b"}":
                del path[-1:]
            case b":":
                name = string[1:-1].decode("utf-8", "replace")[:_SHOWN_CHARACTERS]
            case b",":
                name = ""
            case string:
                pass
    return ""
