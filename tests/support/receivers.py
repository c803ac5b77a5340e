"""Scripted receivers of callbacks on real sockets, which answer or misbehave as their script says."""

import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self, TypeAlias

import trustme

from tests.support.server_process import PATIENCE

HOST = "app.example.com"
"""The host of callback URLs; a route leads from it to a receiver."""


class Received(NamedTuple):
    """One request as it was received; the names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    """By the machine's monotonic clock."""


Word: TypeAlias = Literal[
    "timeout", "drip", "drip_body", "reset", "reset_at_once", "wrong_name", "untrusted", "expired", "plain"
]
Answer: TypeAlias = int | bytes | Word | Callable[[Received], int]
"""A status; bytes after which the connection is closed; a misbehaviour; or a function that gives a status."""

EMPTY = b""
TRUNCATED = b"HTTP/1.1 200 O"


def truncated_body(status: int) -> bytes:
    return b"HTTP/1.1 %d Scripted\r\nContent-Length: 1000\r\n\r\n{" % status


def truncated_chunks(status: int) -> bytes:
    return b"HTTP/1.1 %d Scripted\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" % status


def truncated_head(status: int) -> bytes:
    return b"HTTP/1.1 %d Scripted\r\nContent-Le" % status


NOT_HTTP = b"220 mail.example.com ESMTP ready\r\n"


def whole(status: int, body: bytes = b"", *headers: str) -> bytes:
    """A complete response."""
    lines = (f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(body)}", "Connection: close", *headers, "", "")
    return "\r\n".join(lines).encode() + body


def huge(status: int) -> bytes:
    """A response with 10 MB of body."""
    return whole(status, b"x" * 10_000_000)


def redirect(status: int, to: str) -> bytes:
    return whole(status, b"", f"Location: {to}")


class Receiver:
    """Listens at `place`. The n-th connection gets the n-th answer of the script, and all further ones the last."""

    def __init__(self, *script: Answer, tls: Mapping[str, ssl.SSLContext] | None = None) -> None:
        self._script = script
        self._tls = tls
        # Bound without listening, so that the port stays taken and refuses connections while there is no listener.
        self._guard = _bound(("127.0.0.1", 0))
        self.port = int(self._guard.getsockname()[1])
        self.place = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self.origin = f"https://{HOST}:{self.port}"
        self.route = f"{self.origin}={self.place}"
        self.received: list[Received] = []
        self.deserted = 0
        """Clients that disconnected before the response."""
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._over = threading.Event()
        self._accepted = 0
        self._threads: list[threading.Thread] = []
        self.accept()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def accept(self) -> None:
        """Listen, which a new receiver does by itself and one that refused may do again."""
        self._listener = _bound(("127.0.0.1", self.port))
        self._listener.listen(1024)
        self._start(self._accept_all, self._listener)

    def refuse(self) -> None:
        """Refuse new connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def wait_for(self, count: int) -> list[Received]:
        """The requests received, once there are at least `count`."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, PATIENCE), len(self.received)
            return list(self.received)

    def close(self) -> None:
        """Close all connections, including those without a response yet."""
        self._over.set()
        self.refuse()
        with self._changed:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        self._guard.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept_all(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            answer = self._script[min(self._accepted, len(self._script) - 1)]
            self._accepted += 1
            self._start(self._serve, connection, answer)

    def _serve(self, connection: socket.socket, answer: Answer) -> None:
        # Clients disconnect, or reject the certificate.
        with suppress(OSError), connection:
            if answer == "reset_at_once":
                _reset(connection)
            elif self._tls is None:
                self._handle(connection, answer)
            elif answer == "plain":
                connection.recv(65536)
                connection.sendall(whole(400, b"this port speaks no TLS"))
            else:
                context = self._tls.get(answer) if isinstance(answer, str) else None
                with (context or self._tls["good"]).wrap_socket(connection, server_side=True) as secure:
                    self._handle(secure, answer)

    def _handle(self, connection: socket.socket, answer: Answer) -> None:
        with self._changed:
            self._open.add(connection)
        try:
            received = _read(connection)
            with self._changed:
                self.received.append(received)
                self._changed.notify_all()
            self._answer(connection, answer, received)
        finally:
            with self._changed:
                self._open.discard(connection)

    def _answer(self, connection: socket.socket, answer: Answer, received: Received) -> None:
        match answer:
            case int():
                connection.sendall(whole(answer))
            case bytes():
                connection.sendall(answer)
            case "timeout":
                while connection.recv(65536):
                    pass
            case "drip" | "drip_body":
                content = whole(200, b"x" * 1000)
                at_once = content.index(b"x") if answer == "drip_body" else 0
                connection.sendall(content[:at_once])
                for byte in content[at_once:]:
                    connection.sendall(bytes([byte]))
                    if self._over.wait(1):
                        return
            case "reset":
                _reset(connection)
            case str():
                connection.sendall(whole(200))
            case _:
                status = answer(received)
                self.deserted += bool(select.select([connection], [], [], 0)[0])
                connection.sendall(whole(status))


def _bound(address: tuple[str, int]) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(address)
    return bound


def _reset(connection: socket.socket) -> None:
    """Close with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _read(connection: socket.socket) -> Received:
    """Read a request. Raises `ConnectionError` if it breaks off."""
    content = b""
    length = at = 0
    headers: dict[str, str] = {}
    while not at or len(content) < at + length:
        chunk = connection.recv(65536)
        if not chunk:
            raise ConnectionError("the request broke off")
        content += chunk
        if not at and b"\r\n\r\n" in content:
            at = content.index(b"\r\n\r\n") + 4
            pairs = (line.partition(": ") for line in content[:at].decode("latin-1").split("\r\n")[1:] if line)
            headers = {name.lower(): value for name, _, value in pairs}
            length = int(headers.get("content-length", 0))
    method, target, _ = content.partition(b"\r\n")[0].decode("latin-1").split(" ")
    return Received(method, target, headers, content[at:], time.monotonic())


def issued(authority: Path, out: Path, host: str = HOST) -> ssl.SSLContext:
    """A TLS context with the certificate that `evolink-mock cert` makes for `host`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EVOLINK_")}
    command = [sys.executable, "-m", "evolink_mock", "cert", host, "--out", str(out)]
    environ = clean | {"EVOLINK_MOCK_AUTHORITY": str(authority)}
    subprocess.run(command, env=environ, capture_output=True, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(out / f"{host}.pem", out / f"{host}.key")
    return context


def certified(by: trustme.CA, host: str = HOST, until: datetime | None = None) -> ssl.SSLContext:
    """A TLS context with a certificate for `host` of the authority `by`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    by.issue_cert(host, not_after=until).configure_cert(context)
    return context


def contexts(good: ssl.SSLContext, trusted: trustme.CA) -> Mapping[str, ssl.SSLContext]:
    """TLS contexts of a receiver: the good one, and the faulty ones that its script may name.

    Each faulty one has a single fault; `trusted` is an authority that the emulator trusts.
    """
    return {
        "good": good,
        "wrong_name": certified(trusted, "other.example.com"),
        "untrusted": certified(trustme.CA()),
        "expired": certified(trusted, until=datetime.now(UTC) - timedelta(days=1)),
    }
