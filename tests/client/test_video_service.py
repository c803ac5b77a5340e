"""The example service, run as it stands against the emulator; its types are those that a user's mypy sees."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from tests.support.client_drivers import listening, place_of, served
from tests.support.receivers import HOST
from tests.support.server_process import Server

HOME = Path(__file__).parent.parent / "examples" / "video_service"
PROMPT = {"prompt": "A cat playing piano", "image": "https://example.com/cat.png"}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    monkeypatch.setenv("EVOLINK_API_KEY", "sk-service")
    monkeypatch.setenv("PUBLIC_URL", f"https://{HOST}")
    spec = importlib.util.spec_from_file_location("service", HOME / "service.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    listener = listening()
    place = place_of(listener)
    with Server("--generation-time", "1s", "--callback-route", f"https://{HOST}={place}") as server:
        monkeypatch.setenv("EVOLINK_BASE_URL", server.url)
        with served(module.app, listener), httpx.Client(base_url=place, timeout=60) as client:
            yield client


def test_it_makes_a_video(service: httpx.Client) -> None:
    created = service.post("/videos", json=PROMPT)
    assert (created.status_code, created.json()["credits"]) == (202, 11.9)
    shown = service.get(f"/videos/{created.json()['id']}")
    assert shown.json()["url"].endswith(".mp4")
    assert service.get("/videos/task-unified-1757169743-7cvnl5zw").status_code == 404
    assert service.post("/videos", json=PROMPT | {"prompt": "x" * 1501}).json()["field"] == "prompt"
    failing = service.post("/videos", json=PROMPT | {"prompt": "A cat [[mock: fail=service_error]]"}).json()["id"]
    assert service.get(f"/videos/{failing}").json() == {
        "code": "service_error",
        "retryable": True,
        "advice": "try again after 30 to 60 seconds",
    }


WRONG = """
from evolink_client import AsyncEvolinkClient, EvolinkClient, Task

client = EvolinkClient()
client.videos.create("A cat", "https://example.com/cat.png", duration="5")
client.videos.create("A cat", durations=5)
client.credits().token.remaining
task: Task = client.tasks.wait("x")
task.status = "completed"
EvolinkClient(http={"proxies": "http://x"})
length: int = AsyncEvolinkClient().videos.create("A cat")
"""


@pytest.mark.slow
def test_mypy_sees_the_types_and_refuses_their_misuse(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}"]
    ran = subprocess.run([*mypy, HOME / "service.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout == "Success: no issues found in 1 source file\n"
    ran = subprocess.run([*mypy, "wrong.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    faulty = {int(line.split(":")[1]) for line in ran.stdout.splitlines() if ": error:" in line}
    assert faulty == set(range(5, 12)), ran.stdout
