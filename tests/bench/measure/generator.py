"""A closed-loop load generator on asyncio, for machines without wrk: about as slow as the servers it loads."""

import asyncio
import re
import time
from collections.abc import Sequence
from itertools import cycle

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class _Connection(asyncio.Protocol):
    """Sends the next request whenever an answer is complete."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._received = b""
        self._missing = -1
        self._ok = False
        self._closes = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._received, self._missing = b"", -1
        self._sent = time.perf_counter()
        self._transport.write(next(self._run.shots))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._missing < 0:
            head, end, _ = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            length = _LENGTH.search(head)
            self._ok = head[9:10] == b"2"
            self._closes = _CLOSES.search(head) is not None
            self._missing = len(head) + 4 + (int(length[1]) if length else 0)
        if len(self._received) < self._missing:
            return
        if not self._run.note(self._sent, self._ok):
            self._transport.close()
        elif not self._closes:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self._run.replace(self)


class _Run:
    def __init__(self, port: int, shots: Sequence[bytes], seconds: float) -> None:
        self._port = port
        self.shots = cycle(shots)
        self.latencies: list[float] = []
        self.failed = 0
        self._end = time.perf_counter() + seconds
        self._open = 0
        self.over = asyncio.get_running_loop().create_future()
        self._connecting: set[asyncio.Task[None]] = set()

    def note(self, sent: float, ok: bool) -> bool:
        """Count one answer; whether to go on."""
        now = time.perf_counter()
        self.latencies.append(now - sent)
        self.failed += not ok
        return now < self._end

    def connect(self) -> None:
        self._open += 1
        task = asyncio.get_running_loop().create_task(self._connect())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        except OSError:
            self.failed += 1
            self.replace(None)

    def replace(self, lost: "_Connection | None") -> None:
        self._open -= 1
        if time.perf_counter() < self._end and lost is not None:
            self.connect()
        elif self._open == 0 and not self.over.done():
            self.over.set_result(None)


def generate(port: int, shots: Sequence[bytes], connections: int, seconds: float) -> tuple[list[float], int, float]:
    """Latencies in seconds, how many answers were no 2xx, and how long it took."""

    async def run() -> tuple[list[float], int, float]:
        began = time.perf_counter()
        running = _Run(port, shots, seconds)
        for _ in range(connections):
            running.connect()
        # A server that stops answering must not keep the run from ending.
        await asyncio.wait([running.over], timeout=seconds + 10)
        return running.latencies, running.failed, time.perf_counter() - began

    return asyncio.run(run())
