"""The fixtures as an integrator's project uses them, in a pytest of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

import anyio
import httpx
import pytest

from evolink_client import AsyncEvolinkClient
from evolink_mock.testing.mocked import Mocked
from tests.support.pytest_plugins import NO_OTHERS

EXAMPLE = Path(__file__).parents[2] / "examples" / "integrator"


def run(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", *NO_OTHERS, *arguments]
    return subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_an_integrators_project_passes(tmp_path: Path, workers: int) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    ran = run(tmp_path, "-n", str(workers))
    assert ran.returncode == 0, ran.stdout
    assert "6 passed" in ran.stdout


FAILING = """
import httpx

def test_fails(evolink_mock, evolink_callbacks):
    evolink_callbacks.answer(500)
    task = evolink_mock.client.post("/v1/videos/generations", json={
        "model": "wan2.6-image-to-video-flash", "prompt": "A cat", "image_urls": ["https://example.com/cat.png"],
        "callback_url": evolink_callbacks.url}).json()
    evolink_callbacks.wait_for(task["id"], count=2)
    assert False

def test_server(evolink_server):
    headers = {"authorization": f"Bearer {evolink_server.key}"}
    assert httpx.get(f"{evolink_server.url}/v1/credits", headers=headers).status_code == 200

def test_waits_in_vain(evolink_callbacks):
    evolink_callbacks.wait_for()
"""


def test_on_failure_the_story_of_the_tasks_is_told(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(FAILING, encoding="utf-8")
    ran = run(tmp_path)
    assert "2 failed, 1 passed" in ran.stdout, ran.stdout
    told = ran.stdout.partition("EvoLink emulator")[2]
    for words in (
        "decided by the built-in default",
        "11.9 credits reserved",
        "the receiver answered 500",
        "the clock shows",
    ):
        assert words in told
    assert "0 of 1 callbacks came, and no more will come: no task was created" in ran.stdout


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_awaited_client_meets_the_same_emulator(backend: str) -> None:
    async def scene(mocked: Mocked) -> str:
        async with AsyncEvolinkClient(mocked.key, http={"transport": mocked.async_transport}) as client:
            return (await client.videos.create("A cat", "https://example.com/cat.png")).id

    with Mocked(seed=7) as mocked:
        made = anyio.run(scene, mocked, backend=backend)
        assert [task["id"] for task in mocked.tasks] == [made]
        assert httpx.Client(transport=mocked.transport).get(f"{mocked.url}/v1/tasks/{made}").status_code == 401


def test_settings_go_in_by_name() -> None:
    with Mocked("fail=service_error", generation_time="1s") as mocked:
        mocked.client.post("/v1/videos/generations", json={"model": "x"})
        assert mocked.tasks == []
    with pytest.raises(TypeError):
        Mocked(no_such_setting=1)


def created(more: str = "", number: int = 0) -> str:
    """The source of a test that creates a task and then fails."""
    return f"""
def test_fails_{number}(evolink_mock):
    evolink_mock.client.post("/v1/videos/generations", json={{"model": "wan2.6-text-to-video", "prompt": "A cat"}})
    {more}
    assert False
"""


SURVIVES = """
def test_after():
    pass
"""


BREAKS = (
    "evolink_mock.close()",
    "evolink_mock.control = None",
    "evolink_mock.explain = lambda: 1 / 0",
    "evolink_mock._control.close()",
    "evolink_mock.control = lambda path: {}",
)


def test_an_explanation_that_fails_costs_a_line_of_the_report_alone(tmp_path: Path) -> None:
    tests = [created(more, number) for number, more in enumerate(BREAKS)]
    (tmp_path / "test_it.py").write_text("".join(tests) + SURVIVES, encoding="utf-8")
    ran = run(tmp_path)
    assert f"{len(BREAKS)} failed, 1 passed" in ran.stdout, ran.stdout
    assert ran.stdout.count("no explanation: ") == len(BREAKS)
    assert "INTERNALERROR" not in ran.stdout


def test_a_client_that_is_closed_costs_nothing(tmp_path: Path) -> None:
    with_block = """
import httpx
def test_one(evolink_mock):
    with httpx.Client(transport=evolink_mock.transport, base_url="https://api.evolink.ai") as client:
        client.post("/v1/videos/generations", json={}, headers={"Authorization": "Bearer sk-test"})
    assert False
"""
    (tmp_path / "test_it.py").write_text(with_block + SURVIVES, encoding="utf-8")
    ran = run(tmp_path)
    assert "1 failed, 1 passed" in ran.stdout, ran.stdout
    assert "POST /v1/videos/generations answered 400" in ran.stdout


@pytest.mark.parametrize("arguments", [("-x",), pytest.param(("-n", "2"), marks=pytest.mark.slow), ("--tb=line",)])
def test_the_explanation_comes_with_every_way_of_running(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "test_it.py").write_text(SURVIVES + created(), encoding="utf-8")
    ran = run(tmp_path, *arguments, "-rA")
    assert "1 failed" in ran.stdout, ran.stdout
    assert "INTERNALERROR" not in ran.stdout
    assert ("the clock shows" in ran.stdout) or arguments == ("--tb=line",)


ELSEWHERE = """
import unittest
import anyio
import pytest
from evolink_mock.mocked import Mocked

REQUEST = {"model": "wan2.6-text-to-video", "prompt": "A cat"}

@pytest.fixture
def fails_in_setup(evolink_mock):
    evolink_mock.client.post("/v1/videos/generations", json=REQUEST)
    assert False

@pytest.fixture
def fails_in_teardown(evolink_mock):
    yield
    assert False

@pytest.fixture
def own():
    with Mocked() as mocked:
        yield mocked

