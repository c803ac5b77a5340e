"""HTTP over ASGI for API endpoints: reads request bodies, completes results to responses, sends and logs them."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import NamedTuple, TypeAlias

from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from evolink_mock.api.responses import Pending, Result
from evolink_mock.clock import Clock, http_date, in_background, monotonic
from evolink_mock.core.duration import Micros
from evolink_mock.log_lines import request_line
from evolink_mock.worlds.journal import CLIENT_DISCONNECTED
from evolink_mock.worlds.store import StorageError
from evolink_mock.worlds.world import World

log = logging.getLogger("evolink_mock")

_BODILESS = (204, 304)
"""Statuses of responses that have no body, and no Content-Length either (RFC 9110, 8.6)."""
MAX_BODIES = 512 * 1024 * 1024
"""Bytes of all bodies that are arriving or being carried out."""
_SMALL_BODY = 64 * 1024
"""Bodies up to here are not counted, and never refused for the sake of others."""
_PIECE = 256 * 1024
"""Bytes of a long response that are sent at a time, since what a client does not read is kept in memory."""


HALF_CLOSED = "evolink_mock.half_closed"
"""A member of `http.disconnect`: true for a client that has ended its sending side and may still read a response."""


class ClientDisconnected(Exception):
    """The client disconnected before the request was complete."""


class BodiesTooLarge(Exception):
    """The bodies that are arriving together exceed their bound; the message says so."""


class BodyBudget:
    """The memory of all bodies that are arriving or being carried out, except for small ones."""

    def __init__(self) -> None:
        self._held = 0

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """A function that is called with the size of a body as it grows. It raises `BodiesTooLarge`."""
        own = 0

        def grow_to(size: int) -> None:
            nonlocal own
            if size > _SMALL_BODY:
                if self._held + size - own > MAX_BODIES:
                    raise BodiesTooLarge(
                        f"Bodies that arrive at one time have at most {MAX_BODIES // 2**20} MiB together; "
                        "send this one again when the others have arrived"
                    )
                self._held, own = self._held + size - own, size

        try:
            yield grow_to
        finally:
            self._held -= own


def _unlimited(size: int) -> None:
    """For bodies that are small in any case."""


async def read_body(receive: Receive, limit: int, grow_to: Callable[[int], None] = _unlimited) -> bytes | None:
    """The body, or `None` as soon as it is larger than `limit` bytes. Raises `ClientDisconnected`.

    The server drops what arrives of a body behind its response, so that a client still sending reads that response.
    `grow_to` is called with the size so far; it may raise `BodiesTooLarge`.
    """
    chunks: list[bytes] = []
    size, more = 0, True
    while more and size <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        more = message.get("more_body", False)
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        grow_to(size)
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
            (b"content-length", b"%d" % (len(result.body) if result.file is None else result.file.length)),
            *own,
            *result.headers,
        ]

    def is_whole(self) -> bool:
        """Whether it can be sent at once: without a fault, and small enough for the memory of a connection."""
        return self.result.fault is None and self.result.file is None and len(self.result.body) <= _PIECE


class PendingResponse:
    """The response of a request that was carried out, to be awaited before it is sent.

    Its result is journaled as soon as it is known, unless the world was reset before. If the client disconnects
    before it is sent, or the wait is given up, an event records that.
    """

    def __init__(
        self,
        world: World,
        now: Micros,
        request_id: str,
        pending: Pending,
        journal: Callable[[Result], None],
        note: Callable[[Result], None],
    ) -> None:
        self._world, self._epoch = world, world.epoch
        self._now, self._request_id = now, request_id
        self._pending = pending
        self._journal, self._note = journal, note
        self._abandoned = False
        if pending.result is not None:
            journal(pending.result)

    async def finish(self, receive: Receive | None = None) -> Response:
        """Await the response. With `receive`, a client that disconnects meanwhile is noticed at once."""
        result = self._pending.cancelled
        try:
            async with nullcontext() if receive is None else in_background(self._watch(receive)):
                result = await self._pending.finish()
        except BaseException:
            self._abandon()
            raise
        finally:
            if self._pending.result is None and self._world.epoch == self._epoch:
                self._journal(result)
        if not self._abandoned:
            self._note(result)
        return Response(result, self._now, self._request_id)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._abandon()

    def _abandon(self) -> None:
        if self._abandoned:
            return
        self._abandoned = True
        known = self._pending.result or self._pending.cancelled
        if self._world.epoch == self._epoch:
            # Where a change cannot be stored, the emulator's log has the reason.
            with suppress(StorageError), self._world.transaction():
                self._world.record_event(CLIENT_DISCONNECTED, self._request_id, known.task)
        self._note(replace(known, status=0, remark="the client disconnected before the response"))


Sender: TypeAlias = Callable[[Scope, Receive, Send, Response], Awaitable[None]]


def response_of(result: Result, anonymous: World, clock: Clock | None = None) -> Response:
    """The response of a request that belongs to no world, numbered in `anonymous`; dated by another clock, if given."""
    return Response(result, (clock or anonymous.clock).now(), anonymous.next_request_id())


async def send_response(send: Send, response: Response, method: str) -> None:
    """Send a response, to HEAD without its body."""
    result = response.result
    await send({"type": "http.response.start", "status": result.status, "headers": response.headers()})
    if method == "HEAD":
        await send({"type": "http.response.body", "body": b""})
    elif result.file is None and len(result.body) <= _PIECE:
        await send({"type": "http.response.body", "body": result.body})
    else:
        await _send_in_pieces(send, result)


async def _send_in_pieces(send: Send, result: Result) -> None:
    length = len(result.body) if result.file is None else result.file.length
    for begin in range(0, length, _PIECE):
        piece = (
            result.body[begin : begin + _PIECE]
            if result.file is None
            else result.file.read(begin, min(_PIECE, length - begin))
        )
        await send({"type": "http.response.body", "body": piece, "more_body": begin + _PIECE < length})


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
