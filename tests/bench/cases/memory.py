"""What an idle emulator holds, and that its journal stops growing at its bound."""

import json
from collections.abc import Iterator

from tests.bench.measure.plan import say
from tests.bench.measure.report import Row
from tests.bench.measure.resident import MIB, resident
from tests.bench.measure.servers import EMULATOR, EMULATOR_PROBE, Server, running
from tests.bench.measure.traffic import Request, create, query

LIMIT = 500
SENT = 3000


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


def _send(server: Server, request: Request) -> None:
    for _ in range(SENT):
        status, body = server.ask(request)
        assert status == 200, body


def _kept(server: Server) -> int:
    status, body = server.ask(query("any")._replace(path="/__mock/journal?limit=1000"))
    assert status == 200, body
    return len(json.loads(body)["rows"])
