"""Bearer authentication: API keys in the `Authorization` header."""

from collections.abc import Callable, Collection
from typing import Literal, NamedTuple

from evolink_mock.core.request_headers import bearer_key

_INVALID = "sk-invalid"
"""Keys that begin like this are wrong even where any key is accepted, so that a 401 can always be provoked."""


class Unauthenticated(NamedTuple):
    """A request without a usable key."""

    cause: Literal["missing", "wrong"]


def authenticate(
    authorization: bytes | None, keys: Collection[str], parse: Callable[[bytes | None], str | None] = bearer_key
) -> str | Unauthenticated:
    """The API key of an `Authorization` header. Where no `keys` are listed, any non-empty one is accepted."""
    key = parse(authorization)
    if key is None and authorization is None:
        return Unauthenticated("missing")
    if key is None or (key not in keys if keys else key.startswith(_INVALID)):
        return Unauthenticated("wrong")
    return key
