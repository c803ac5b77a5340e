"""/__mock/tasks: details, cancel, forced outcomes, lists."""

import pytest

from tests.support.emulator import Emulator


def test_details_contain_request_plan_state_and_charges(emulator: Emulator) -> None:
    task = emulator.create(quality="1080p", model_params={"shot_type": "multi"})
    story = emulator.control(f"tasks/{task}")
    assert story["request"]["quality"] == "1080p"
    assert story["effective"] == {
        "model": "wan2.6-image-to-video-flash",
        "prompt": "A cat playing piano",
        "image_urls": ["https://example.com/image1.png"],
        "duration": 5,
        "quality": "1080p",
        "prompt_extend": True,
        "model_params.shot_type": "multi",
        "generate_audio": True,
    }
    assert story["plan"]["ends_at"] == 1757169753.0
    assert story["plan"]["outcome"] == {"status": "completed"}
    assert story["credits"] == {"reserved": 19.873, "charged": None}
    assert story["body"] == emulator.query(task).json()


def test_a_cancelled_task_shows_the_documented_status_and_is_refunded(emulator: Emulator) -> None:
    task = emulator.create()
    emulator.advance("5s")
    story = emulator.control(f"tasks/{task}/cancel", {})
    assert story["credits"] == {"reserved": 11.9, "charged": 0}
    body = emulator.query(task).json()
    assert (body["status"], body["progress"], body["error"]["code"]) == ("failed", 0, "request_cancelled")
    emulator.advance("1h")
    assert emulator.query(task).json() == body
    assert emulator.request("GET", "/v1/credits").json()["data"]["token"]["used_credits"] == 0


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        ({"status": "completed"}, "completed", None),
        ({"status": "failed"}, "failed", "unknown_error"),
        ({"status": "failed", "code": "generation_timeout"}, "failed", "generation_timeout"),
        ({"status": "failed", "code": "InvalidParameter.X", "message": "raw"}, "failed", "InvalidParameter.X"),
    ],
)
def test_an_outcome_can_be_forced(emulator: Emulator, outcome: object, status: str, code: str | None) -> None:
    task = emulator.create()
    emulator.control(f"tasks/{task}/outcome", outcome)
    body = emulator.query(task).json()
    assert (body["status"], body.get("error", {}).get("code")) == (status, code)
    assert emulator.control("events")["rows"][-1]["event"] == f"task.{status}"


def test_an_ended_task_cannot_be_ended_again(emulator: Emulator) -> None:
    task = emulator.create()
    emulator.advance("10s")
    for path, body in (("cancel", {}), ("outcome", {"status": "failed"})):
        response = emulator.request("POST", f"/__mock/tasks/{task}/{path}", json=body)
        assert response.status_code == 409
    assert emulator.query(task).json()["status"] == "completed"


def test_a_forced_end_is_recorded_once_in_the_events(emulator: Emulator) -> None:
    task = emulator.create()
    emulator.control(f"tasks/{task}/cancel", {})
    emulator.advance("1h")
    events = [row["event"] for row in emulator.control("events", params={"task": task})["rows"]]
    assert events == ["task.created", "task.failed"]


def test_lists_are_filtered_and_paged(emulator: Emulator) -> None:
    tasks = [emulator.create() for _ in range(5)]
    emulator.control(f"tasks/{tasks[0]}/outcome", {"status": "completed"})

    def ids(**params: str) -> list[str]:
        return [row["id"] for row in emulator.control("tasks", params=params)["tasks"]]

    assert ids() == tasks
    assert ids(status="completed") == tasks[:1]
    assert ids(limit="2") == tasks[3:]
    assert ids(limit="2", offset="1") == tasks[2:4]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("outcome", {}),
        ("outcome", {"status": "done"}),
        ("outcome", {"status": "completed", "code": "x"}),
        ("outcome", {"status": "failed", "code": "x" * 101}),
        ("outcome", {"status": "failed", "reason": "x"}),
        ("cancel", {"now": True}),
    ],
)
def test_malformed_bodies_are_refused(emulator: Emulator, path: str, body: object) -> None:
    task = emulator.create()
    assert emulator.request("POST", f"/__mock/tasks/{task}/{path}", json=body).status_code == 400
    assert emulator.query(task).json()["status"] == "pending"


@pytest.mark.parametrize("query", ["status=done", "limit=-1", "limit=1001", "offset=x", "limits=1", "a&b", "all=1"])
def test_malformed_queries_are_refused(emulator: Emulator, query: str) -> None:
    assert emulator.request("GET", f"/__mock/tasks?{query}").status_code == 400


@pytest.mark.parametrize(("reading", "progress"), [("zero", 0), ("reached", 99)])
def test_every_list_shows_the_progress_of_a_failed_task_as_a_query_does(reading: str, progress: int) -> None:
    with Emulator.in_process(failed_progress=reading) as emulator:
        task = emulator.create("fail=service_error")
        emulator.advance("60s")
        shown = emulator.query(task).json()["progress"]
        assert shown == progress
        assert emulator.control("tasks")["tasks"][0]["progress"] == shown
        assert emulator.control(f"tasks/{task}")["progress"] == shown
