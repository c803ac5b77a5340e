"""Servers on real sockets whose responses have no end, arrive in drips, or inflate to many times their size."""

import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

from tests.support.receivers import whole
from tests.support.server_process import PATIENCE

DRIP = 0.03
"""Seconds between two bytes of a drip: far below every time-out of one read."""
_DRIPS = 120
"""After that the rest arrives at once, so that a client without a deadline gets a response instead of waiting on."""


class Connection:
    """One connection with a client, whose request has been read."""

    def __init__(self, connection: socket.socket, over: threading.Event, request: bytes) -> None:
        self._connection = connection
        self._over = over
        self.request = request

    def send(self, content: bytes) -> None:
        self._connection.sendall(content)

    def drip(self, content: bytes) -> None:
        for number, byte in enumerate(content):
            if number == _DRIPS:
                self.send(content[number:])
                return
            self.pause()
            self.send(bytes([byte]))

    def pause(self) -> None:
        """Wait for the time between two bytes. Raises `ConnectionAbortedError` if the server ends."""
        if self._over.wait(DRIP):
            raise ConnectionAbortedError


Play: TypeAlias = Callable[[Connection], None]


class Hostile(str):
    """The base URL of a server."""

    completed = 0
    """Responses that were sent to their end; to be read when the server has ended."""


@contextmanager
def hostile(*script: Play) -> Iterator[Hostile]:
    """A server. The n-th request is answered by the n-th play, and all further ones by the last."""
    over, threads, count = threading.Event(), [], 0
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(accepted: socket.socket, play: Play) -> None:
        with suppress(OSError), accepted:  # The client leaves, as it should.
            request = b""
            while b"\r\n\r\n" not in request and (chunk := accepted.recv(65536)):
                request += chunk
            play(Connection(accepted, over, request))
            url.completed += 1

    def serve() -> None:
        nonlocal count
        with suppress(OSError):
            while True:
                accepted, _ = listener.accept()
                play = script[min(count, len(script) - 1)]
                count += 1
                threads.append(threading.Thread(target=answer, args=(accepted, play), daemon=True))
                threads[-1].start()

    url = Hostile(f"http://127.0.0.1:{listener.getsockname()[1]}")
    threads.append(threading.Thread(target=serve, daemon=True))
    threads[0].start()
    try:
        yield url
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join(PATIENCE)


def says(content: bytes) -> Play:
    """Sends a response as it is."""
    return lambda connection: connection.send(content)


def gzipped(size: int, times: int = 1) -> bytes:
    """That many zeros, compressed that many times."""
    content: bytes = b"0" * size
    for _ in range(times):
        compressor = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
        content = compressor.compress(content) + compressor.flush()
    return content


def drips_head(body: bytes) -> Play:
    return lambda connection: connection.drip(whole(200, body, f"X-Long: {'x' * _DRIPS}"))


def drips_body(body: bytes) -> Play:
    def play(connection: Connection) -> None:
        content = whole(200, body)
        at = content.index(b"\r\n\r\n") + 4
        connection.send(content[:at])
        connection.drip(content[at:])

    return play


def drips_chunks(body: bytes) -> Play:
    def play(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        connection.drip(b"%x;%s\r\n%s\r\n0\r\n\r\n" % (len(body), b"x" * _DRIPS, body))

    return play


def interim(body: bytes) -> Play:
    """1xx responses, one after the other in drips, before the response."""

    def play(connection: Connection) -> None:
        for _ in range(_DRIPS):
            connection.send(b"HTTP/1.1 102 Processing\r\n\r\n")
            connection.pause()
        connection.send(whole(200, body))

    return play


def flood(body: bytes) -> Play:
    """1xx responses as fast as the client reads, before the response."""

    def play(connection: Connection) -> None:
        for _ in range(2000):
            connection.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 200)
        connection.send(whole(200, body))

    return play


SLOW: dict[str, Callable[[bytes], Play]] = {
    "head": drips_head,
    "body": drips_body,
    "chunks": drips_chunks,
    "interim": interim,
    "flood": flood,
}
"""Responses that arrive whole, each of them long after the time for it is over; no single read waits for long."""


def endless(connection: Connection) -> None:
    """A body without a length and without an end."""
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    for _ in range(1024):
        connection.send(b"1" * 65536)
