"""Transport over the network: to the destination of a route, or else to public addresses alone."""

import re
import socket
import ssl
from collections.abc import Callable
from functools import cache
from typing import Literal

from aiohttp.abc import AbstractResolver

from evolink_mock.clock import wall_micros
from evolink_mock.core.delivery import AttemptError, AttemptResult
from evolink_mock.core.url_policy import check_callback_url
from evolink_mock.delivery.connection_pool import ConnectionPool, Endpoint
from evolink_mock.delivery.https_hint import hint_of_response, with_hint
from evolink_mock.delivery.response_reader import ResponseReader
from evolink_mock.delivery.tls_failures import tls_failure
from evolink_mock.delivery.transport import AttemptRequest, ResourcesExhausted, excerpt, is_exhaustion
from evolink_mock.egress import Blocked, NonBlockingResolver, exact_url

_UNSENDABLE = re.compile(r"[\r\n\0]")
_CLOSED = "the connection was closed"


class HttpTransport:
    """Posts attempts over one pool of connections.

    The status line decides: as soon as it is whole, its status is the result, whatever follows it. `trust` gives the
    TLS context when one is needed, or raises `ssl.SSLError`; `resolver` is for public names.
    """

    def __init__(
        self, trust: Callable[[], ssl.SSLContext], resolver: Callable[[], AbstractResolver] = NonBlockingResolver
    ) -> None:
        self._trust = trust
        self._pool = ConnectionPool(resolver, cached=resolver is NonBlockingResolver)

    async def send(self, request: AttemptRequest) -> AttemptResult:
        destination = request.destination
        url = exact_url(destination.url)
        if destination.kind == "public":
            violation = check_callback_url(f"https://{url.raw_authority}/")
            if violation is not None:
                return AttemptResult(error="blocked", detail=violation.message)
        message = _message(request, url.raw_path or "/")
        began = wall_micros()
        unclear: Literal["unreachable", "reset"] = "unreachable"
        try:
            endpoint = Endpoint(url.raw_host or "", url.port or 80, self._context(request), destination.server_name)
            connection = await self._pool.connect(endpoint, reuse=request.keep_open)
            unclear = "reset"
            kept = False
            try:
                response = await connection.exchange(message)
                if request.keep_open and response.reusable:
                    self._pool.keep(endpoint, connection)
                    kept = True
            finally:
                if not kept:
                    connection.close()
        except (OSError, UnicodeError) as error:
            if unclear == "unreachable" and is_exhaustion(error):
                raise ResourcesExhausted(_says(error)) from None
            return _failure(request, _classify(error, unclear), _says(error), began, error)
        if response.status is None:
            return _failure(request, *_without_status(response), began)
        body = response.body
        hint = hint_of_response(response.status, body, destination)
        return AttemptResult(
            response.status, detail=hint, excerpt=excerpt(body, request), latency=wall_micros() - began
        )

    async def close(self) -> None:
        await self._pool.close()

    def _context(self, request: AttemptRequest) -> ssl.SSLContext | None:
        """The TLS context of a destination; `None` for plain HTTP."""
        if not request.destination.url.startswith("https:"):
            return None
        return _unverified() if request.destination.insecure else self._trust()


def _message(request: AttemptRequest, target: str) -> bytes:
    """The request to the byte. Raises `ValueError` for a header that a request cannot hold."""
    headers = {"Host": request.destination.authority, **request.headers}
    given = {name.lower() for name in headers}
    added = {"Accept": "*/*", "Content-Length": str(len(request.body))}
    if not request.keep_open:
        # A receiver may close a connection just as the next attempt is sent on it, which would then fail without
        # having arrived. So connections are used again only if many attempts go to one receiver.
        added["Connection"] = "close"
    headers |= {name: value for name, value in added.items() if name.lower() not in given}
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    if any(map(_UNSENDABLE.search, lines)):
        raise ValueError("a header has a line break or a null byte")
    return "\r\n".join(lines).encode() + request.body


@cache
def _unverified() -> ssl.SSLContext:
    """For a route that is marked as insecure: encrypts, and verifies nothing."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _without_status(response: ResponseReader) -> tuple[AttemptError, str]:
    """The class and the message of an answer without a whole status line."""
    if not response.not_http:
        return ("truncated" if response.began else "empty"), _CLOSED
    if beginning := response.beginning:
        return "not_http", f"its answer begins with {beginning!r}, which is no status line of HTTP/1"
    return "not_http", "it sent no status line within 64 KiB"


def _failure(
    request: AttemptRequest, kind: AttemptError, message: str, began: int, error: Exception | None = None
) -> AttemptResult:
    destination = request.destination
    says = tls_failure(error, destination) or with_hint(kind, message, destination)
    return AttemptResult(error=kind, detail=excerpt(says.encode(), request), latency=wall_micros() - began)


def _says(error: Exception) -> str:
    """The message of an error without the parts that differ from run to run."""
    return getattr(error, "strerror", None) or str(error)


_OS_ERRORS: tuple[tuple[type[OSError], AttemptError], ...] = (
    (ssl.SSLError, "tls"),
    (Blocked, "blocked"),
    (socket.gaierror, "dns"),
    (ConnectionRefusedError, "refused"),
    (ConnectionResetError, "reset"),
    (BrokenPipeError, "reset"),
)


def _classify(error: Exception, otherwise: Literal["unreachable", "reset"]) -> AttemptError:
    if isinstance(error, UnicodeError):
        # A name that no resolver accepts.
        return "dns"
    return next((name for kind, name in _OS_ERRORS if isinstance(error, kind)), otherwise)
