"""Connection to a receiver: writes requests, and reads each response within bounds of time and size."""

import asyncio
from typing import cast

from evolink_mock.clock import Timer, call_later
from evolink_mock.delivery.response_reader import ResponseReader

REST_SECONDS = 1.0
"""Seconds for what follows the status line. It decides nothing, so a receiver that never ends it must cost nothing."""


class Connection(asyncio.Protocol):
    """One connection, which carries one request at a time, and is a member of `opened` until it is closed."""

    def __init__(self, opened: set["Connection"], *, secure: bool) -> None:
        self._opened = opened
        self._secure = secure
        # A receiver may answer before it has read the request.
        self._reader = ResponseReader()
        self._transport: asyncio.Transport | None = None
        self._over = False
        self._waiting: asyncio.Future[None] | None = None
        self._timer: Timer | None = None
        self._error: Exception | None = None
        self.idle = False
        self.idle_since = 0.0
        """A reading of `monotonic()`."""

    @property
    def usable(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, request: bytes) -> ResponseReader:
        """Send a request and read its response. Raises `OSError` where the connection fails before a status line.

        A cancellation after the status line only ends the reading: the response has arrived.
        """
        if self.idle:
            self.idle, self._over, self._reader = False, False, ResponseReader()
        if self.usable and self._transport is not None:
            self._transport.write(request)
        if not self._over:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            except asyncio.CancelledError:
                if not self._reader.decided:
                    raise
            finally:
                self._waiting = None
                if self._timer is not None:
                    self._timer.cancel()
                    self._timer = None
        if self._error is not None and not self._reader.decided:
            raise self._error
        return self._reader

    def close(self) -> None:
        """Close the connection; TLS ends in order if the response is complete."""
        if self._transport is None:
            return
        if self._secure and self._reader.complete:
            self._transport.close()
        else:
            self.abort()

    def abort(self) -> None:
        """Close the connection at once. What is still to be written would wait for the receiver."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)
        self._opened.add(self)

    def data_received(self, data: bytes) -> None:
        if self.idle:
            self.close()
            return
        reader = self._reader
        reader.feed(data)
        if reader.finished:
            self._end()
        elif reader.decided and self._timer is None:
            self._timer = call_later(REST_SECONDS, self._end)

    def eof_received(self) -> None:
        self._reader.end()
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._error = exc
        self._reader.end()
        self._opened.discard(self)
        self._end()

    def _end(self) -> None:
        """End the reading."""
        self._over = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
