"""The example application beside a real emulator: what it stores, whatever becomes of its callbacks."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.server_process import PATIENCE, Server
from tests.support.webhook_receiver import deliveries, until

EXAMPLE = Path(__file__).parents[2] / "examples" / "receiver"
ORIGIN = "https://app.example.com"


class Application:
    """The example as a process, with the emulator that it makes videos at and is called back by."""

    def __init__(self, client: httpx.Client, emulator: Emulator) -> None:
        self.client = client
        self.emulator = emulator

    def make(self, scenario: str | None = None, **fields: Any) -> str:
        """Have a video made; its task."""
        headers = {"X-Mock-Scenario": scenario} if scenario else {}
        response = self.client.post("/videos", json=DOCUMENTED | fields, headers=headers)
        assert response.status_code == 202, response.text
        return str(response.json()["task"])

    def shown(self, task: str) -> dict[str, Any]:
        """What it knows of a video."""
        response = self.client.get(f"/videos/{task}")
        assert response.status_code == 200, response.text
        return dict(response.json())


def started(port: int, base_url: str) -> subprocess.Popen[str]:
    """The example, once it answers."""
    command = [sys.executable, "-m", "uvicorn", "app:app", "--app-dir", str(EXAMPLE), "--port", str(port)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EVOLINK_")}
    environ = clean | {"EVOLINK_BASE_URL": base_url, "EVOLINK_API_KEY": "sk-local"}
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    printed = [process.stdout.readline()]
    while printed[-1] and "running on" not in printed[-1]:
        printed.append(process.stdout.readline())
    assert printed[-1], printed
    return process


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    with socket.socket() as guard:
        # Bound without ever listening, so that the port stays ours until the example listens on it.
        guard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        guard.bind(("127.0.0.1", 0))
        port = int(guard.getsockname()[1])
        place = f"http://127.0.0.1:{port}"
        with (
            Server("--clock", "auto", "--callback-route", f"{ORIGIN}={place}") as server,
            httpx.Client(base_url=server.url, timeout=PATIENCE) as to_emulator,
        ):
            process = started(port, server.url)
            try:
                with httpx.Client(base_url=place, timeout=PATIENCE) as client:
                    yield Application(client, Emulator(to_emulator))
            finally:
                process.terminate()
                process.communicate(timeout=PATIENCE)


def test_a_video_is_made_and_its_end_is_stored(application: Application) -> None:
    task = application.make(prompt="A cat on a roof")
    until(application.emulator, task=task, status="delivered")
    queried = application.emulator.query(task).json()
    assert application.shown(task) == {
        "task": task,
        "status": "completed",
        "link": queried["results"][0],
        "error": None,
        "prompt": "A cat on a roof",
        "callbacks": 1,
    }
    assert httpx.get(queried["results"][0]).content[4:8] == b"ftyp"


def test_a_failure_is_stored_with_its_code(application: Application) -> None:
    task = application.make("fail=content_policy_violation")
    until(application.emulator, task=task, status="delivered")
    row = application.shown(task)
    assert (row["status"], row["error"], row["link"]) == ("failed", "content_policy_violation", None)


def test_a_duplicate_is_stored_once(application: Application) -> None:
    task = application.make("delivery=duplicate")
    first = until(application.emulator, task=task, status="delivered")
    second = until(application.emulator, task=task, status="delivered", after=str(first["number"]))
    news = [json.loads(row["attempts"][0]["response"])["news"] for row in (first, second)]
    assert news == [True, False]
    row = application.shown(task)
    assert (row["status"], row["callbacks"], row["prompt"]) == ("completed", 2, DOCUMENTED["prompt"])


def test_a_callback_before_its_own_write_is_tolerated(application: Application) -> None:
    task = application.make("delivery=before_create", prompt="A quick cat")
    (record,) = deliveries(application.emulator, task=task)
    assert record["attempts"][0]["status"] == 200
    row = application.shown(task)
    assert (row["status"], row["prompt"], row["callbacks"]) == ("completed", "A quick cat", 1)
    assert row["link"].endswith(f"{task}.mp4")


def test_an_end_that_is_known_never_changes_again(application: Application) -> None:
    task = application.make()
    number = until(application.emulator, task=task, status="delivered")["number"]
    before = application.shown(task)
    change = {"body": {"id": task, "status": "failed", "error": {"code": "service_error"}}}
    application.emulator.control(f"deliveries/{number}/resend", change)
    until(application.emulator, task=task, status="delivered", after=str(number))
    assert application.shown(task) == before | {"callbacks": 2}


def test_a_video_whose_callback_is_lost_stays_unfinished(application: Application) -> None:
    task = application.make("delivery=lost")
    until(application.emulator, task=task, status="lost")
    assert (application.shown(task)["status"], application.shown(task)["callbacks"]) == ("pending", 0)


def test_a_refusal_is_passed_on(application: Application) -> None:
    refused = application.client.post("/videos", json=DOCUMENTED | {"duration": 99})
    assert refused.status_code == 502
    assert "duration must be" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"id": "task-unified-1-bad"}',
        b'{"status": "completed"}',
        b'{"id": 7, "status": "completed"}',
        b'{"id": "task-unified-1-bad", "status": "processing"}',
        b'{"id": "task-unified-1-bad", "status": ["completed"]}',
        b'{"id": "task-unified-1-bad", "status": "completed", "results": "link"}',
        b'{"id": "task-unified-1-bad", "status": "completed", "results": [{}]}',
        b'{"id": "task-unified-1-bad", "status": "failed", "error": "code"}',
        b'{"id": "task-unified-1-bad", "status": "failed", "error": {"code": 7}}',
        b'{"id": "task-unified-1-\\ud800", "status": "completed"}',
        b'{"id": "task-unified-1-\xff", "status": "completed"}',
    ],
)
def test_what_is_no_callback_gets_a_400_and_is_not_stored(application: Application, content: bytes) -> None:
    assert application.client.post("/evolink/callback", content=content).status_code == 400
    assert application.client.get("/videos/task-unified-1-bad").status_code == 404


def test_a_callback_that_it_takes_for_none_is_tried_four_times(application: Application) -> None:
    task = application.make()
    number = until(application.emulator, task=task, status="delivered")["number"]
    application.emulator.control(f"deliveries/{number}/resend", {"body": {"succeed": True}})
    record = until(application.emulator, task=task, status="exhausted")
    assert [attempt["status"] for attempt in record["attempts"]] == [400] * 4
    assert application.shown(task)["callbacks"] == 1
