"""freezegun and time-machine around the fixtures, the client and an application of the test's own loop."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from evolink_client import AsyncEvolinkClient, EvolinkClient, Polling, WaitTimedOut
from evolink_mock import Settings, create_app
from evolink_mock.testing.mocked import Mocked
from evolink_mock.testing.server import EvolinkServer
from tests.support.emulator import bearer
from tests.support.pytest_plugins import NO_OTHERS

freezegun = pytest.importorskip("freezegun")
time_machine = pytest.importorskip("time_machine")

DATE = "2020-09-13"
Freeze = Callable[[], AbstractContextManager[Any]]
FROZEN: dict[str, Freeze] = {
    "freezegun": lambda: freezegun.freeze_time(DATE),
    "freezegun that ticks": lambda: freezegun.freeze_time(DATE, tick=True),
    "freezegun that jumps": lambda: freezegun.freeze_time(DATE, auto_tick_seconds=15),
    "freezegun and the real asyncio": lambda: freezegun.freeze_time(DATE, real_asyncio=True),
    "time-machine": lambda: time_machine.travel(DATE, tick=False),
}
STUCK: Any = {"headers": {"X-Mock-Scenario": "stuck=99"}}
SHORT = Polling(first=0.05, longest=0.05, last=1)
CREATE = ("A cat", "https://example.com/cat.png")


@pytest.fixture(params=FROZEN)
def frozen(request: pytest.FixtureRequest) -> Freeze:
    return FROZEN[request.param]


@pytest.mark.parametrize("clock", ["manual", "auto", "real"])
def test_an_emulator_that_is_made_in_it_polls_and_ends_tasks(frozen: Freeze, clock: Any) -> None:
    with frozen(), Mocked(clock=clock, generation_time="50ms") as mocked:
        assert mocked.client.get("/__mock/events?wait=50ms").json()["rows"] == []
        task = mocked.evolink.videos.create(*CREATE)
        assert mocked.evolink.tasks.wait(task.id).url


def test_an_emulator_that_was_made_before(frozen: Freeze, evolink_mock: Mocked) -> None:
    with frozen():
        assert evolink_mock.client.get("/__mock/events?wait=50ms").json()["rows"] == []
        task = evolink_mock.evolink.videos.create(*CREATE)
        with pytest.raises(AssertionError, match="0 of 1 callbacks"):
            evolink_mock.callbacks.wait_for(task.id)
        assert evolink_mock.evolink.tasks.wait(task.id).url


def test_a_long_poll_of_an_application_on_the_loop_of_the_test(frozen: Freeze) -> None:
    async def polled() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(Settings(clock="manual")))
        async with httpx.AsyncClient(transport=transport, base_url="http://evolink") as client:
            return await client.get("/__mock/events?wait=50ms", headers=bearer())

    with frozen():
        assert asyncio.run(polled()).json()["rows"] == []


def test_the_client_stops_waiting_when_its_time_is_over(frozen: Freeze, evolink_server: EvolinkServer) -> None:
    with (
        frozen(),
        EvolinkClient(evolink_server.key, evolink_server.url, polling=SHORT, http=STUCK) as evolink,
    ):
        task = evolink.videos.create(*CREATE)
        with pytest.raises(WaitTimedOut):
            evolink.tasks.wait(task.id, timeout=0.2)


# Not with `auto_tick_seconds`: the loop's own time jumps by 15 s whenever it is read, and httpx's time-outs with it.
@pytest.mark.parametrize("kind", [kind for kind in FROZEN if "jumps" not in kind])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_so_does_the_asynchronous_client(kind: str, evolink_server: EvolinkServer, backend: str) -> None:
    async def waits() -> None:
        key, url = evolink_server.key, evolink_server.url
        async with AsyncEvolinkClient(key, url, polling=SHORT, http=STUCK) as evolink:
            task = await evolink.videos.create(*CREATE)
            with pytest.raises(WaitTimedOut):
                await evolink.tasks.wait(task.id, timeout=0.2)

    with FROZEN[kind]():
        anyio.run(waits, backend=backend)


PROJECT = """
import freezegun
import pytest

@pytest.fixture(autouse=True, scope="session")
def frozen():
    with freezegun.freeze_time("2020-09-13", **OPTIONS):
        yield
"""
TESTS = """
import pytest

def test_it(evolink_server, evolink_mock):
    from evolink_client import EvolinkClient, Polling, WaitTimedOut

    options = {"polling": Polling(first=0.05, longest=0.05), "http": {"headers": {"X-Mock-Scenario": "stuck=99"}}}
    with EvolinkClient(evolink_server.key, evolink_server.url, **options) as evolink:
        task = evolink.videos.create("A cat", "https://example.com/cat.png")
        with pytest.raises(WaitTimedOut):
            evolink.tasks.wait(task.id, timeout=0.2)
    assert evolink_mock.client.get("/__mock/events?wait=50ms").json()["rows"] == []
"""


@pytest.mark.parametrize("options", [{}, {"auto_tick_seconds": 15}], ids=str)
def test_a_project_whose_time_is_frozen_before_anything_is_imported(tmp_path: Path, options: dict[str, int]) -> None:
    (tmp_path / "conftest.py").write_text(PROJECT.replace("OPTIONS", repr(options)), encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", *NO_OTHERS]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stdout
