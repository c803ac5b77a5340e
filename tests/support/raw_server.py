"""Raw server: a socket that keeps each request to the byte, and attempts to send to it."""

import asyncio
import re
import ssl
from collections.abc import Callable
from functools import cache
from typing import Self

from aiohttp.abc import AbstractResolver

from evolink_mock.core.callback_routes import CallbackRoutes, Destination
from evolink_mock.core.delivery import AttemptResult, attempt_headers
from evolink_mock.delivery.http_transport import HttpTransport
from evolink_mock.delivery.transport import AttemptRequest
from evolink_mock.egress import NonBlockingResolver
from tests.support.server_process import PATIENCE

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY = b'{"id":"task-unified-1-a"}'


class RawServer:
    """Gives every request the same response, on as many or as few connections as its clients use."""

    def __init__(self, answer: bytes = OK, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._tls = tls
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = int(self._server.sockets[0].getsockname()[1])
        self.base_url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._open:
            writer.close()
        await asyncio.gather(*(task for task in self._open.values() if task))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open[writer] = asyncio.current_task()
        try:
            while True:
                self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
                length = int("".join(self.header_values("content-length")[-1]) or 0)
                self.bodies.append(await reader.readexactly(length))
                writer.write(self._answer)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    @property
    def lines(self) -> list[str]:
        """The first line of each request."""
        return [head.partition("\r\n")[0] for head in self.heads]

    def header_values(self, header: str) -> list[list[str]]:
        """The values of a header, for each request."""
        rows = ([line.partition(": ") for line in head.split("\r\n")[1:]] for head in self.heads)
        return [[value for name, _, value in row if name.lower() == header] for row in rows]


def public_request(url: str) -> AttemptRequest:
    """A callback that is sent to its own URL, in its own spelling, as if no policy had checked it."""
    authority = re.split(r"[/?#]", url.partition("://")[2])[0]
    return AttemptRequest(
        Destination("public", f"https://{authority}", url, authority, "app.example.com"),
        attempt_headers(),
        BODY,
        "task",
        1,
        None,
    )


def routed_request(routes: CallbackRoutes, url: str) -> AttemptRequest:
    destination = routes.destination(url)
    assert destination is not None
    return AttemptRequest(destination, attempt_headers(), BODY, "task", 1, None)


def forwarded_request(url: str, base_url: str) -> AttemptRequest:
    """A callback that is forwarded to a server."""
    return routed_request(CallbackRoutes({}, base_url), url)


@cache
def public_trust() -> ssl.SSLContext:
    """The authorities of this system, which take 60 ms to read."""
    return ssl.create_default_context()


async def send(
    *requests: AttemptRequest,
    resolver: Callable[[], AbstractResolver] = NonBlockingResolver,
    trust: Callable[[], ssl.SSLContext] = public_trust,
) -> list[AttemptResult]:
    """The results of attempts that are sent one after the other over one transport."""
    transport = HttpTransport(trust, resolver)
    try:
        async with asyncio.timeout(PATIENCE):
            return [await transport.send(request) for request in requests]
    finally:
        await transport.close()
