"""The emulator's process ends with the one that started it, however that ends."""

import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.pytest_plugins import NO_OTHERS
from tests.support.server_process import PATIENCE

HANGS = """
import threading
from pathlib import Path

def test_hangs(evolink_server):
    Path("url").write_text(evolink_server.url)
    print("started", flush=True)
    threading.Event().wait()
"""
CRASHES = """
import os, signal
from pathlib import Path

def test_crashes(evolink_server):
    Path("url").write_text(evolink_server.url)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def pytest_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-q", *NO_OTHERS, *arguments]


def assert_ends(home: Path) -> None:
    """A connection that stays idle is closed when the process ends, and another one is refused."""
    url = urlsplit((home / "url").read_text())
    address = (str(url.hostname), url.port or 0)
    with suppress(OSError), socket.create_connection(address, PATIENCE) as connection:
        assert connection.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, PATIENCE)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_a_pytest_that_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "test_it.py").write_text(HANGS, encoding="utf-8")
    with subprocess.Popen(pytest_command("-s"), cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("started" in line for line in process.stdout)
        process.send_signal(how)
        process.wait(PATIENCE)
        assert_ends(tmp_path)


def test_it_ends_with_a_worker_that_crashes(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(CRASHES, encoding="utf-8")
    done = subprocess.run(
        pytest_command("-n", "1", "--max-worker-restart", "0"),
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert_ends(tmp_path)
