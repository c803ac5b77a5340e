"""uvicorn's HTTP/1.1 protocol with pipelines of bounded memory, and responses to clients that ended their sending side.

This module and those of its subclasses alone use uvicorn's internals. `make test-uvicorn` runs their tests with the
oldest and the newest version that is allowed.
"""

from abc import ABC, abstractmethod
from asyncio import TimerHandle, Transport
from collections.abc import Iterator
from typing import Any, TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from evolink_mock.api.asgi import HALF_CLOSED

Bytes: TypeAlias = bytes | memoryview

_PIECE = 4096
"""Bytes that are parsed at a time: requests behind one another beyond them wait until the first is answered."""
_HALF_CLOSED = 30.0
"""Seconds that a response may take once its client has ended its sending side."""


class _Flow(FlowControl):
    """Flow control that does not read on while bytes wait to be parsed."""

    held = False

    def resume_reading(self) -> None:
        if not self.held:
            super().resume_reading()


class PipelinedProtocol(HttpToolsProtocol, ABC):
    """Parses, and reads, nothing more while a request waits behind another whose response is pending.

    uvicorn begins an exchange for each request that arrives, however many wait before it.
    """

    flow: _Flow
    in_message = False
    """Whether a message has begun, and has not been parsed whole."""
    half_closed = False
    """Whether the client has ended its sending side."""
    _unparsed: Bytes = b""
    """Bytes that arrived behind a request that waits for the response to another."""
    own: RequestResponseCycle | None = None
    """The exchange of the message that is being read, once its head has been parsed."""
    running: RequestResponseCycle | None = None
    """The exchange that is being answered; `cycle` is that of the last request whose head has been parsed."""
    _closing: TimerHandle | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app = _UntilHalfClosed(self, self.app)

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._unparsed:
            self._unparsed = b"".join((self._unparsed, data))
        else:
            self._parse(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection stays open for the responses to what its client has sent whole."""
        self.half_closed = True
        if self.in_message and not self._unparsed:
            self.drop_message()
        if self.scheme == "https" or not self.is_answering():
            return False
        if self.running is not None:
            self.running.message_event.set()
        self.close_later(_HALF_CLOSED)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._unparsed = b""
        if self._closing is not None:
            self._closing.cancel()
        for cycle in self._exchanges():
            cycle.disconnected = True
            cycle.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def close_later(self, seconds: float) -> None:
        """Close the connection after some seconds, unless that was asked for before."""
        if self._closing is None:
            self._closing = self.loop.call_later(seconds, self.transport.close)

    def on_message_begin(self) -> None:
        self._unset_keepalive_if_required()
        self.in_message, self.own = True, None
        self.begin_message()

    def begin_message(self) -> None:
        """Prepare for a message whose head is parsed next."""
        super().on_message_begin()

    def begin_exchange(self) -> None:
        """Begin the exchange of the request whose head has been parsed."""
        super().on_headers_complete()
        self.own = self.cycle
        if not self.pipeline:
            self.running = self.cycle

    def on_response_complete(self) -> None:
        self.running = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        if self.pipeline or self.transport.is_closing():
            return
        if self._unparsed:
            self._unset_keepalive_if_required()
            self.loop.call_soon(self._parse_rest)
        elif self.running is None:
            self._settle()

    @abstractmethod
    def parsed(self, piece: Bytes) -> bool:
        """Whether a piece was parsed and more may follow."""

    def end_of_data(self) -> None:
        """Called when all that has arrived is parsed."""

    def idle(self) -> None:
        """Called when each request that has been read is answered, and no other has begun."""
        if self.half_closed:
            self.transport.close()
        elif self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def end_if_half_closed(self, cycle: RequestResponseCycle | None) -> None:
        """Close where the application has ended without a whole response, since it took the client to have left."""
        if self.half_closed and cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            self.transport.close()

    def is_answering(self) -> bool:
        """Whether a request that has been read, or may have been sent whole, is not answered yet."""
        running = self.running
        return bool(self._unparsed or self.pipeline) or (running is not None and not running.response_complete)

    def drop_message(self) -> None:
        """Give up the message that is being read; the exchanges before it go on."""
        own, self.own, self.in_message = self.own, None, False
        if own is None or own.response_complete:
            return
        if self.pipeline and self.pipeline[0][0] is own:
            self.pipeline.popleft()
            return
        own.disconnected = True
        own.message_event.set()
        self.running = None

    def _parse_rest(self) -> None:
        data, self._unparsed, self.flow.held = self._unparsed, b"", False
        if not self.transport.is_closing():
            self._parse(data)
        if not self.pipeline:
            self.flow.resume_reading()

    def _parse(self, data: Bytes) -> None:
        size = len(data)
        for begin in range(0, size, _PIECE):
            if self.pipeline:
                self._unparsed = bytes(data[begin:])
                self.flow.held = True
                self.flow.pause_reading()
                return
            piece = data if size <= _PIECE else memoryview(data)[begin : begin + _PIECE]
            if not self.parsed(piece):
                return
        self.end_of_data()
        self._settle()

    def _settle(self) -> None:
        if self.in_message and self.half_closed:
            self.drop_message()
        if self.in_message:
            self._unset_keepalive_if_required()
        elif not self.is_answering() and not self.transport.is_closing():
            self.idle()

    def _exchanges(self) -> Iterator[RequestResponseCycle]:
        """The exchanges without a whole response: the one that is answered, and those behind it."""
        if self.running is not None and not self.running.response_complete:
            yield self.running
        yield from (cycle for cycle, _ in reversed(self.pipeline))


class _UntilHalfClosed:
    """An application for which a client that ended its sending side has disconnected, once its request was read.

    A client that closed its connection sends nothing else. Where it only ended its sending side, the response that the
    application still sends arrives.
    """

    def __init__(self, protocol: PipelinedProtocol, app: ASGIApp) -> None:
        self._protocol = protocol
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        whole, cycle = False, self._protocol.running

        async def receive_until() -> Message:
            nonlocal whole
            message: Message = {} if whole and self._protocol.half_closed else await receive()
            if whole and self._protocol.half_closed:
                return {"type": "http.disconnect", HALF_CLOSED: True}
            whole = not message.get("more_body", False)
            return message

        await self._app(scope, receive_until, send)
        self._protocol.end_if_half_closed(cycle)
