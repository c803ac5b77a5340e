"""Headers: their types, their limit, those that are sent more than once, and those of CORS."""

from collections.abc import Iterable
from typing import TypeAlias

IDEMPOTENCY_HEADER = b"idempotency-key"
SCENARIO_HEADER = b"x-mock-scenario"
MAX_HEADER_BYTES = 32 * 1024

_EXPOSED = b"allow, idempotency-replayed, retry-after, x-request-id"
_CORS = ((b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", _EXPOSED))
_PREFLIGHT_SECONDS = b"600"

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]
Headers: TypeAlias = dict[bytes, bytes]


def by_name(headers: RawHeaders) -> Headers:
    """Headers by name; the values of a repeated one are joined by commas (RFC 9110, 5.3), so that none is lost."""
    found = dict(headers)
    return found if len(found) == len(headers) else _joined(headers)


def _joined(headers: RawHeaders) -> Headers:
    joined: Headers = {}
    for name, value in headers:
        joined[name] = b"%s, %s" % (joined[name], value) if name in joined else value
    return joined


def is_preflight(method: str, headers: Headers) -> bool:
    """Whether a browser asks if it may send a request of a page of another origin."""
    return method == "OPTIONS" and b"origin" in headers and b"access-control-request-method" in headers


def preflight_headers(headers: Headers, methods: Iterable[str]) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that allow a page of any origin to send such a request, with any headers."""
    asked = headers.get(b"access-control-request-headers")
    return (
        *_CORS,
        (b"access-control-allow-methods", ", ".join(sorted(methods)).encode()),
        *([] if asked is None else [(b"access-control-allow-headers", asked)]),
        (b"access-control-max-age", _PREFLIGHT_SECONDS),
    )


def with_cors(own: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of a response that a page of any origin may read."""
    return own if any(name == _CORS[0][0] for name, _ in own) else (*own, *_CORS)
