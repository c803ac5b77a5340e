"""The emulator as pytest fixtures: in this process, or behind a socket; a failure tells the story of its tasks."""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from evolink_mock.testing.mocked import Callbacks, Mocked

_NUMBERS = count(1)
_PATIENCE = 30.0
_LOOKS = 1500


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "evolink(scenario=…, seed=…, **settings): how the emulator of the fixture evolink_mock is made"
    )


@pytest.fixture
def evolink_mock(request: pytest.FixtureRequest) -> Iterator["Mocked"]:
    """An emulator in this process, on a manual clock, with nothing in it; see `evolink_mock.mocked.Mocked`."""
    # Imported where it is asked for, since this module is loaded by every run of pytest.
    from evolink_mock.testing.mocked import Mocked

    mark = request.node.get_closest_marker("evolink")
    with Mocked(**(mark.kwargs if mark else {})) as mocked:
        yield mocked


@pytest.fixture
def evolink_callbacks(evolink_mock: "Mocked") -> "Callbacks":
    """The receiver of that emulator: `url`, `answer(500, 200)`, `received`, `wait_for(task_id)`."""
    return evolink_mock.callbacks


class EvolinkServer:
    """An emulator behind a socket of this machine, and a key whose world no other test sees."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key


@pytest.fixture(scope="session")
def _evolink_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("evolink")
    command = [sys.executable, "-m", "evolink_mock", "serve", "--port", "0", "--clock", "auto"]
    printed = (home / "output").open("w+", encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EVOLINK_")}
    command += ["--ready-file", str(home / "announced")]
    process = subprocess.Popen(command, stdout=printed, stderr=printed, env=clean)  # noqa: S603  # Our own words.
    try:
        yield _announced(home / "announced", process, home / "output")
    finally:
        process.terminate()
        process.wait(_PATIENCE)
        printed.close()


def _announced(file: Path, process: "subprocess.Popen[bytes]", output: Path) -> str:
    for _ in range(_LOOKS):
        if file.exists():
            return str(json.loads(file.read_text(encoding="utf-8"))["url"])
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE / _LOOKS)
            break
    pytest.fail(f"the emulator did not start: {output.read_text(encoding='utf-8')}")


@pytest.fixture
def evolink_server(_evolink_process: str) -> EvolinkServer:
    """`url` and `key` of an emulator behind a socket, on an automatic clock: one process, a world for each test."""
    return EvolinkServer(_evolink_process, f"sk-test-{os.getpid()}-{next(_NUMBERS)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    mocked: Any = getattr(item, "funcargs", {}).get("evolink_mock")
    if report.when == "call" and report.failed and mocked is not None and mocked.tasks:
        report.sections.append(("EvoLink emulator", mocked.explain()))
    return report
