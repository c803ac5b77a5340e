"""A real emulator in a process of its own, for the tests that need one."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.emulator import DOCUMENTED, Emulator, bearer

PATIENCE = 30.0


def _limit_descriptors(count: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


class Server:
    """`evolink-mock serve` on a free port; `url` is what it announced, `output` what it printed.

    Its videos are plain, since it takes a second to encode any other; `--set result_video=best` encodes them.
    """

    def __init__(self, *arguments: str, environ: dict[str, str] | None = None, descriptors: int = 0) -> None:
        self._home = tempfile.TemporaryDirectory()
        self.home = Path(self._home.name)
        self.ready_file = self.home / "ready.json"
        self._printed = (self.home / "output").open("w+", encoding="utf-8")
        command = [sys.executable, "-m", "evolink_mock", "serve", "--port", "0", "--ready-file", str(self.ready_file)]
        command += ["--set", "result_video=plain"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("EVOLINK_")}
        self.process = subprocess.Popen(
            [*command, *arguments],
            stdout=self._printed,
            stderr=subprocess.STDOUT,
            env={**clean, "XDG_STATE_HOME": str(self.home), **(environ or {})},
            preexec_fn=partial(_limit_descriptors, descriptors) if descriptors else None,
        )
        self.url = ""
        self.address = ("127.0.0.1", 0)

    def __enter__(self) -> Self:
        deadline = time.monotonic() + PATIENCE
        while not self.ready_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                output = self.output
                self.close()
                raise AssertionError(f"the emulator did not start: {output}")
            time.sleep(0.01)
        announced = json.loads(self.ready_file.read_text(encoding="utf-8"))
        self.url, self.address = str(announced["url"]), ("127.0.0.1", int(announced["port"]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def create_many(self, key: str, count: int, **fields: Any) -> None:
        """Create so many documented tasks, without what a client of httpx does for each."""
        body = json.dumps(DOCUMENTED | fields)
        headers = {**bearer(key), "Content-Type": "application/json"}
        with closing(HTTPConnection(*self.address, timeout=PATIENCE)) as connection:
            for _ in range(count):
                connection.request("POST", "/v1/videos/generations", body, headers)
                answer = connection.getresponse()
                content = answer.read()
                assert answer.status == 200, content

    @property
    def output(self) -> str:
        return (self.home / "output").read_text(encoding="utf-8")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, and wait until it has; its exit code."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._printed.close()
        self._home.cleanup()


@contextmanager
def started(*arguments: str) -> Iterator[tuple[Server, Emulator]]:
    """An emulator in a process of its own, and calls to it."""
    with Server(*arguments) as server:
        client = httpx.Client(base_url="http://{}:{}".format(*server.address), timeout=PATIENCE)
        with Emulator(client) as emulator:
            yield server, emulator
