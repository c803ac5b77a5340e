"""Request headers that decide: their text, the bearer token, the content type, and the idempotency key."""

import re
from functools import lru_cache
from hashlib import blake2b

from evolink_contracts.spec.headers import IDEMPOTENCY_KEY

_JSON = b"application/json"
LONGEST_KEY = 256
"""Bytes of an API key. A longer one is refused."""
_LONGEST_CACHED = 512
"""Bytes of an `Authorization` header whose key is cached, so that the cache is bounded in bytes."""
_BEARER = re.compile(rb"bearer +([^\x00-\x20\x7f]+) *", re.IGNORECASE)
_IDEMPOTENCY_KEY = re.compile(IDEMPOTENCY_KEY.pattern.encode())


def header_text(value: bytes) -> str:
    """The text of a header's value: UTF-8, as clients write it, or Latin-1 where it is not valid UTF-8."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def bearer_key(authorization: bytes | None) -> str | None:
    """The API key, or `None` where there is no header or it is not of the form `Bearer KEY`."""
    if authorization is None:
        return None
    return (_cached_key if len(authorization) <= _LONGEST_CACHED else _parse_key)(authorization)


def _parse_key(authorization: bytes) -> str | None:
    match = _BEARER.fullmatch(authorization)
    return None if match is None else header_text(match[1])


_cached_key = lru_cache(maxsize=1024)(_parse_key)


def is_json(content_type: bytes) -> bool:
    """Whether a request with this `Content-Type` is read as JSON."""
    # The first comparison settles nearly all requests.
    return content_type == _JSON or content_type.partition(b";")[0].strip().lower() == _JSON


def is_urllib(user_agent: bytes) -> bool:
    """Whether a `User-Agent` is that of Python's urllib; urllib3, a library of its own, is another."""
    return user_agent.strip().lower().startswith(b"python-urllib/")


def parse_idempotency_key(header: bytes) -> str | None:
    """The key of an `Idempotency-Key` header (S2). Raises `ValueError` for one of another form."""
    if not _IDEMPOTENCY_KEY.fullmatch(header):
        raise ValueError("Idempotency-Key must have 16 to 96 characters of A-Z, a-z, 0-9 and ._-")
    return header.decode("ascii")


def request_digest(body: bytes) -> bytes:
    """The digest by which a repeated request is recognised, from its JSON with sorted keys."""
    return blake2b(body, digest_size=16).digest()
