"""Each example of the client's README, run as it stands."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server_process import Server

README = (Path(__file__).parent.parent.parent / "client" / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = "".join(re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)).splitlines()
PRINTED = {
    0: r"task-unified-\S+ Usage\(.*\n(pending|processing), \d+ %\n(.*\n)*\S+ has \d+ bytes; the link works",
    2: r"404 task_not_found req_\S+\n",
    5: r"https://x.example/v.mp4\n",
}
"""What some of them print, by their place."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--clock", "auto") as server:
        yield server


def run(server: Server, home: Path, key: str, *command: str) -> str:
    environ = {**os.environ, "EVOLINK_BASE_URL": server.url, "EVOLINK_API_KEY": key}
    ran = subprocess.run(
        [sys.executable, *command], cwd=home, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


@pytest.mark.parametrize("place", range(len(EXAMPLES)))
def test_an_example_runs(server: Server, tmp_path: Path, place: int) -> None:
    printed = run(server, tmp_path, f"sk-{place}", "-W", "error", "-c", EXAMPLES[place])
    assert re.match(PRINTED.get(place, ""), printed), printed


def test_the_commands_run(server: Server, tmp_path: Path) -> None:
    assert len(COMMANDS) == 2
    for command in COMMANDS:
        name, *arguments = shlex.split(command)
        assert name == "evolink"
        assert run(server, tmp_path, "sk-commands", "-m", "evolink_client", *arguments)
    assert (tmp_path / "cat.mp4").exists()


@pytest.mark.slow
def test_the_examples_have_the_types_that_they_say(tmp_path: Path) -> None:
    for place, example in enumerate(EXAMPLES):
        (tmp_path / f"example_{place}.py").write_text(example, encoding="utf-8")
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}"]
    ran = subprocess.run([*mypy, "."], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
