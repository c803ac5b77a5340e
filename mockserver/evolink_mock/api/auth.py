"""Bearer authentication: API keys in the `Authorization` header."""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Literal, NamedTuple

_BEARER = re.compile(rb"bearer +([^\x00-\x20\x7f]+) *", re.IGNORECASE)
_INVALID = "sk-invalid"
"""Keys that begin like this are wrong even where any key is accepted, so that a 401 can always be provoked."""


class Unauthenticated(NamedTuple):
    """A request without a usable key."""

    cause: Literal["missing", "wrong"]


def authenticate(authorization: bytes | None, keys: Collection[str]) -> str | Unauthenticated:
    """The API key of an `Authorization` header. Where no `keys` are listed, any non-empty one is accepted."""
    if authorization is None:
        return Unauthenticated("missing")
    key = _bearer_key(authorization)
    if key is None or (key not in keys if keys else key.startswith(_INVALID)):
        return Unauthenticated("wrong")
    return key


@lru_cache(maxsize=1024)
def _bearer_key(authorization: bytes) -> str | None:
    match = _BEARER.fullmatch(authorization)
    return None if match is None else match[1].decode("latin-1")
