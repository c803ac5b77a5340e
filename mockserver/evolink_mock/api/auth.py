"""Bearer authentication: API keys in the `Authorization` header."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from evolink_mock.core.request_headers import bearer_key
from evolink_mock.settings.keys import AcceptedKeys


class Unauthenticated(NamedTuple):
    """A request without a usable key; `key` is one that was refused."""

    cause: Literal["missing", "malformed", "refused"]
    key: str = ""


def authenticate(
    authorization: bytes | None, keys: AcceptedKeys, parse: Callable[[bytes | None], str | None] = bearer_key
) -> str | Unauthenticated:
    """The API key of an `Authorization` header, if it is accepted."""
    key = parse(authorization)
    if key is None:
        return Unauthenticated("missing" if authorization is None else "malformed")
    return key if keys.accepts(key) else Unauthenticated("refused", key)
