"""Server processes: started on a core, awaited, asked, stopped."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.bench.measure.cores import SERVER_CORE, on_core
from tests.bench.measure.traffic import Request, query

ROOT = Path(__file__).parents[3]
PORT = "{port}"
"""Stands for the port in a command."""
BARE = (sys.executable, "-m", "tests.bench.measure.bare", PORT)
EMULATOR = (sys.executable, "-m", "evolink_mock", "serve", "--clock", "real", "--log-level", "warning", "--port", PORT)
BARE_PROBE = "/v1/tasks/any"
EMULATOR_PROBE = "/__mock/health"

_TICKS = os.sysconf("SC_CLK_TCK")
_POLL = 0.002
_GRACE = 20.0


class DidNotStart(Exception):
    """The process ended or kept silent; the message holds its last words."""


class Server:
    """A process that answers HTTP on 127.0.0.1. `started_in` is the seconds from its start to its first 200."""

    def __init__(
        self, command: Sequence[str], probe: str, *, core: int = SERVER_CORE, env: Mapping[str, str] | None = None
    ) -> None:
        self.port = _free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.started_in = 0.0
        # With a key, for those that check it.
        self._probe = query("any")._replace(path=probe).raw(self.host)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        words = [word.replace(PORT, str(self.port)) for word in command]
        with on_core(core):
            self._began = time.perf_counter()
            self._process = subprocess.Popen(
                words,
                cwd=ROOT,
                env=_environment() | dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def wait(self, patience: float) -> None:
        """Return at the first 200 to the probe. Raises `DidNotStart`."""
        while not self._answers():
            if self._process.poll() is not None:
                raise DidNotStart(f"it ended with {self._process.returncode}: {self._last_words()}")
            if time.perf_counter() - self._began > patience:
                raise DidNotStart(f"no 200 within {patience:.0f} s: {self._last_words()}")
            time.sleep(_POLL)
        self.started_in = time.perf_counter() - self._began

    def ask(self, request: Request) -> tuple[int, bytes]:
        """Status and body."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            asked = request._replace(headers=(*request.headers, ("Connection", "close")))
            connection.sendall(asked.raw(self.host))
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body

    def worked(self) -> float:
        """Processor seconds used so far, by all threads of the first process."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def said(self) -> str:
        """Everything the process has printed."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def stop(self) -> None:
        # Its own session, so that launchers take their servers along.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(self._probe)
                return connection.recv(12)[9:12] == b"200"
        except OSError:
            return False

    def _last_words(self) -> str:
        lines = [line.strip() for line in self.said().splitlines() if line.strip()]
        return lines[-1][:200] if lines else "nothing was printed"


@contextmanager
def running(
    command: Sequence[str], probe: str, env: Mapping[str, str] | None = None, patience: float = 30.0
) -> Iterator[Server]:
    """A server that answers already, and is stopped afterwards."""
    server = Server(command, probe, env=env)
    try:
        server.wait(patience)
        yield server
    finally:
        server.stop()


def _environment() -> dict[str, str]:
    """Without the settings that somebody gave another emulator."""
    return {name: value for name, value in os.environ.items() if not name.startswith("EVOLINK_MOCK_")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
