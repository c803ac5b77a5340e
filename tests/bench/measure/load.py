"""Load on 32 kept connections, for some seconds: by wrk where it is installed, else by a small generator of our own."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.bench.measure.cores import LOAD_CORE, on_core
from tests.bench.measure.generator import generate
from tests.bench.measure.servers import Server
from tests.bench.measure.traffic import Request

CONNECTIONS = 32
ENOUGH = 0.9
"""Of a core, for a rate to be that of the server."""


class Load(NamedTuple):
    """What came of it. `rate` is answers a second, times are milliseconds, `failed` counts all that was no 2xx."""

    rate: float
    p50: float
    p99: float
    answers: int
    failed: int
    cost: float = 0.0
    """Microseconds of the server's processor an answer."""
    whole_cost: float = 0.0
    """The same with what the server put off until the load was over, where that was measured."""

    @property
    def share(self) -> float:
        """How much of its core the server had. Well below 1, something else was running, and the rate is rough."""
        return self.rate * self.cost / 1e6


@cache
def tool() -> str:
    return "wrk" if shutil.which("wrk") else "the small load generator"


def fire(server: Server, requests: Sequence[Request], seconds: int) -> Load:
    """Send the requests in turn, as fast as they are answered."""
    shots = [request.raw(server.host) for request in requests]
    before = server.worked()
    with on_core(LOAD_CORE):
        load = (_wrk if tool() == "wrk" else _own)(server, shots, seconds)
    return load._replace(cost=(server.worked() - before) / max(load.answers, 1) * 1e6)


def _own(server: Server, shots: Sequence[bytes], seconds: int) -> Load:
    latencies, failed, took = generate(server.port, shots, CONNECTIONS, seconds)
    latencies.sort()
    count = len(latencies)
    p50, p99 = (latencies[int(count * share)] * 1000 if count else 0.0 for share in (0.5, 0.99))
    return Load(count / took, p50, p99, count, failed)


_SCRIPT = """
local shots = { %s }
local turn = 0
function request()
  turn = turn %% #shots + 1
  return shots[turn]
end
function done(summary, latency)
  local e = summary.errors
  print(string.format("\\nfired %%d %%d %%.3f %%.3f %%d", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.status + e.connect + e.read + e.write + e.timeout))
end
"""


def _wrk(server: Server, shots: Sequence[bytes], seconds: int) -> Load:
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "shots.lua"
        script.write_text(_SCRIPT % ",\n".join(map(_lua, shots)))
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), f"http://{server.host}/"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    answers, micros, p50, p99, failed = printed.rpartition("\nfired ")[2].split()
    return Load(int(answers) / int(micros) * 1e6, float(p50) / 1000, float(p99) / 1000, int(answers), int(failed))


def _lua(text: bytes) -> str:
    return '"' + "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else f"\\{c:03d}" for c in text) + '"'
