"""A connection without an HTTP library: it sends bytes as they are, and reads responses to the byte."""

import re
import socket
from contextlib import suppress
from types import TracebackType
from typing import Self

PATIENCE = 10.0
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class RawConnection:
    """One connection; `received` is what has arrived and is not read yet."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def send_endlessly(self, content: bytes, most: int) -> int:
        """Send the same bytes again and again until the other side ends the connection; how many were sent."""
        sent = 0
        try:
            while sent < most:
                self.socket.sendall(content)
                sent += len(content)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return sent

    def end_sending(self) -> None:
        with suppress(OSError):  # The other side may have ended the connection already.
            self.socket.shutdown(socket.SHUT_WR)

    def response(self) -> bytes:
        """The next response, whole; what has arrived, where the connection ends before."""
        while True:
            head, mark, rest = self.received.partition(b"\r\n\r\n")
            found = _LENGTH.search(head + b"\r\n")
            length = int(found[1]) if found else 0
            if mark and len(rest) >= length:
                self.received = rest[length:]
                return head + mark + rest[:length]
            if not (chunk := self._receive()):
                whole, self.received = self.received, b""
                return whole
            self.received += chunk

    def rest(self) -> bytes:
        """What arrives until the other side ends the connection."""
        while chunk := self._receive():
            self.received += chunk
        whole, self.received = self.received, b""
        return whole

    def _receive(self) -> bytes:
        try:
            return self.socket.recv(1 << 18)
        except ConnectionResetError:
            return b""
