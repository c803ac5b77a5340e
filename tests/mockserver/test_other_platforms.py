"""Windows, as far as it can be had by hiding what its Python lacks: the packages import, serve, and are fixtures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pytest_plugins import NO_OTHERS
from tests.support.server_process import PATIENCE

HIDES = """
import asyncio, concurrent.futures, os, signal, subprocess, sys, tempfile, warnings

# filelock says on import that it marks its locks by files alone.
warnings.filterwarnings("ignore", message="only soft file lock is available")
for name in ("fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "uvloop", "syslog", "readline"):
    sys.modules[name] = None
for name in ("SIGKILL", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGPIPE", "setitimer"):
    delattr(signal, name)
for name in ("fork", "getuid", "geteuid", "getgid", "getpgid", "killpg", "setsid", "memfd_create", "fchmod"):
    delattr(os, name)
"""
IMPORTS = """
import importlib, pkgutil
import evolink_client, evolink_contracts, evolink_mock

for package in (evolink_client, evolink_contracts, evolink_mock):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""
COMMAND = """
from importlib import import_module

module, *sys.argv[1:] = sys.argv[1:]
import_module(module).main()
"""
TEST = """
import httpx

def test_fixtures(evolink_mock, evolink_callbacks, evolink_server):
    task = evolink_mock.evolink.videos.create("A cat", "https://example.com/a.png", callback_url=evolink_callbacks.url)
    assert evolink_mock.evolink.tasks.wait(task.id).task.status == "completed"
    headers = {"authorization": f"Bearer {evolink_server.key}"}
    assert httpx.get(f"{evolink_server.url}/v1/credits", headers=headers).status_code == 200
"""


def python(code: str, *arguments: str, **options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", HIDES + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_every_module_imports() -> None:
    done = python(IMPORTS)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_emulator_serves_and_the_kit_checks_it() -> None:
    serve = ["evolink_mock.cli", "serve", "--port", "0", "--log-format", "json", "--exit-with-stdin"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", HIDES + COMMAND, *serve], stdin=pipe, stdout=pipe, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        url = json.loads(process.stdout.readline())["url"]
        run = ["evolink_contracts.cli.main", "run", "--base-url", url, "--api-key", "sk-a", "--only", "VC-010"]
        done = python(COMMAND, *run)
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_fixtures_work(tmp_path: Path) -> None:
    # pytest itself asks for the user, as it does not on Windows.
    (tmp_path / "hides.py").write_text(HIDES.replace('"getuid", "geteuid", ', ""), encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TEST, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", *NO_OTHERS, "-p", "hides"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "encoding", ["cp1252", *(pytest.param(each, marks=pytest.mark.slow) for each in ("cp936", "ascii"))]
)
@pytest.mark.parametrize("arguments", [["selftest", "duration-default"], ["promises"]])
def test_no_code_page_fails_a_command_of_the_kit(encoding: str, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evolink_contracts", *arguments],
        capture_output=True,
        env={"PYTHONIOENCODING": encoding},
        timeout=120,
        check=False,
    )
    assert b"UnicodeEncodeError" not in done.stderr
    assert done.returncode in (0, 2), done.stderr
