"""One exchange over httpx, as far as it is the same for both shells: what is sent, how much is read, what failed."""

import ssl
from collections.abc import Mapping
from typing import TypedDict

import httpx

from evolink_client._answers import MAX_ANSWER, Answer
from evolink_client._clock import Clock
from evolink_client._errors import ConnectionFailed, RequestTimedOut, UnexpectedAnswer
from evolink_client._flows import Request


class Connections(TypedDict, total=False):
    """How either client connects: options of httpx's own clients."""

    limits: httpx.Limits
    """How many connections, and how many of them are kept; 100 and 20 unless given. Who gets none waits."""
    proxy: httpx.Proxy | httpx.URL | str
    trust_env: bool
    """Whether HTTP_PROXY, NO_PROXY and SSL_CERT_FILE count; they do unless told otherwise."""
    verify: ssl.SSLContext | str | bool
    """Which authorities vouch for the other side."""
    http1: bool
    """On unless told otherwise."""
    http2: bool
    """Off unless told otherwise; httpx needs its extra `http2` for it."""


class HttpOptions(Connections, total=False):
    """Options of `httpx.Client`."""

    transport: httpx.BaseTransport
    mounts: Mapping[str, httpx.BaseTransport | None]


class AsyncHttpOptions(Connections, total=False):
    """Options of `httpx.AsyncClient`."""

    transport: httpx.AsyncBaseTransport
    mounts: Mapping[str, httpx.AsyncBaseTransport | None]


class Reading:
    """The body of an answer as it comes: bounded in size, and in the time that the whole of it may take."""

    def __init__(self, request: Request, clock: Clock) -> None:
        self._request = request
        self._clock = clock
        self._until = clock.now() + request.timeout
        self._content = bytearray()

    def over(self, response: httpx.Response, chunk: bytes) -> bool:
        """Take a piece; whether the time is over. httpx's own limits are for each piece alone."""
        self._content += chunk
        if len(self._content) > MAX_ANSWER:
            beginning = bytes(self._content[:500]).decode("utf-8", "replace")
            raise UnexpectedAnswer(f"the answer has more than {MAX_ANSWER} bytes", response.status_code, beginning)
        return self._clock.now() > self._until

    def answer(self, response: httpx.Response) -> Answer:
        return Answer(response.status_code, response.headers, bytes(self._content))

    def timed_out(self) -> RequestTimedOut:
        return _timed_out(self._request)


def lost(request: Request, error: httpx.HTTPError) -> ConnectionFailed:
    """Why no answer came, without what httpx knows of the request, which has the key in it."""
    if isinstance(error, httpx.TimeoutException):
        return _timed_out(request)
    why = str(error) or type(error).__name__
    return ConnectionFailed(f"{request.method} {request.path} got no answer: {why}")


def _timed_out(request: Request) -> RequestTimedOut:
    return RequestTimedOut(f"{request.method} {request.path} took longer than {request.timeout:g} s")
