"""What an idle emulator holds, that its journal stops growing at its bound, and what hostile connections leave."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

from tests.bench.measure.plan import say
from tests.bench.measure.report import Row
from tests.bench.measure.resident import MIB, resident
from tests.bench.measure.servers import EMULATOR, EMULATOR_PROBE, Server, running
from tests.bench.measure.traffic import Request, create, query

LIMIT = 500
SENT = 3000


_GET = b"GET /v1/credits?x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk-bench\r\n"
_UPLOAD = b"POST /api/v1/files/upload/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (62 * MIB)
_LOADS = (
    ("header lines without end", 1, _GET, b"X-Line: y\r\n" * 1000, 150 * MIB),
    ("a URL without end", 1, b"GET /v1/credits?", b"y" * 65536, 94 * MIB),
    ("pipelined requests whose responses are not read", 5, b"", (_GET + b"\r\n") * 500, 15 * MIB),
    ("uploads without a key", 15, _UPLOAD, b"x" * MIB, 61 * MIB),
)
"""Loads: a name, connections, the beginning of what each sends, what it sends again and again, and how much of it."""


def measure() -> Iterator[Row]:
    say("memory: idle, and with a full journal")
    with running(EMULATOR, EMULATOR_PROBE) as idle:
        yield Row(name="resident, idle", unit="MiB", ours=resident(idle.pid) / MIB, goal=45, most=True)
    with running(EMULATOR, EMULATOR_PROBE, {"EVOLINK_MOCK_JOURNAL_LIMIT": str(LIMIT)}) as server:
        status, body = server.ask(create())
        assert status == 200, body
        asked = query(json.loads(body)["id"])
        _send(server, asked)
        full = resident(server.pid)
        _send(server, asked)
        grown = resident(server.pid) - full
        rows = _kept(server)
    yield Row(name=f"journal rows kept, limit {LIMIT}", unit="", ours=rows, goal=LIMIT, most=True)
    # An allocator's arena is 1 MiB; less is no growth that could go on.
    yield Row(name=f"growth by {SENT:,} more requests", unit="MiB", ours=grown / MIB, goal=1, most=True)
    yield from _hostile()


def _hostile() -> Iterator[Row]:
    """What is held while a client sends without end, without reading, or without a key."""
    for name, count, head, endless, total in _LOADS:
        say(f"memory: {name}")
        with running(EMULATOR, EMULATOR_PROBE) as server, ExitStack() as stack:
            before = resident(server.pid)
            for _ in range(count):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 1))
                connection.settimeout(1)
                connection.sendall(head)
                _send_until_refused(connection, endless, total)
            grown = (resident(server.pid) - before) / MIB
        yield Row(name=f"growth by {name}", unit="MiB", ours=grown, goal=32, most=True)


def _send_until_refused(connection: socket.socket, content: bytes, total: int) -> None:
    with suppress(OSError):
        for _ in range(total // len(content)):
            connection.sendall(content)


def _send(server: Server, request: Request) -> None:
    for _ in range(SENT):
        status, body = server.ask(request)
        assert status == 200, body


def _kept(server: Server) -> int:
    status, body = server.ask(query("any")._replace(path="/__mock/journal?limit=1000"))
    assert status == 200, body
    return len(json.loads(body)["rows"])
