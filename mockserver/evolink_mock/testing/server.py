"""The emulator as a process of its own, for tests of applications that need a real address."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from evolink_mock.clock import block
from evolink_mock.testing.handle import EmulatorHandle

if TYPE_CHECKING:
    from evolink_client import HttpOptions

_PATIENCE = 30.0
"""Seconds within which the process starts, and within which it ends."""
_LOOKS = 1500


class ServerFailed(RuntimeError):
    """The emulator's process ended before it accepted requests, or never did; with its output."""


class EvolinkServer(EmulatorHandle):
    """An emulator behind a socket of this machine, and a key whose world no other test sees.

    Its clock is an automatic one: a query of an unfinished task moves it to the next event.
    """

    def __init__(self, url: str, key: str) -> None:
        # No proxy, which would not find this machine; and no connection is kept, so that nothing is left to be closed.
        limits = httpx.Limits(max_keepalive_connections=0)
        http: HttpOptions = {"trust_env": False, "limits": limits}
        super().__init__(url, key, http, {"trust_env": False, "limits": limits})


@contextmanager
def server_process(home: Path) -> Iterator[str]:
    """The URL of an emulator that runs during the body of the context. Raises `ServerFailed`."""
    ready, output = home / "announced", home / "output"
    command = [sys.executable, "-m", "evolink_mock", "serve", "--port", "0", "--clock", "auto"]
    # The pipe ends with this process, however that ends, and the emulator with the pipe.
    command += ["--ready-file", str(ready), "--exit-with-stdin"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EVOLINK_")}
    with output.open("w", encoding="utf-8") as printed:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=printed, stderr=printed, env=clean)  # noqa: S603  # Our own words.
        try:
            yield _announced(ready, process, output)
        finally:
            _end(process)


def _announced(file: Path, process: "subprocess.Popen[bytes]", output: Path) -> str:
    for _ in range(_LOOKS):
        if file.exists():
            return str(json.loads(file.read_text(encoding="utf-8-sig"))["url"])
        if _has_ended(process, _PATIENCE / _LOOKS):
            break
    raise ServerFailed(f"the emulator did not start: {output.read_text(encoding='utf-8', errors='replace')}")


def _has_ended(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Whether a process has ended, or does within a time.

    Not by `Popen.wait`, which never returns where a test has stopped the functions of `time`, as freezegun does.
    """
    if process.poll() is None:
        block(seconds)
    return process.poll() is not None


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        if not any(_has_ended(process, _PATIENCE / _LOOKS) for _ in range(_LOOKS)):
            process.kill()
            process.wait()
    finally:
        assert process.stdin is not None
        process.stdin.close()
