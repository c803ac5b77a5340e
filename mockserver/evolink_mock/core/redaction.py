"""Redaction of API keys in texts that are shown or kept, in any spelling."""

import re
from functools import lru_cache
from hashlib import blake2b

REDACTED = "…"
SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-mock-token", "x-api-key"})

_SHORTEST = 6
"""Characters. A shorter key is part of too many innocent words to be replaced in running text."""
LONGEST_SPELLING = 12
"""Bytes that one character of a key may take, escaped twice over."""


def redact(text: bytes, key: str) -> bytes:
    """The text with the key replaced wherever it stands: plain, escaped as JSON does, or percent-encoded."""
    spellings = _spellings(key)
    return text if spellings is None else spellings.sub(REDACTED.encode(), text)


def truncate(text: bytes, limit: int, key: str) -> bytes:
    """The first `limit` bytes; a key that the cut would split is redacted first, as half of one is not recognised."""
    if len(text) <= limit:
        return text
    return redact(text[: limit + LONGEST_SPELLING * len(key)], key)[:limit]


def masked_key(key: str) -> str:
    """The first four and the last three characters of a key, by which its owner recognises it: `sk-t…our`."""
    return f"{key[:4]}{REDACTED}{key[4:][-3:]}"


def key_digest(key: str) -> str:
    """Eight hexadecimal digits that identify a key, since two keys may have the same beginning and end."""
    return blake2b(key.encode(), digest_size=4).hexdigest()


@lru_cache(maxsize=256)
def _spellings(key: str) -> re.Pattern[bytes] | None:
    if len(key) < _SHORTEST:
        return None
    return re.compile(b"".join(map(_spelling, key)))


def _spelling(character: str) -> bytes:
    encoded = character.encode()
    percent = b"".join(b"%%%02x" % byte for byte in encoded)
    return rb"(?:\\*%s|(?i:%s)|\\+(?i:u%04x))" % (re.escape(encoded), percent, ord(character))
