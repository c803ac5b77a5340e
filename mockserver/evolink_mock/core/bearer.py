"""Bearer tokens: the API key of an `Authorization` header."""

import re
from functools import lru_cache

_BEARER = re.compile(rb"bearer +([^\x00-\x20\x7f]+) *", re.IGNORECASE)


def bearer_key(authorization: bytes | None) -> str | None:
    """The API key, or `None` where there is no header or it is not of the form `Bearer KEY`."""
    return None if authorization is None else _parse(authorization)


@lru_cache(maxsize=1024)
def _parse(authorization: bytes) -> str | None:
    match = _BEARER.fullmatch(authorization)
    return None if match is None else match[1].decode("latin-1")
