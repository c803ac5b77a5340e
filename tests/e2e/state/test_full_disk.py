"""A disk that is full: a refused request leaves nothing, and nothing is sent that is not stored."""

import json
import resource
import signal
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.media.media_samples import encoded, photo
from tests.support.receivers import HOST, Receiver
from tests.support.server_process import Server, started

pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")

FILE = "evolink-mock.sqlite3"
MANUAL = ("--clock", "manual", "--generation-time", "10s", "--public-url", "http://emulator.test")
CALLBACK = {"callback_url": f"https://{HOST}/hook"}


def fill_disk(server: Server, state: Path) -> None:
    """Let the process write no file beyond the present size of its journal, as if the disk were full."""
    _limit_files(server, (state / f"{FILE}-wal").stat().st_size)


def free_disk(server: Server) -> None:
    _limit_files(server, resource.RLIM_INFINITY)


def _limit_files(server: Server, size: int) -> None:
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)  # type: ignore[attr-defined, unused-ignore]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hard))  # type: ignore[attr-defined, unused-ignore]


def money(emulator: Emulator) -> object:
    return emulator.control("worlds")["worlds"][0]["credits"]


def test_refused_creates_leave_no_task_no_charge_and_no_callback(tmp_path: Path) -> None:
    with Receiver(200) as receiver:
        arguments = ("--state", str(tmp_path), "--forward-to", receiver.place, *MANUAL)
        with started(*arguments) as (server, emulator):
            first = emulator.create(**CALLBACK)
            reserved = money(emulator)
            fill_disk(server, tmp_path)
            refused = [emulator.post(DOCUMENTED | CALLBACK) for _ in range(100)]
            assert {answer.status_code for answer in refused} == {500}
            assert all("cannot write its state" in answer.json()["error"]["message"] for answer in refused)
            assert not any(str(tmp_path) in answer.text for answer in refused)
            new_key = emulator.as_key("sk-new").post(DOCUMENTED | CALLBACK)
            assert new_key.status_code == 500
            free_disk(server)
            assert [row["id"] for row in emulator.control("tasks")["tasks"]] == [first]
            assert money(emulator) == reserved
            assert emulator.as_key("sk-new").control("tasks")["tasks"] == []
            statuses = [row["answer"]["status"] for row in emulator.control("journal?limit=1000")["rows"]]
            assert statuses == [200] + [500] * 100
            emulator.advance("10s")
            assert [json.loads(each.body)["id"] for each in receiver.received] == [first]
            second = emulator.create(**CALLBACK)
            server.stop(signal.SIGKILL)
            assert server.output.count("cannot write the state") == 1
            assert server.output.count("can be written again") == 1
            assert "Traceback" not in server.output
        with started(*arguments) as (_, emulator):
            assert [row["id"] for row in emulator.control("tasks")["tasks"]] == [first, second]
            emulator.advance("10s")
            assert [json.loads(each.body)["id"] for each in receiver.received] == [first, second]


def test_a_refused_create_leaves_nothing_after_a_kill(tmp_path: Path) -> None:
    arguments = ("--state", str(tmp_path), "--forward-to", "http://127.0.0.1:9", *MANUAL)
    with started(*arguments) as (server, emulator):
        first = emulator.create(**CALLBACK)
        fill_disk(server, tmp_path)
        assert emulator.post(DOCUMENTED | CALLBACK).status_code == 500
        server.stop(signal.SIGKILL)
    with started(*arguments) as (_, emulator):
        assert [row["id"] for row in emulator.control("tasks")["tasks"]] == [first]


def test_refused_control_calls_change_nothing(tmp_path: Path) -> None:
    with started("--state", str(tmp_path), *MANUAL) as (server, emulator):
        task = emulator.create()
        paths = ("worlds", "clock", "scenarios", "tasks", f"tasks/{task}", "events")
        before = [emulator.control(path) for path in paths]
        for path, change in (
            ("worlds", {"top_up": 5}),
            ("clock", {"advance": "10s"}),
            ("scenarios", {"scenario": "fail=service_error"}),
            (f"tasks/{task}/outcome", {"status": "failed", "code": "service_error"}),
            ("worlds", {"seed": 9}),
            ("worlds", {"reset": True}),
        ):
            fill_disk(server, tmp_path)
            refused = emulator.request("POST", f"/__mock/{path}", json=change)
            assert (refused.status_code, refused.json()["error"]["code"]) == (500, "state_unusable"), path
            assert str(tmp_path) not in refused.text
            free_disk(server)
            assert [emulator.control(path) for path in paths] == before, path
        emulator.advance("10s")
        video = emulator.query(task).json()["results"][0]
        assert emulator.client.get(urlsplit(video).path).status_code == 200, "links of the world are valid still"


