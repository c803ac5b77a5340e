"""A server on a real socket that keeps each request to the byte, and a way to send it some callbacks."""

import asyncio
import re
import ssl
from collections.abc import Callable
from typing import Self

from aiohttp.abc import AbstractResolver

from evolink_mock.core.callback_routes import CallbackRoutes, Destination
from evolink_mock.core.delivery import AttemptResult
from evolink_mock.delivery.attempts import attempt_headers
from evolink_mock.delivery.http_transport import HttpTransport
from evolink_mock.delivery.transport import AttemptRequest
from evolink_mock.egress import NonBlockingResolver
from tests.support.server_process import PATIENCE

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY = b'{"id":"task-unified-1-a"}'


class Ear:
    """Answers all requests alike, as many on one connection as its sender wants."""

    def __init__(self, answer: bytes = OK, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._tls = tls
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._hear, "127.0.0.1", 0, ssl=self._tls)
        self.port = int(self._server.sockets[0].getsockname()[1])
        self.place = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._open:
            writer.close()
        await asyncio.gather(*(task for task in self._open.values() if task))

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open[writer] = asyncio.current_task()
        try:
            while True:
                self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
                length = int("".join(self.said("content-length")[-1]) or 0)
                self.bodies.append(await reader.readexactly(length))
                writer.write(self._answer)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    @property
    def lines(self) -> list[str]:
        """The first line of each request."""
        return [head.partition("\r\n")[0] for head in self.heads]

    def said(self, header: str) -> list[list[str]]:
        """For each request, the values of a header."""
        rows = ([line.partition(": ") for line in head.split("\r\n")[1:]] for head in self.heads)
        return [[value for name, _, value in row if name.lower() == header] for row in rows]


def to_public(url: str) -> AttemptRequest:
    """A callback that goes to where its URL says, in its own spelling, as if the verdict had been skipped."""
    authority = re.split(r"[/?#]", url.partition("://")[2])[0]
    return AttemptRequest(
        Destination("public", f"https://{authority}", url, authority, "app.example.com"),
        attempt_headers(),
        BODY,
        "task",
        1,
        None,
    )


def along(routing: CallbackRoutes, url: str) -> AttemptRequest:
    way = routing.destination(url)
    assert way is not None
    return AttemptRequest(way, attempt_headers(), BODY, "task", 1, None)


def to_place(url: str, place: str) -> AttemptRequest:
    """A callback that is forwarded."""
    return along(CallbackRoutes({}, place), url)


async def send(
    *postings: AttemptRequest,
    resolver: Callable[[], AbstractResolver] = NonBlockingResolver,
    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context,
) -> list[AttemptResult]:
    """What becomes of some attempts, one after the other, over one network."""
    network = HttpTransport(trust, resolver)
    try:
        async with asyncio.timeout(PATIENCE):
            return [await network.send(posting) for posting in postings]
    finally:
        await network.close()
