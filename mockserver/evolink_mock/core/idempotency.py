"""Idempotency keys: their form, and the digest by which a repeated request is recognised (S2)."""

import re
from hashlib import blake2b

from evolink_contracts.spec.headers import IDEMPOTENCY_KEY

_FORM = re.compile(IDEMPOTENCY_KEY.pattern.encode())


def parse_key(header: bytes) -> str | None:
    """The key of an `Idempotency-Key` header. Raises `ValueError` for one of another form."""
    if not _FORM.fullmatch(header):
        raise ValueError("Idempotency-Key must have 16 to 96 characters of A-Z, a-z, 0-9 and ._-")
    return header.decode("ascii")


def digest_of(body: bytes) -> bytes:
    """The digest of a request, from its JSON with sorted keys."""
    return blake2b(body, digest_size=16).digest()
