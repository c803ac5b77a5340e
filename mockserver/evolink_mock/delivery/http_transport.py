"""Transport over the network, by aiohttp: to the destination of a route, or else to public addresses alone."""

import socket
import ssl
from collections.abc import Callable
from functools import cache
from typing import Literal

import aiohttp
from aiohttp.abc import AbstractResolver

from evolink_mock.clock import wall_micros
from evolink_mock.core.delivery import AttemptError, AttemptResult
from evolink_mock.core.url_policy import check_callback_url
from evolink_mock.delivery.https_hint import hint_of_response, with_hint
from evolink_mock.delivery.tls_failures import tls_failure
from evolink_mock.delivery.transport import READ_ANSWER, AttemptRequest, excerpt
from evolink_mock.egress import Blocked, NonBlockingResolver, exact_url

_KEPT_OPEN = 0.5
"""Seconds for which a connection that may be used again stays open without use."""


class HttpTransport:
    """Posts attempts over one pool of connections.

    `trust` gives the TLS context when one is needed, or raises `ssl.SSLError`; `resolver` is for public names.
    """

    def __init__(
        self, trust: Callable[[], ssl.SSLContext], resolver: Callable[[], AbstractResolver] = NonBlockingResolver
    ) -> None:
        self._trust = trust
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def send(self, request: AttemptRequest) -> AttemptResult:
        destination = request.destination
        url = exact_url(destination.url)
        if destination.kind == "public":
            violation = check_callback_url(f"https://{url.raw_authority}/")
            if violation is not None:
                return AttemptResult(error="blocked", detail=violation.message)
        session = self._sessions.get(request.keep_open) or self._open(request.keep_open)
        secure: dict[str, object] = {}
        began = wall_micros()
        try:
            if destination.url.startswith("https:"):
                context = _unverified() if destination.insecure else self._trust()
                secure = {"ssl": context, "server_hostname": destination.server_name}
            async with session.post(
                url,
                data=request.body,
                headers={"Host": destination.authority, **request.headers},
                allow_redirects=False,
                **secure,  # type: ignore[arg-type]
            ) as response:
                beginning = await _beginning(response.content)
                hint = hint_of_response(response.status, beginning, destination)
                shown = excerpt(beginning, request)
                return AttemptResult(response.status, detail=hint, excerpt=shown, latency=wall_micros() - began)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            kind = _classify(error)
            says = tls_failure(error, destination) or with_hint(kind, _message(error), destination)
            detail = excerpt(says.encode(), request)
            return AttemptResult(error=kind, detail=detail, latency=wall_micros() - began)

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _open(self, keep_open: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,
            resolver=self._resolver(),
            use_dns_cache=self._resolver is NonBlockingResolver,
            # A receiver may close a connection just as the next attempt is sent on it, which would then fail without
            # having arrived. So connections are used again only if many attempts go to one receiver.
            **({"keepalive_timeout": _KEPT_OPEN} if keep_open else {"force_close": True}),
        )
        session = self._sessions[keep_open] = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # The dispatcher limits the whole attempt; aiohttp would round 10 seconds up.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            skip_auto_headers=("Accept-Encoding",),
        )
        return session


@cache
def _unverified() -> ssl.SSLContext:
    """For a route that is marked as insecure: encrypts, and verifies nothing."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """The beginning of a response, read to its end or to the limit."""
    kept = b""
    while len(kept) <= READ_ANSWER and not content.at_eof():
        kept += await content.readany()
    return kept


def _message(error: Exception) -> str:
    """The message of an error without the parts that differ from run to run."""
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, aiohttp.ClientSSLError):
        return error.os_error.strerror or str(error.os_error)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed"
    return str(error)


_OS_ERRORS: tuple[tuple[type[OSError], AttemptError], ...] = (
    (Blocked, "blocked"),
    (socket.gaierror, "dns"),
    (ConnectionRefusedError, "refused"),
    (ConnectionResetError, "reset"),
    (BrokenPipeError, "reset"),
)


def _classify(error: Exception) -> AttemptError:
    """The class of a failure, from the outermost error that determines one."""
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return "tls"
        case aiohttp.ServerDisconnectedError():
            # If part of a head had come, aiohttp puts it into the message.
            return "empty" if isinstance(error.message, str) else "truncated"
        case aiohttp.ClientPayloadError():
            return "truncated"
        case aiohttp.ClientResponseError() | aiohttp.http_exceptions.HttpProcessingError():
            return "not_http"
        case aiohttp.ClientConnectorError():
            return _classify_os(error.os_error, "unreachable")
        case OSError():
            return _classify_os(error, "reset" if isinstance(error, aiohttp.ClientOSError) else "unreachable")
        case UnicodeError():
            # A name that no resolver accepts.
            return "dns"
        case _:
            return "not_http"


def _classify_os(error: OSError, otherwise: Literal["unreachable", "reset"]) -> AttemptError:
    return next((name for kind, name in _OS_ERRORS if isinstance(error, kind)), otherwise)
