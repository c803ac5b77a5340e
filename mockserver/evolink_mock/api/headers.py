"""Request headers: their types, their limit, and those that are sent more than once."""

from typing import TypeAlias

IDEMPOTENCY_HEADER = b"idempotency-key"
SCENARIO_HEADER = b"x-mock-scenario"
MAX_HEADER_BYTES = 32 * 1024

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
