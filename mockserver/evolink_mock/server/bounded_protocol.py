"""HTTP/1.1 protocol with bounds of bytes, time and connections, and one meaning for each request."""

import re
from asyncio import Transport
from typing import Any, NamedTuple

import httptools

from evolink_mock.server.own_hosts import OwnHosts
from evolink_mock.server.pipelined_protocol import Bytes, PipelinedProtocol
from evolink_mock.server.refusals import (
    FOREIGN_HOST,
    HOST,
    LARGE_HEAD,
    LONG_URL,
    MALFORMED,
    MAX_HEAD,
    Refusal,
    late_body,
    late_head,
    too_many_connections,
)
from evolink_mock.server.request_parser import RequestParser

_LINGER = 2.0
"""Seconds in which what a client still sends is dropped, since closing at once could cost it the response."""
_LAST_BYTES = 1.0
"""Seconds that a body which is still arriving has when the server stops."""
_REFUSED_WITH_RESPONSE = 64
"""Connections beyond the limit that are refused with a response, at most an eighth of it; any more are closed."""
_HOST = re.compile(rb"[^\x00-\x20/@?#\\,\x7f]*")


class Limits(NamedTuple):
    """Bounds of connections: seconds for a head and for a body, and the number that are open at one time."""

    head_timeout: float = 30
    body_timeout: float = 300
    connections: int = 10_000
    hosts: OwnHosts | None = None
    """The hosts that requests may name; `None` for any."""


class BoundedProtocol(PipelinedProtocol):
    """A connection whose memory and whose waiting are bounded, whatever its client sends or leaves out.

    Bytes are counted as they arrive. What is malformed is refused when the requests before it have been answered.
    """

    parser: RequestParser
    _limits = Limits()
    _in_body = False
    """Whether the head of the message that is being read has been parsed."""
    _event = False
    """Whether the piece being parsed has begun a message, ended its head, brought some of its body, or ended it."""
    _counted = 0
    """Bytes since the last event."""
    _since: float | None = None
    """The instant since which the rest of a head or a body is awaited."""
    _host = b""
    """The last `Host` that was valid."""
    _own_host = True
    _refusal: Refusal | None = None
    """The reason why this connection reads no more."""
    _refused = False
    """Whether the refusal was sent."""

    def __init__(self, *args: Any, limits: Limits | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = RequestParser(self)
        if limits is not None:
            self._limits = limits

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self.loop.time()
        beyond = len(self.connections) - self._limits.connections
        if beyond > min(_REFUSED_WITH_RESPONSE, self._limits.connections // 8 + 1):
            transport.abort()
        elif beyond > 0:
            self.refuse(too_many_connections(self._limits.connections))

    def data_received(self, data: bytes) -> None:
        if self._refusal is None:
            super().data_received(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection stays open for the responses to what its client has sent whole."""
        return super().eof_received() and not self._refused

    def shutdown(self) -> None:
        """Answer what has been read whole, and close; a body that is still arriving has a moment."""
        super().shutdown()
        if self.in_message and not self.transport.is_closing():
            self.close_later(_LAST_BYTES)

    def check_deadline(self) -> None:
        """Refuse the request of which the rest is awaited for too long. To be called about once in a second."""
        if self._since is None or self._refusal is not None:
            return
        if self.flow.read_paused:
            self._since = self.loop.time()
            return
        waited = self.loop.time() - self._since
        if self._in_body and waited > self._limits.body_timeout:
            self.refuse(late_body(self._limits.body_timeout))
        elif not self._in_body and waited > self._limits.head_timeout:
            if self.in_message:
                self.refuse(late_head(self._limits.head_timeout))
            else:
                self.transport.close()

    def on_message_begin(self) -> None:
        self._in_body, self._event, self._since = False, True, None
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_body:  # A trailer is no header (RFC 9110, 6.5.1).
            # httptools leaves the white space behind a value, which is no part of it (RFC 9112, 5.1).
            super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        if self.parser.offers_upgrade():
            return
        self._check_head()
        self._in_body, self._event, self._since = True, True, None
        self.begin_exchange()

    def on_body(self, body: bytes) -> None:
        self._event = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.offers_upgrade():
            return
        self.in_message, self._in_body, self._event, self._since = False, False, True, None
        self.complete_message()

    def complete_message(self) -> None:
        """End the request of the message that has been parsed whole."""
        super().on_message_complete()

    def parse_head_again(self) -> RequestParser:
        """A parser that has read the head of the present message without the upgrade that it offers."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        kept = b"".join(b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade")
        self.parser = RequestParser(self)
        self.parser.feed_data(b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, kept))
        return self.parser

    def parsed(self, piece: Bytes) -> bool:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._unsupported_upgrade_warning()  # CONNECT is answered as any unknown method.
        except httptools.HttpParserError as error:
            found = error.__context__
            self.refuse(found.refusal if isinstance(found, _Refused) else MALFORMED)
            return False
        if self._event:
            self._event, self._counted = False, 0
            return True
        self._counted += len(piece)
        if self._counted > MAX_HEAD:
            in_head = self.in_message and not self._in_body
            self.refuse(LONG_URL if in_head and len(self.url) > MAX_HEAD // 2 else LARGE_HEAD)
            return False
        return True

    def end_of_data(self) -> None:
        super().end_of_data()
        if self.in_message and self._since is None:
            self._since = self.loop.time()

    def idle(self) -> None:
        if self._refusal is not None:
            self._send_refusal(self._refusal)
        elif self._since is None:
            super().idle()

    def refuse(self, refusal: Refusal) -> None:
        """Read no more, and refuse what was being read as soon as the requests before it have been answered."""
        self.logger.warning(refusal.message)
        self._refusal = refusal
        responded = self.own is not None and self.own.response_started
        self.drop_message()
        if responded:
            self.transport.close()
        elif not self.is_answering():
            self._send_refusal(refusal)

    def drop_message(self) -> None:
        self._in_body, self._since = False, None
        super().drop_message()

    def _check_head(self) -> None:
        """Raise `_Refused` for a head that is too large, or does not have one valid `Host`."""
        hosts, has_origin = 0, False
        for name, value in self.headers:
            if name == b"origin":
                has_origin = True
            elif name == b"host":
                hosts += 1
                if value != self._host:
                    if _HOST.fullmatch(value) is None:
                        raise _Refused(HOST)
                    self._host = value
                    self._own_host = self._limits.hosts is None or self._limits.hosts.is_own(value)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise _Refused(HOST)
        if hosts and not self._own_host and not OwnHosts.is_open(self.url, has_origin=has_origin):
            raise _Refused(FOREIGN_HOST)
        # Most heads are far smaller. Pieces of any size are counted, so that the sum alone is exact.
        if self._counted > MAX_HEAD // 2:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > MAX_HEAD:
                raise _Refused(LARGE_HEAD)

    def _send_refusal(self, refusal: Refusal) -> None:
        self._refused = True
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        self.transport.write(refusal.response())
        if self.half_closed:
            self.transport.close()
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.close_later(_LINGER)


class _Refused(Exception):
    """Ends the parsing from within one of the parser's callbacks."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
