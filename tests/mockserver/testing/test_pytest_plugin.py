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
    assert "5 passed" in ran.stdout


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
        "15 credits reserved",
        "the receiver answered 500",
        "the clock shows",
    ):
        assert words in told
    assert "0 callbacks came, and nothing more will; 1 were waited for" in ran.stdout


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