def test_nothing_is_sent_that_is_not_stored_and_nothing_twice(tmp_path: Path) -> None:
    with Receiver(200) as receiver:
        arguments = ("--state", str(tmp_path), "--forward-to", receiver.place, "--clock", "manual")
        with started(*arguments, "--generation-time", "10s") as (server, emulator):
            made = [emulator.create(**CALLBACK) for _ in range(20)]
            fill_disk(server, tmp_path)
            emulator.request("POST", "/__mock/clock", json={"mode": "scaled", "speed": 1000, "advance": "10s"})
            for _ in range(5):
                assert emulator.request("POST", "/__mock/clock", json={"advance": "10s"}).status_code == 500
            assert receiver.received == []
            free_disk(server)
            emulator.advance("10s")
            receiver.wait_for(20)
            server.stop(signal.SIGKILL)
        with started(*arguments) as (_, emulator):
            emulator.advance("1h")
            rows = emulator.control("deliveries")["deliveries"]
            assert {row["status"] for row in rows} == {"delivered"}
            assert sorted(row["task"] for row in rows) == sorted(made)
            assert sorted(json.loads(each.body)["id"] for each in receiver.received) == sorted(made)


def test_callbacks_that_fall_due_by_a_running_clock_wait_for_the_disk(tmp_path: Path) -> None:
    with Receiver(200) as receiver:
        arguments = ("--state", str(tmp_path), "--forward-to", receiver.place, "--generation-time", "1s")
        with started(*arguments) as (server, emulator):
            made = [emulator.create(**CALLBACK) for _ in range(10)]
            fill_disk(server, tmp_path)
            while "cannot write the state" not in server.output:
                emulator.request("GET", "/v1/credits")
            while (health := emulator.request("GET", "/__mock/health")).json()["status"] == "ok":
                pass
            assert health.status_code == 200
            sent = len(receiver.received)
            free_disk(server)
            receiver.wait_for(10)
            ended = "deliveries?status=ended&wait=20s"
            while len(emulator.control(ended)["deliveries"]) < 10:
                pass
            server.stop(signal.SIGKILL)
            assert sent == 0
            assert server.output.count("cannot write the state") == 1
            assert "Traceback" not in server.output
        with started(*arguments) as (_, emulator):
            assert [row["status"] for row in emulator.control("deliveries")["deliveries"]] == ["delivered"] * 10
            assert sorted(json.loads(each.body)["id"] for each in receiver.received) == sorted(made)


def test_an_attempt_under_way_when_the_disk_fills_is_recorded_later(tmp_path: Path) -> None:
    with Receiver(200) as receiver:
        arguments = ("--state", str(tmp_path), "--forward-to", receiver.place, *MANUAL)
        with started(*arguments) as (server, emulator):

            def fill(_: object) -> int:
                fill_disk(server, tmp_path)
                return 200

            receiver._script = (fill,)
            task = emulator.create(**CALLBACK)
            emulator.request("POST", "/__mock/clock", json={"advance": "10s"})
            receiver.wait_for(1)
            assert emulator.post(DOCUMENTED | CALLBACK).status_code == 500
            free_disk(server)
            emulator.advance("1h")
            (row,) = emulator.control("deliveries")["deliveries"]
            assert (row["task"], row["status"], len(row["attempts"])) == (task, "delivered", 1)
            events = [event["event"] for event in emulator.control("events")["rows"]]
            assert [event for event in events if event != "clock.moved"] == [
                "task.created",
                "task.processing",
                "task.completed",
                "callback.delivered",
            ]
            assert len(receiver.received) == 1


def test_health_and_ready_say_that_the_state_cannot_be_written(tmp_path: Path) -> None:
    with started("--state", str(tmp_path), *MANUAL) as (server, emulator):
        emulator.create()
        fill_disk(server, tmp_path)
        assert emulator.post(DOCUMENTED).status_code == 500
        health = emulator.request("GET", "/__mock/health")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert "cannot write its state" in health.json()["state"]
        ready = emulator.request("GET", "/__mock/ready")
        assert (ready.status_code, ready.json()["error"]["code"]) == (503, "state_unusable")
        free_disk(server)
        assert emulator.control("health")["status"] == "ok"
        assert emulator.control("ready") == {"status": "ready"}


def test_uploads_that_cannot_be_kept_are_logged_once_and_leave_nothing(tmp_path: Path) -> None:
    with started("--state", str(tmp_path), *MANUAL) as (server, emulator):
        body = {"base64_data": "data:image/png;base64," + b64encode(encoded(photo(), "PNG")).decode()}
        _limit_files(server, 1000)
        for _ in range(3):
            refused = emulator.request("POST", "/api/v1/files/upload/base64", json=body)
            assert refused.status_code == 500
            assert str(tmp_path) not in refused.text
        free_disk(server)
        assert emulator.request("GET", "/api/v1/files/list").json()["data"]["files"] == []
        assert [path.name for path in (tmp_path / "media").iterdir()] == []
        assert server.output.count("cannot keep files") == 1
        assert "Traceback" not in server.output
        assert emulator.request("POST", "/api/v1/files/upload/base64", json=body).status_code == 200
