"""The terminals of a page: one bash that keeps its state from block to block, and servers in sessions of their own."""

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_STRICT = ("-O", "expand_aliases", "-uo", "pipefail")
"""A script expands no aliases unless told to; a person's shell does."""
_STOPPING = 10.0


def _end(process: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
    """Stop a process and all that it started, as closing its terminal does."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, how)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOPPING)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class PageShell:
    """A bash that runs one command after another; variables, functions, aliases and the directory stay."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self._output = directory.parent / "shell-output"
        self._statuses, answers = os.pipe()
        self._answers = answers
        with (directory.parent / "shell-errors").open("wb") as errors:
            self._process = subprocess.Popen(
                ["bash", "--norc", *_STRICT],
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                cwd=directory,
                env=environ,
                pass_fds=(answers,),
                start_new_session=True,
            )
        os.close(answers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _end(self._process, signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()
        os.close(self._statuses)

    def run(self, command: str, patience: float) -> tuple[int | str, str]:
        """The exit status of a command, or a word for why it has none; and all that it printed.

        A sourced script ends at its first command that fails, as with `set -e`, and the shell goes on.
        """
        assert self._process.stdin is not None
        ends = (
            f"trap 'return $?' ERR; {command} </dev/null >{self._output} 2>&1; echo $? >&{self._answers}; trap - ERR\n"
        )
        self._process.stdin.write(ends.encode())
        self._process.stdin.flush()
        ready, _, _ = select.select([self._statuses], [], [], patience)
        answer = os.read(self._statuses, 100).decode() if ready else ""
        printed = self._output.read_text(encoding="utf-8", errors="replace") if self._output.exists() else ""
        if answer:
            return int(answer), printed
        return "the end of the shell" if ready else f"no end within {patience:g} s", printed

    def snapshot(self) -> tuple[dict[str, str], str]:
        """Its exported variables and its directory."""
        _, printed = self.run("{ pwd; env -0; }", _STOPPING)
        directory, _, variables = printed.partition("\n")
        return dict(pair.split("=", 1) for pair in variables.split("\0") if "=" in pair), directory


class PortInUse(Exception):
    """Another program listens at the port of a server that is to be started."""


class PageServer:
    """A script that runs in a terminal of its own, opened from a shell's directory with its variables.

    Raises `PortInUse` where something listens at its port: that would be taken for it.
    """

    def __init__(self, script: Path, shell: PageShell, port: int) -> None:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=1):
            raise PortInUse(f"something else listens at port {port} already")
        environ, directory = shell.snapshot()
        self._address = ("127.0.0.1", port)
        self._log = script.with_suffix(f".{port}.log")
        with self._log.open("wb") as log:
            command = ["bash", *_STRICT, "-e", str(script)]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environ,
                cwd=directory,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_until_ready(self, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(self._address, timeout=1):
                return True
            time.sleep(0.01)
        return False

    def stop(self) -> None:
        """As Ctrl+C does."""
        _end(self._process, signal.SIGINT)