def test_setup(fails_in_setup):
    pass

def test_teardown(fails_in_teardown, evolink_mock):
    evolink_mock.client.post("/v1/videos/generations", json=REQUEST)

def test_own_fixture(own):
    own.client.post("/v1/videos/generations", json=REQUEST)
    assert False

def test_asked_for_late(request):
    request.getfixturevalue("evolink_mock").client.post("/v1/videos/generations", json=REQUEST)
    assert False

class TestOfTheStandardLibrary(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _emulator(self, evolink_mock):
        self.emulator = evolink_mock

    def test_it(self):
        self.emulator.client.post("/v1/videos/generations", json=REQUEST)
        self.fail()

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_async(evolink_mock, anyio_backend):
    task = await evolink_mock.async_evolink.videos.create("A cat", "https://example.com/cat.png")
    await evolink_mock.async_evolink.tasks.wait(task.id)
    assert False

def test_server(evolink_server):
    evolink_server.client.post("/v1/videos/generations", json={"model": "x"})
    evolink_server.evolink.tasks.wait(evolink_server.evolink.videos.create("A cat", "https://example.com/cat.png").id)
    evolink_server.advance(7.5)
    evolink_server.scenario("fail=service_error")
    assert [task["status"] for task in evolink_server.tasks] == ["completed"]
    assert False
"""


def test_every_kind_of_test_is_explained(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(ELSEWHERE, encoding="utf-8")
    ran = run(tmp_path, "-p", "anyio")
    assert "6 failed, 1 passed, 2 errors" in ran.stdout, ran.stdout
    assert ran.stdout.count("- EvoLink emulator -") == 7, ran.stdout
    assert ran.stdout.count("the clock shows") == 7


WRONG = """
import pytest

@pytest.mark.evolink(sed=7)
def test_setting(evolink_mock):
    pass

@pytest.mark.evolink(clock="manul")
def test_value(evolink_mock):
    pass

@pytest.mark.evolink("fail=servce_error")
def test_scenario(evolink_mock):
    pass

@pytest.mark.evolink("fail=service_error", generation_time="3s", cancelled_as="cancelled", receivers={})
def test_right(evolink_mock):
    assert evolink_mock.control("clock")["mode"] == "manual"

def test_control(evolink_mock):
    evolink_mock.scenario("fail=servce_error")
"""


def test_what_is_wrong_is_said_in_one_sentence_without_the_devkits_frames(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(WRONG, encoding="utf-8")
    ran = run(tmp_path)
    assert "1 failed, 1 passed, 3 errors" in ran.stdout, ran.stdout
    for text in ("did you mean 'seed'?", "did you mean 'manual'?", "did you mean 'service_error'?"):
        assert text in ran.stdout
    assert "evolink_mock/" not in ran.stdout, ran.stdout
    assert len(ran.stdout.splitlines()) < 40


def test_the_fixtures_and_the_mark_are_described(tmp_path: Path) -> None:
    shown = " ".join(run(tmp_path, "--fixtures", "-v").stdout.split())  # With -q: the usual verbosity.
    assert "each video takes 10 seconds of it" in shown
    assert "An emulator behind a socket" in shown
    assert "A receiver of the callbacks of evolink_mock" in shown
    assert (
        "@pytest.mark.evolink(scenario=None, seed=0, receivers=None, **settings)" in run(tmp_path, "--markers").stdout
    )


SERVER_MARKED = """
import pytest

@pytest.mark.evolink(scenario="fail=service_error")
def test_marked(evolink_server):
    pass

@pytest.mark.evolink("fail=service_error")
def test_both(evolink_mock, evolink_server):
    pass
"""


def test_a_mark_that_the_server_cannot_apply_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SERVER_MARKED, encoding="utf-8")
    ran = run(tmp_path)
    assert "1 passed, 1 error" in ran.stdout, ran.stdout
    assert "has no effect on evolink_server" in ran.stdout
    assert "evolink_mock/" not in ran.stdout, ran.stdout


DRAWN = """
import os
import pytest

REQUEST = {"model": "wan2.6-text-to-video", "prompt": "A cat"}

@pytest.mark.parametrize("number", [1, 2])
def test_draws(evolink_server, number):
    assert evolink_server.tasks == []
    weights = {"create=rate_limited": 30, "ok": 70}
    evolink_server.control("scenarios", {"weights": weights, "times": 40})
    seen = [evolink_server.client.post("/v1/videos/generations", json=REQUEST).status_code for _ in range(40)]
    with open(os.environ["SEEN"], "a") as file:
        print(number, evolink_server.key, seen, file=file)
"""


@pytest.mark.slow
def test_the_server_draws_the_same_faults_in_every_run_of_a_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test_it.py").write_text(DRAWN, encoding="utf-8")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    for arguments in (("test_it.py",), ("test_it.py::test_draws[2]", "test_it.py::test_draws[1]")):
        assert run(tmp_path, *arguments).returncode == 0
    first, second, *again = (tmp_path / "seen").read_text(encoding="utf-8").splitlines()
    assert again == [second, first]
    assert first.partition("[")[2] != second.partition("[")[2]


REPEATED = """
def pytest_collection_modifyitems(items):
    (item,) = items
    again = {"name": item.name, "callspec": item.callspec, "fixtureinfo": item._fixtureinfo, "callobj": item.obj}
    items.append(type(item).from_parent(item.parent, **again))
"""


def test_a_test_that_runs_again_in_one_session_meets_an_empty_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conftest.py").write_text(REPEATED, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(DRAWN, encoding="utf-8")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    ran = run(tmp_path, "test_it.py::test_draws[1]")
    assert "2 passed" in ran.stdout, ran.stdout
