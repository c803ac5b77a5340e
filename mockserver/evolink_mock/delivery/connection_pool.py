"""Connections to receivers: opened to the addresses of the resolver, and kept for a moment for the next attempt."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple

from aiohttp.abc import AbstractResolver, ResolveResult

from evolink_mock.clock import call_later, monotonic, yield_to_loop
from evolink_mock.delivery.http_connection import Connection

_IDLE_SECONDS = 0.5
"""Seconds for which a connection that may be used again stays open without use."""
_NEXT_ADDRESS_SECONDS = 0.25
"""Seconds after which the next address of a name is tried beside one that has not answered (RFC 8305, 5)."""
_CACHE_SECONDS = 10.0
_MAX_CACHED = 1024
_GOODBYE = 1.0
"""Seconds that a receiver has to confirm the end of TLS."""


class Endpoint(NamedTuple):
    """The host and port of a connection; with TLS, its context and the name that the certificate must be for."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    server_name: str


class ConnectionPool:
    """Opens connections; `cached` says whether the resolver may be asked again only after some seconds."""

    def __init__(self, resolver: Callable[[], AbstractResolver], *, cached: bool) -> None:
        self._make_resolver = resolver
        self._resolver: AbstractResolver | None = None
        self._cached = cached
        self._addresses: dict[tuple[str, int], tuple[float, list[ResolveResult]]] = {}
        self._opened: set[Connection] = set()
        self._idle: dict[Endpoint, list[Connection]] = {}
        self._sweeping = False

    async def connect(self, endpoint: Endpoint, *, reuse: bool) -> Connection:
        """A connection, with `reuse` one that is open already if there is one. Raises `OSError` or `UnicodeError`."""
        kept = self._idle.get(endpoint) if reuse else None
        while kept:
            connection = kept.pop()
            if connection.usable and monotonic() - connection.idle_since < _IDLE_SECONDS:
                return connection
            connection.close()
        connected = await self._connect(endpoint.host, endpoint.port)
        tls: dict[str, Any] = {}
        if endpoint.tls is not None:
            tls = {"ssl": endpoint.tls, "server_hostname": endpoint.server_name, "ssl_shutdown_timeout": _GOODBYE}
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self._opened, secure=bool(tls)), sock=connected, **tls
        )
        return connection

    def keep(self, endpoint: Endpoint, connection: Connection) -> None:
        """Keep a connection for the next request."""
        connection.idle, connection.idle_since = True, monotonic()
        self._idle.setdefault(endpoint, []).append(connection)
        self._sweep_later()

    async def close(self) -> None:
        """Close all connections at once."""
        self._idle.clear()
        for connection in list(self._opened):
            connection.abort()
        until = monotonic() + _GOODBYE
        while self._opened and monotonic() < until:
            await yield_to_loop()
        if self._resolver is not None:
            await self._resolver.close()
            self._resolver = None

    def _sweep(self) -> None:
        """Close the connections that have been idle for too long."""
        self._sweeping = False
        since = monotonic() - _IDLE_SECONDS
        for endpoint, kept in list(self._idle.items()):
            for connection in kept:
                if connection.idle_since <= since:
                    connection.close()
            self._idle[endpoint] = [each for each in kept if each.idle_since > since and each.usable]
            if not self._idle[endpoint]:
                del self._idle[endpoint]
        if self._idle:
            self._sweep_later()

    def _sweep_later(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            call_later(_IDLE_SECONDS, self._sweep)

    async def _connect(self, host: str, port: int) -> socket.socket:
        """A socket that is connected to one of the addresses of a host."""
        found = _literal(host, port) or self._remembered(host, port)
        if found:
            try:
                return await _connect_any(found)
            except OSError:
                # Its name may have got another address.
                if self._addresses.pop((host, port), None) is None:
                    raise
        if self._resolver is None:
            self._resolver = self._make_resolver()
        found = await self._resolver.resolve(host, port, socket.AF_UNSPEC)
        connected = await _connect_any(found)
        if self._cached:
            if len(self._addresses) >= _MAX_CACHED:
                self._addresses.clear()
            self._addresses[host, port] = monotonic() + _CACHE_SECONDS, found
        return connected

    def _remembered(self, host: str, port: int) -> list[ResolveResult]:
        until, found = self._addresses.get((host, port), (0.0, []))
        return found if monotonic() < until else []


def _literal(host: str, port: int) -> list[ResolveResult]:
    """The address that a host is, if it is one; no resolver is needed for it."""
    try:
        version = ip_address(host).version
    except ValueError:
        return []
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    return [ResolveResult(hostname=host, host=host, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)]


async def _connect_any(addresses: Sequence[ResolveResult]) -> socket.socket:
    """Connect to the first address that accepts; one that does not answer is not waited for before the next is tried.

    Raises the error of the first address, or that of the first which refused.
    """
    if len(addresses) == 1:
        return await _connect_to(addresses[0])
    left, trying, errors = list(reversed(addresses)), set[asyncio.Task[socket.socket]](), list[BaseException]()
    try:
        while left or trying:
            if left:
                trying.add(asyncio.create_task(_connect_to(left.pop())))
            done, trying = await asyncio.wait(
                trying, timeout=_NEXT_ADDRESS_SECONDS if left else None, return_when=asyncio.FIRST_COMPLETED
            )
            connected = [each.result() for each in done if each.exception() is None]
            for surplus in connected[1:]:
                surplus.close()
            if connected:
                return connected[0]
            errors += [error for each in done if (error := each.exception()) is not None]
    finally:
        for each in trying:
            each.cancel()
            each.add_done_callback(_discard)
    refusals = (error for error in errors if isinstance(error, ConnectionRefusedError))
    raise next(refusals, errors[0] if errors else OSError(0, "its name has no address"))


def _discard(trying: asyncio.Task[socket.socket]) -> None:
    """Close the connection that another was quicker than."""
    if not trying.cancelled() and trying.exception() is None:
        trying.result().close()


async def _connect_to(address: ResolveResult) -> socket.socket:
    host, port, family = address["host"], address["port"], address["family"]
    target: tuple[object, ...] = (host, port, 0, 0) if family == socket.AF_INET6 else (host, port)
    if "%" in host:  # A link-local address with its interface.
        target = socket.getaddrinfo(host, port, family=family, flags=socket.AI_NUMERICHOST)[0][4]
    connecting = socket.socket(family, socket.SOCK_STREAM, address["proto"])
    try:
        connecting.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connecting, target)
    except BaseException:
        connecting.close()
        raise
    return connecting
