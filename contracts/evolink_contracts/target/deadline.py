"""Deadline of a blocking exchange: each socket operation waits no longer than the time that is left.

The client has the same module; neither package imports the other.
"""

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import httpx

from evolink_contracts.spec.wire import Seconds
from evolink_contracts.target.wall_clock import WallClock

_now = WallClock().now
"""The machine's clock, since sockets know no other."""
_END: ContextVar[Seconds | None] = ContextVar("_END", default=None)


class Deadline(NamedTuple):
    """The end of an exchange."""

    end: Seconds

    def is_over(self) -> bool:
        return _now() >= self.end


@contextmanager
def deadline(seconds: Seconds) -> Iterator[Deadline]:
    """Let the exchanges of this thread within the block end after `seconds`, whatever arrives meanwhile.

    The time-outs of httpx are for one read or write each, so that a response of one byte a second would never end.
    """
    end = _now() + seconds
    token = _END.set(end)
    try:
        yield Deadline(end)
    finally:
        _END.reset(token)


def keep_deadlines(client: httpx.Client) -> None:
    """Let a client keep `deadline`, in all of its transports that use sockets.

    httpx and httpcore have a network backend, and no public way to it through a client and its proxies. Where these
    attributes are missing, the deadline is only checked between parts of a body.
    """
    for transport in (client._transport, *client._mounts.values()):
        pool: Any = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if backend is not None and not isinstance(backend, _Backend):
            pool._network_backend = _Backend(backend)


def _left(timeout: Seconds | None, error: type[httpx.TimeoutException]) -> Seconds | None:
    """The time-out of one operation. Raises `error` if no time is left, also if data wait to be read."""
    end = _END.get()
    if end is None:
        return timeout
    left = end - _now()
    if left <= 0:
        raise error("the time for the whole exchange is over")
    return left if timeout is None else min(timeout, left)


class _Stream:
    """A connection of httpcore."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: Seconds | None = None) -> bytes:
        content: bytes = self._stream.read(max_bytes, _left(timeout, httpx.ReadTimeout))
        return content

    def write(self, buffer: bytes, timeout: Seconds | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpx.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: Seconds | None = None) -> Any:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout, httpx.ConnectTimeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend:
    """A network backend of httpcore, whose connections keep the deadline."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: Seconds | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Any:
        failed: Exception | None = None
        addresses = _addresses(host, port)
        for tried, address in enumerate(addresses):
            left = _left(timeout, httpx.ConnectTimeout)
            # An equal share, since the first address may be one that never answers.
            share = None if left is None else left / (len(addresses) - tried)
            try:
                return _Stream(self._backend.connect_tcp(address, port, share, local_address, socket_options))
            except Exception as error:
                failed = failed or error
        assert failed is not None
        raise failed

    def connect_unix_socket(
        self, path: str, timeout: Seconds | None = None, socket_options: Iterable[Any] | None = None
    ) -> Any:
        within = _left(timeout, httpx.ConnectTimeout)
        return _Stream(self._backend.connect_unix_socket(path, within, socket_options))

    def sleep(self, seconds: Seconds) -> None:
        self._backend.sleep(seconds)


def _addresses(host: str, port: int) -> list[str]:
    """The addresses of a host, to be tried in turn: `socket.create_connection` gives each of them all the time."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return [host]
    # An address with a scope, as of a link-local one, is not complete without it.
    return [str(entry[4][0]) for entry in found if not any(entry[4][3:])] or [host]
