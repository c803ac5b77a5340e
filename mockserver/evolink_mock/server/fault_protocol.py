"""HTTP/1.1 protocol, extended: the connection in the ASGI scope, and a hook for requests that arrived whole."""

import logging
import re
import socket
import struct
from asyncio import Transport
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeAlias

from evolink_mock.api.asgi import PendingResponse, Response
from evolink_mock.api.endpoint import PRECOMPUTED
from evolink_mock.api.fault_sender import CONNECTION
from evolink_mock.server.bounded_protocol import BoundedProtocol

log = logging.getLogger("evolink_mock")

_NO_LINGER = struct.pack("ii", 1, 0)
_STATUS_LINES = {int(each): b"HTTP/1.1 %d %b\r\n" % (each, each.phrase.encode()) for each in HTTPStatus}
_PLAIN = re.compile(rb"/[A-Za-z0-9/._-]*")
"""Paths without escapes, and without a query."""


class FaultProtocol(BoundedProtocol):
    """Offers each request's connection as the extension `CONNECTION` of its scope."""

    precomputed: Response | PendingResponse | None = None
    """The response to the request being read, where that was carried out already."""

    def begin_exchange(self) -> None:
        super().begin_exchange()
        extensions: dict[str, object] = {CONNECTION: _Connection(self.transport)}
        if self.precomputed is not None:
            extensions[PRECOMPUTED], self.precomputed = self.precomputed, None
        self.scope["extensions"] = extensions  # type: ignore[typeddict-item]


Responder: TypeAlias = Callable[
    [object, bytes, bytes, list[tuple[bytes, bytes]], bytes], Response | PendingResponse | None
]
"""Carries a request out, given the application, the method, the URL, the headers and the body. It returns `None` before
anything has happened, to leave the request to the application."""


class WholeRequestProtocol(FaultProtocol):
    """Holds each plain request until it has arrived whole, and lets `respond` carry it out without an ASGI task.

    Any other request takes uvicorn's own way before anything has happened: a body still on its way, a request behind
    another, a client that reads slowly, `Expect`, `Upgrade`, HTTP/1.0, `Connection: close`, an escape in the path. A
    response that is pending or has a fault is sent that way too, although its request has been carried out.
    """

    _held = False
    """Whether the request being read may yet be passed to `respond`."""
    _body = b""

    def __init__(self, *args: Any, respond: Responder, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._respond = respond

    def begin_message(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def begin_exchange(self) -> None:
        self._held = self._may_be_held()
        self._body = b""
        if not self._held:
            self._replay_head()

    def on_body(self, body: bytes) -> None:
        if self._held:
            self._event = True
            self._body += body
        else:
            super().on_body(body)

    def complete_message(self) -> None:
        if not self._held:
            super().complete_message()
        elif not self._responded():
            self._fall_back()
            super().complete_message()

    def end_of_data(self) -> None:
        if self._held and not self.transport.is_closing():
            self._fall_back()
        super().end_of_data()

    def connection_lost(self, exc: Exception | None) -> None:
        self._held = False
        super().connection_lost(exc)

    def _may_be_held(self) -> bool:
        parser = self.parser
        return (
            (self.cycle is None or self.cycle.response_complete)  # type: ignore[redundant-expr]
            and not self.flow.write_paused
            and not self.expect_100_continue
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and parser.get_http_version() == "1.1"
            and _PLAIN.fullmatch(self.url) is not None
        )

    def _responded(self) -> bool:
        """Whether the request that is held needs nothing more."""
        try:
            response = self._respond(self.config.app, self.parser.get_method(), self.url, self.headers, self._body)
        except Exception:  # The parser would take it for an error of the request.
            log.exception("%s failed", self.url[:200])
            self._held = False
            self.transport.close()
            return True
        if response is None:
            return False
        if isinstance(response, PendingResponse) or not response.is_whole():
            self.precomputed = response
            return False
        self._held = False
        self.transport.write(_head(response) + response.result.body)
        self.server_state.total_requests += 1
        return True

    def _fall_back(self) -> None:
        """Hand the request that is held, as far as it has arrived, to uvicorn's own way."""
        self._held = False
        self._replay_head()
        if self._body:
            super().on_body(self._body)

    def _replay_head(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().begin_message()
        self.url, self.expect_100_continue = url, expects
        self.headers[:] = headers  # The list that the scope holds.
        super().begin_exchange()


class _Connection:
    """The connection of a request, for faults below HTTP."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def head(self, response: Response) -> bytes:
        return _head(response)

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def reset(self) -> None:
        """End the connection so that the client sees a reset instead of an orderly end."""
        if (opened := self._transport.get_extra_info("socket")) is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    def close(self) -> None:
        self._transport.close()


def _head(response: Response) -> bytes:
    """The status line and the headers of a response."""
    head = b"".join([b"%b: %b\r\n" % header for header in response.headers()])
    return b"%b%b\r\n" % (_STATUS_LINES[response.result.status], head)
