"""GET /v1/tasks/{id}: every state and every documented error."""

import pytest

from tests.support.emulator import Emulator

REFUSALS = {
    "invalid_task_id": (
        400,
        '{"error":{"code":"invalid_task_id","message":"Invalid task ID format, must start with \'task-unified-\'",'
        '"type":"invalid_request_error","param":"task_id"}}',
    ),
    "unauthorized": (
        401,
        '{"error":{"code":"unauthorized","message":"Authentication required","type":"authentication_error"}}',
    ),
    "quota_exceeded": (
        402,
        '{"error":{"code":"quota_exceeded","message":"Insufficient quota. Please top up your account.",'
        '"type":"insufficient_quota"}}',
    ),
    "permission_denied": (
        403,
        '{"error":{"code":"permission_denied","message":"You don\'t have permission to access this task",'
        '"type":"invalid_request_error"}}',
    ),
    "task_not_found": (
        404,
        '{"error":{"code":"task_not_found","message":"The requested task could not be found",'
        '"type":"invalid_request_error"}}',
    ),
    "rate_limited": (
        429,
        '{"error":{"code":"rate_limit_exceeded","message":"Rate limit exceeded","type":"evo_api_error"}}',
    ),
    "internal_error": (
        500,
        '{"error":{"code":"internal_error","message":"Failed to retrieve task status","type":"api_error"}}',
    ),
}


@pytest.mark.parametrize("condition", REFUSALS)
def test_one_header_injects_each_documented_error_to_the_byte(emulator: Emulator, condition: str) -> None:
    response = emulator.query(emulator.create(), {"X-Mock-Scenario": f"query={condition}"})
    assert (response.status_code, response.text) == REFUSALS[condition]


def test_invalid_requests_get_the_documented_errors(emulator: Emulator) -> None:
    task = emulator.create()
    other = emulator.as_key("sk-other")
    asked = {
        "invalid_task_id": emulator.query("video-1"),
        "unauthorized": emulator.client.get(f"/v1/tasks/{task}"),
        "permission_denied": other.query(task),
        "task_not_found": emulator.query("task-unified-1-aaaaaaaa"),
    }
    for condition, response in asked.items():
        assert (response.status_code, response.text) == REFUSALS[condition]


def test_each_state_has_its_documented_body(emulator: Emulator) -> None:
    task = emulator.create()
    common = {
        "created": 1757169743,
        "id": task,
        "model": "wan2.6-image-to-video-flash",
        "object": "video.generation.task",
        "type": "video",
    }
    running = {"task_info": {"can_cancel": True}}
    assert emulator.query(task).json() == common | running | {"progress": 0, "status": "pending"}

    emulator.advance("5s")
    body = emulator.query(task).json()
    assert 0 < body["progress"] < 100
    assert body == common | running | {"progress": body["progress"], "status": "processing"}

    emulator.advance("5s")
    body = emulator.query(task).json()
    (link,) = body.pop("results")
    assert link.startswith("http://emulator.test/media/")
    assert body == common | {"progress": 100, "status": "completed", "task_info": {"can_cancel": False}}


def test_a_failed_task_has_an_error_and_no_progress(emulator: Emulator) -> None:
    task = emulator.create("fail=content_policy_violation")
    emulator.advance("10s")
    body = emulator.query(task).json()
    assert (body["status"], body["progress"], body["task_info"]) == ("failed", 0, {"can_cancel": False})
    assert body["error"] == {
        "code": "content_policy_violation",
        "message": "Content policy violation.\nYour request was blocked by safety filters.",
        "type": "task_error",
    }
    assert "results" not in body


def test_an_image_of_an_unsupported_format_is_accepted_and_fails_later(emulator: Emulator) -> None:
    task = emulator.create(image_urls=["https://example.com/picture.GIF?size=large"])
    emulator.advance("10s")
    error = emulator.query(task).json()["error"]
    assert error["code"] == "image_processing_error"
    assert ".gif" in error["message"]


def test_tasks_stay_queryable_for_seven_days(emulator: Emulator) -> None:
    task = emulator.create()
    emulator.advance("6d")
    emulator.advance("86399s")
    assert emulator.query(task).status_code == 200
    emulator.advance("1s")
    assert (emulator.query(task).status_code, emulator.query(task).text) == REFUSALS["task_not_found"]


def test_head_answers_like_get_without_the_body(emulator: Emulator) -> None:
    task = emulator.create()
    head = emulator.request("HEAD", f"/v1/tasks/{task}")
    assert head.status_code == 200
    assert head.content == b""
    assert int(head.headers["content-length"]) == len(emulator.query(task).content)


def test_fields_have_the_order_of_the_documented_examples(emulator: Emulator) -> None:
    done, failed = emulator.create(), emulator.create("fail=service_error")
    emulator.advance("10s")
    ends = ["task_info", "type"]
    assert list(emulator.query(done).json()) == [
        *("created", "id", "model", "object", "progress", "results", "status"),
        *ends,
    ]
    assert list(emulator.query(failed).json()) == [
        *("created", "id", "model", "object", "progress", "status", "error"),
        *ends,
    ]
