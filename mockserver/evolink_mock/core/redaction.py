"""Redaction of API keys in texts that are shown or kept, in any spelling."""

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

REDACTED = "…"

_SHORTEST = 6
"""Characters. A shorter key is part of too many innocent words to be replaced in running text."""
LONGEST_SPELLING = 12
"""Bytes that one character of a key may take, escaped twice over."""
_SHOWN_FIRST, _SHOWN_LAST = 4, 3
"""Characters of a long key that are shown."""

_SHORTEST_UNESCAPED = 4
_STEP = 800
"""Escapes, or places of a key, in one step."""
_QUICKLY_SEARCHED = 20_000
"""Bytes of a text that is searched for a key before its escapes are undone one by one."""
_HEX = rb"[0-9a-fA-F]"
_ESCAPE = re.compile(
    rb"\\++[uU]([dD][89abAB]%(hex)b{2})\\++[uU]([dD][c-fC-F]%(hex)b{2})|\\++[uU](%(hex)b{4})|\\++|%%(%(hex)b{2})"
    % {b"hex": _HEX}
)
"""A character escaped in JSON, once or within JSON, backslashes before any other character, or a percent-encoded byte.
Quantifiers are possessive, so that the time is linear in the text."""
_BACKSLASH = re.compile(rb"(?:\\\\)++|%5c|\\u005c", re.IGNORECASE)


def redact(text: bytes, key: str) -> bytes:
    """The text with the key replaced wherever it stands: plain, escaped as JSON does, or percent-encoded.

    JSON remains JSON. The time is linear in the text, and no longer for a key that was not seen before.
    """
    return next(done for done in redact_in_steps(text, key) if done is not None)


def redact_in_steps(text: bytes, key: str) -> Iterator[bytes | None]:
    """`redact` in steps of some milliseconds: `None` after each but the last, and then the text."""
    if len(key) < _SHORTEST:
        yield text
        return
    if b"\\" not in text:
        text = text.replace(key.encode(), REDACTED.encode())
        if b"%" not in text:
            yield text
            return
    forms = _forms(key)
    if forms.exact is not None:
        lower = text.lower()
        spans = (span for spelling in forms.exact for span in _spans(lower, spelling))
        yield from _replace(text, spans)
    elif len(text) > _QUICKLY_SEARCHED or _may_have(text, forms):
        yield from _redact_escaped(text, key.encode(), forms)
    else:
        yield text


def truncate(text: bytes, limit: int, key: str) -> bytes:
    """The first `limit` bytes; a key that the cut would split is redacted first, as half of one is not recognised."""
    if len(text) <= limit:
        return text
    return redact(text[: limit + LONGEST_SPELLING * len(key)], key)[:limit]


def masked_key(key: str) -> str:
    """The beginning and the end of a key, by which its owner recognises it: `sk-t…our`.

    At most four and three characters, and at most half of the key.
    """
    shown = min(len(key) // 2, _SHOWN_FIRST + _SHOWN_LAST)
    last = max(shown // 3, shown - _SHOWN_FIRST)
    return f"{key[: shown - last]}{REDACTED}{key[len(key) - last :]}"


def key_digest(key: str) -> str:
    """Eight hexadecimal digits that identify a key, since two keys may have the same beginning and end."""
    return blake2b(key.encode(), digest_size=4).hexdigest()


class _Forms(NamedTuple):
    """The forms of a key that are searched for, beside the plain one."""

    unescaped: tuple[bytes, ...]
    """In a text whose escapes are undone: of the key as it is, and of one whose own escapes were escaped."""
    exact: tuple[bytes, ...] | None
    """Spellings of a key of backslashes and little else, of which too little is left without escapes; in lower case."""
    ascii: bool
    ends_escaped: bool
    """Whether the key ends with a backslash."""


@lru_cache(maxsize=1024)
def _forms(key: str) -> _Forms:
    raw = key.encode()
    plain = _Unescaped()
    list(plain.read(raw))
    unescaped = {plain.text, raw.replace(b"\\", b"")}
    exact = None if min(map(len, unescaped)) >= _SHORTEST_UNESCAPED else _exact(key)
    return _Forms(tuple(unescaped), exact, key.isascii(), key.endswith("\\"))


def _exact(key: str) -> tuple[bytes, ...]:
    in_json = json.dumps(key)[1:-1]
    percent = "".join(f"%{byte:02x}" for byte in key.encode())
    spellings = (json.dumps(in_json)[1:-1], in_json, key, quote(key, safe=""), percent, _as_escapes(key))
    return tuple(dict.fromkeys(each.encode().lower() for each in spellings))


def _spans(text: bytes, part: bytes) -> Iterator[tuple[int, int]]:
    """The places of a part, none of which overlap."""
    place = text.find(part)
    while place >= 0:
        yield place, place + len(part)
        place = text.find(part, place + len(part))


def _as_escapes(key: str) -> str:
    units = key.encode("utf-16-be")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))


