"""Carries callbacks over the network, by aiohttp: routed ones where the user said, others only to public addresses."""

import socket
import ssl
from collections.abc import Callable
from typing import Literal

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from evolink_mock.clock import wall_micros
from evolink_mock.core.deliveries import Fault, Outcome
from evolink_mock.core.verdict import judge_callback
from evolink_mock.transport import KEPT_ANSWER, USER_AGENT, Posting

_READ_AT_MOST = 64 * 1024
"""Bytes of an answer; a longer one has said enough, and its status counts."""
_KEPT_OPEN = 0.5
"""Seconds a connection stays open without use: less than the shortest gap between two attempts, so that no retry meets
a connection that its receiver has meanwhile closed."""


class Blocked(OSError):
    """A name led to an address that production would not connect to."""


class PublicResolver(AbstractResolver):
    """Resolves names at the moment of connecting, to public addresses or to none at all.

    The verdict at create cannot do this: a name may answer differently by the time of the attempt.
    """

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for result in found:
            objection = judge_callback(f"https://{host}/", [result["host"]])
            if objection is not None:
                raise Blocked(f"{host} resolves to {result['host']}, which is internal")
        return found

    async def close(self) -> None:
        await self._inner.close()


class Network:
    """One pool of connections. `trust` gives the TLS context when one is needed; `resolver` is for public names."""

    def __init__(
        self, trust: Callable[[], ssl.SSLContext], resolver: Callable[[], AbstractResolver] | None = None
    ) -> None:
        self._trust = trust
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def send(self, posting: Posting) -> Outcome:
        way = posting.way
        if way.kind == "public" and (objection := judge_callback(way.url)) is not None:
            return Outcome(fault="blocked", detail=objection.message)
        session = self._session or self._open()
        secure: dict[str, object] = {}
        if way.url.startswith("https:"):
            secure = {"ssl": self._trust(), "server_hostname": way.server_name}
        began = wall_micros()
        try:
            async with session.post(
                URL(way.url, encoded=True),
                data=posting.body,
                headers={"Host": way.authority},
                allow_redirects=False,
                **secure,  # type: ignore[arg-type]
            ) as response:
                excerpt = await _excerpt(response.content)
                return Outcome(response.status, excerpt=excerpt, latency=wall_micros() - began)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(fault=_fault(error), detail=str(error)[:KEPT_ANSWER], latency=wall_micros() - began)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=_KEPT_OPEN,
            resolver=None if self._resolver is None else self._resolver(),
            use_dns_cache=self._resolver is None,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # The whole attempt is limited by whoever asks for it; aiohttp would round 10 seconds up.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            headers={"Content-Type": "application/json", "User-Agent": USER_AGENT},
            skip_auto_headers=("Accept-Encoding",),
        )
        return self._session


async def _excerpt(content: aiohttp.StreamReader) -> str:
    """The beginning of an answer, read to its end or to the limit."""
    kept, seen = b"", 0
    while seen <= _READ_AT_MOST and not content.at_eof():
        chunk = await content.readany()
        seen += len(chunk)
        if len(kept) < KEPT_ANSWER * 4:
            kept += chunk
    return kept[: KEPT_ANSWER * 4].decode("utf-8", "replace")[:KEPT_ANSWER]


_OS_FAULTS: tuple[tuple[type[OSError], Fault], ...] = (
    (Blocked, "blocked"),
    (socket.gaierror, "dns"),
    (ConnectionRefusedError, "refused"),
    (ConnectionResetError, "reset"),
    (BrokenPipeError, "reset"),
)


def _fault(error: Exception) -> Fault:
    """The class of a failure, from the outermost error that tells."""
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return "tls"
        case aiohttp.ServerDisconnectedError():
            # aiohttp puts what it could not read of an answer into the message.
            return "empty"
        case aiohttp.ClientPayloadError():
            return "truncated"
        case aiohttp.ClientResponseError() | aiohttp.http_exceptions.HttpProcessingError():
            return "not_http"
        case aiohttp.ClientConnectorError():
            return _of_os(error.os_error, "unreachable")
        case OSError():
            return _of_os(error, "reset" if isinstance(error, aiohttp.ClientOSError) else "unreachable")
        case _:
            return "not_http"


def _of_os(error: OSError, otherwise: Literal["unreachable", "reset"]) -> Fault:
    return next((fault for kind, fault in _OS_FAULTS if isinstance(error, kind)), otherwise)
