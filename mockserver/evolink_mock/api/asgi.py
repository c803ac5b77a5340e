"""HTTP over ASGI for API endpoints: reads request bodies, completes results to responses, sends and logs them."""

import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

from starlette.types import Receive, Scope, Send

from evolink_mock.api.responses import Result
from evolink_mock.clock import Clock, http_date, monotonic
from evolink_mock.core.duration import Micros
from evolink_mock.log_lines import request_line
from evolink_mock.worlds.world import World

log = logging.getLogger("evolink_mock")

_BODILESS = (204, 304)
"""Statuses of responses that have no body, and no Content-Length either (RFC 9110, 8.6)."""
_DRAINED = 64 * 1024 * 1024
"""A body over the limit is read and dropped up to here, since a client still sending may never read a response."""


class ClientDisconnected(Exception):
    """The client disconnected before the request was complete."""


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The body, or `None` if it is larger than `limit` bytes. Raises `ClientDisconnected`."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return body if len(body) <= limit else None
    chunks, size = [body], len(body)
    while size <= _DRAINED:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        if not message.get("more_body", False):
            break
    return b"".join(chunks) if size <= limit else None


class Response(NamedTuple):
    """A result with what every response carries: the instant in its world, and its id."""

    result: Result
    now: Micros
    request_id: str

    def headers(self) -> list[tuple[bytes, bytes]]:
        result = self.result
        own = ((b"date", http_date(self.now)), (b"x-request-id", self.request_id.encode()))
        if result.status in _BODILESS:
            return [*own, *result.headers]
        return [
            (b"content-type", result.content_type),
            (b"content-length", b"%d" % len(result.body)),
            *own,
            *result.headers,
        ]


Sender: TypeAlias = Callable[[Scope, Receive, Send, Response], Awaitable[None]]


def response_of(result: Result, anonymous: World, clock: Clock | None = None) -> Response:
    """The response of a request that belongs to no world, numbered in `anonymous`; dated by another clock, if given."""
    return Response(result, (clock or anonymous.clock).now(), anonymous.next_request_id())


async def send_response(send: Send, response: Response, method: str) -> None:
    """Send a response, to HEAD without its body."""
    result = response.result
    await send({"type": "http.response.start", "status": result.status, "headers": response.headers()})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else result.body})


def log_request(world: World, began: float | None, method: str, path: bytes, query: bytes, result: Result) -> None:
    """Log a request and its response on one line; nothing where it has no instant at which it began."""
    if began is None:
        return
    decided = result.source not in (None, "default")
    line = request_line(
        method,
        path + b"?" + query if query else path,
        result.status,
        monotonic() - began,
        key=world.key,
        task=result.task,
        scenario=f"{result.source} {result.scenario}" if decided and result.scenario else "",
        fault=result.fault,
        error=result.body if result.status >= 400 else b"",
        remark=result.remark,
    )
    log.info("%s", line)