def _may_have(text: bytes, forms: _Forms) -> bool:
    """Whether the key can stand in a text. That is found sooner than where, and most texts do not have it."""
    bare = text.translate(None, b"\\")
    if any(form in bare for form in forms.unescaped):
        return True
    if any(escape in text for escape in ((b"\\u00", b"\\U00") if forms.ascii else (b"\\u", b"\\U"))):
        return True
    if b"%" not in bare:
        return False
    bare = unquote_to_bytes(bare).translate(None, b"\\")
    return any(form in bare for form in forms.unescaped)


def _redact_escaped(text: bytes, key: bytes, forms: _Forms) -> Iterator[bytes | None]:
    unescaped = _Unescaped()
    yield from unescaped.read(text)
    escaped = (span for form in forms.unescaped for span in unescaped.spans(form))
    yield from _replace(text, chain(escaped, _plain_spans(text, key)), ends_escaped=forms.ends_escaped)


def _replace(text: bytes, spans: Iterator[tuple[int, int]], *, ends_escaped: bool = False) -> Iterator[bytes | None]:
    """Steps as of `redact_in_steps`; spans may overlap, and come in any order."""
    found: list[tuple[int, int]] = []
    for number, span in enumerate(spans, 1):
        found.append(span)
        if number % _STEP == 0:
            yield None
    parts, end = [], 0
    for number, (first, last) in enumerate(sorted(found), 1):
        if first >= end:
            parts += [text[end:first], REDACTED.encode()]
        end = max(end, last)
        if ends_escaped:
            end = _after_backslashes(text, end)
        if number % _STEP == 0:
            yield None
    yield b"".join(parts) + text[end:]


def _plain_spans(text: bytes, key: bytes) -> Iterator[tuple[int, int]]:
    """Where the key stands as it is, though what is before it looks like the beginning of an escape."""
    place = -1 if b"\\" in key else text.find(key)
    while place >= 0:
        if not _is_inside_escape(text, place):
            yield place, place + len(key)
        place = text.find(key, place + len(key))


def _is_inside_escape(text: bytes, place: int) -> bool:
    """Whether an escape of JSON begins before a place and goes on behind it."""
    for begin in range(place - 1, max(place - 6, -1), -1):
        if text[begin : begin + 1] == b"\\" and (begin == place - 1 or text[begin + 1 : begin + 2] == b"u"):
            backslashes = begin
            while backslashes >= 0 and text[backslashes : backslashes + 1] == b"\\":
                backslashes -= 1
            return (begin - backslashes) % 2 == 1
    return False


def _after_backslashes(text: bytes, place: int) -> int:
    """The place after the backslashes at a place, without one that escapes the character behind them."""
    while (escape := _BACKSLASH.match(text, place)) is not None:
        place = escape.end()
    return place


class _Unescaped:
    """A text whose escapes are undone and whose backslashes are left out, with the place that each part had."""

    def __init__(self) -> None:
        self.text = b""
        self._places: list[int] = []
        """The place of each escape in the text without escapes."""
        self._escapes: list[tuple[int, int, int]] = []
        """The beginning and the end of each escape in the original, and the length of what it stands for."""

    def read(self, text: bytes) -> Iterator[None]:
        """Undo the escapes of a text, in steps."""
        parts: list[bytes] = []
        place = end = 0
        for number, match in enumerate(_ESCAPE.finditer(text), 1):
            first, last = match.span()
            character = _character(match)
            parts += (text[end:first], character)
            place += first - end
            self._places.append(place)
            self._escapes.append((first, last, len(character)))
            place += len(character)
            end = last
            if number % _STEP == 0:
                yield None
        parts.append(text[end:])
        self.text = b"".join(parts)

    def spans(self, form: bytes) -> Iterator[tuple[int, int]]:
        """The places of the original from which a form came, with the backslashes before it."""
        for first, last in _spans(self.text, form):
            yield self._first(first), self._last(last)

    def _first(self, place: int) -> int:
        following = bisect_left(self._places, place)
        if following < len(self._places) and self._places[following] == place:
            return self._escapes[following][0]
        return self._last(place)

    def _last(self, place: int) -> int:
        before = bisect_left(self._places, place) - 1
        if before < 0:
            return place
        _, last, length = self._escapes[before]
        return last + max(place - self._places[before] - length, 0)


def _character(match: re.Match[bytes]) -> bytes:
    """The character that an escape stands for; nothing for backslashes, escaped or not."""
    if match.lastindex is None:
        return b""
    high, low, escaped, percent = match.groups()
    if percent is not None:
        found = bytes((int(percent, 16),))
    elif escaped is not None:
        found = chr(int(escaped, 16)).encode("utf-8", "surrogatepass")
    else:
        found = bytes.fromhex((high + low).decode()).decode("utf-16-be").encode()
    return b"" if found == b"\\" else found
