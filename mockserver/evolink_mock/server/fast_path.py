"""uvicorn's HTTP protocol, with a short way through it: what has arrived whole and need not wait is answered at once.

A task on the event loop, an ASGI scope and two writes for each answer cost more than to judge a create and draw its
plan. The short way is for plain requests of the API alone; whatever is unusual about one sends it uvicorn's own way,
before anything has happened: a body still on its way, a request behind another, a reader who is late, `Expect`,
`Upgrade`, HTTP/1.0, `Connection: close`, an escape in the path. An answer that is held back or spoiled goes that way
too, though what it answers has happened.
"""

import logging
import re

from evolink_mock.api.endpoint import Endpoint, PendingResponse
from evolink_mock.app import Emulator
from evolink_mock.server.fault_protocol import FaultProtocol, render

log = logging.getLogger("evolink_mock")

_METHODS = {b"GET": "GET", b"POST": "POST"}
_PLAIN = re.compile(rb"/[A-Za-z0-9/._-]*")
"""Paths that mean what they say: no escape, no query."""


class FastPathProtocol(FaultProtocol):
    """For an `Emulator` as the application, and without an access log: the short way writes none."""

    _held = False
    """Whether the request being read may yet be answered at once."""
    _body = b""

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        self._held = self._may_be_prompt()
        self._body = b""
        if not self._held:
            self._fall_back()

    def on_body(self, body: bytes) -> None:
        if self._held and not self._body:
            self._body = body
            return
        if self._held:
            self._release()
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._held:
            super().on_message_complete()
        elif not self._answer():
            self._release()
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._held and not self.transport.is_closing():
            self._release()

    def connection_lost(self, exc: Exception | None) -> None:
        self._held = False
        super().connection_lost(exc)

    def _may_be_prompt(self) -> bool:
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

    def _answer(self) -> bool:
        """Answer the request that is held, or say that this is not for the short way."""
        method = _METHODS.get(self.parser.get_method())
        app = self.config.app
        found = app.lookup(self.url.decode("ascii")) if isinstance(app, Emulator) else None
        endpoint, parameters = found or (None, {})
        if method is None or not isinstance(endpoint, Endpoint) or (self._body and method == "GET"):
            return False
        if not endpoint.answers_at_once():
            return False
        self._held = False
        try:
            response = endpoint.respond(method, self.url, b"", self.headers, self._body, parameters)
        except Exception:  # The parser would take it for a fault of the request.
            log.exception("%s %s failed", method, self.url[:200])
            self.transport.close()
            return True
        if isinstance(response, PendingResponse) or response.result.fault is not None:
            self.precomputed = response
            return False
        self.transport.write(render(response) + response.result.body)
        self.server_state.total_requests += 1
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        return True

    def _release(self) -> None:
        self._held = False
        self._fall_back()
        if self._body:
            super().on_body(self._body)

    def _fall_back(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers[:] = headers  # The list that the scope holds.
        super().on_headers_complete()
