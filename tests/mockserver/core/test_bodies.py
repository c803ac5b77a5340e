"""Bodies look like the documented examples, key for key and type for type; a choice changes its own part alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_contracts.spec.models import MODELS
from evolink_mock.core.billing import Ledger
from evolink_mock.core.bodies import created_body, credits_body, public_status, task_body
from evolink_mock.core.choices import Choices
from evolink_mock.core.task import Failure, Plan, State, Task

FLASH = MODELS["wan2.6-image-to-video-flash"]
CREATED = 1757169743
NAME = "task-unified-1757169743-7cvnl5zw"
TASK = Task(CREATED * 1_000_000 + 999_999, FLASH.name, Plan(2, 10, None, 5, 50_000, 42_500), b"{}", "default")
LINK = "https://files.example/v.mp4"

BLOCKED = Failure("content_policy_violation", "Content policy violation.\nYour request was blocked by safety filters.")
CANCELLED = Failure("request_cancelled", "The task was cancelled")
STATES = {
    "pending": State("pending", 0),
    "processing": State("processing", 65),
    "completed": State("completed", 100, None, 10),
    "failed": State("failed", 65, BLOCKED, 10),
    "cancelled": State("cancelled", 65, CANCELLED, 5),
}


def body_of(status: str, **choices: Any) -> dict[str, Any]:
    return {**task_body(NAME, TASK, STATES[status], [LINK], Choices(**choices))}


def difference(status: str, **choices: Any) -> dict[str, Any]:
    """What the choices change in the body: each changed key with its new value, `None` for one that went."""
    default, chosen = body_of(status), body_of(status, **choices)
    return {key: chosen.get(key) for key in default.keys() | chosen if default.get(key, ...) != chosen.get(key, ...)}


def test_the_create_body_is_the_documented_example_to_the_byte() -> None:
    assert json.dumps(created_body(NAME, TASK, FLASH, Choices(billing_rule="per_call")), separators=(",", ":")) == (
        '{"created":1757169743,"id":"task-unified-1757169743-7cvnl5zw","model":"wan2.6-image-to-video-flash",'
        '"object":"video.generation.task","progress":0,"status":"pending",'
        '"task_info":{"can_cancel":true,"estimated_time":120},"type":"video",'
        '"usage":{"billing_rule":"per_call","credits_reserved":5,"user_group":"default"}}'
    )


def test_the_billing_rule_is_shown_as_chosen() -> None:
    by_call = created_body(NAME, TASK, FLASH, Choices(billing_rule="per_call"))
    by_second = created_body(NAME, TASK, FLASH, Choices())
    assert by_second["usage"].pop("billing_rule") == "per_second"  # type: ignore[misc]
    assert by_call["usage"].pop("billing_rule") == "per_call"  # type: ignore[misc]
    assert by_call == by_second


@pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))
def test_create_shows_the_models_own_estimate(model: Any) -> None:
    assert created_body(NAME, TASK, model, Choices())["task_info"] == {
        "can_cancel": True,
        "estimated_time": model.estimated_time,
    }


COMMON = {
    "created": CREATED,
    "id": NAME,
    "model": "wan2.6-image-to-video-flash",
    "object": "video.generation.task",
    "type": "video",
}
TO_COME: dict[str, Any] = {"task_info": {"can_cancel": True}}
OVER: dict[str, Any] = {"task_info": {"can_cancel": False}}


@pytest.mark.parametrize(
    ("status", "rest"),
    [
        ("pending", {"status": "pending", "progress": 0, **TO_COME}),
        ("processing", {"status": "processing", "progress": 65, **TO_COME}),
        ("completed", {"status": "completed", "progress": 100, "results": [LINK], **OVER}),
        (
            "failed",
            {
                "status": "failed",
                "progress": 0,
                "error": {"code": BLOCKED.code, "message": BLOCKED.message, "type": "task_error"},
                **OVER,
            },
        ),
        (
            "cancelled",
            {
                "status": "failed",
                "progress": 0,
                "error": {"code": "request_cancelled", "message": "The task was cancelled", "type": "task_error"},
                **OVER,
            },
        ),
    ],
)
def test_a_query_shows_exactly_the_documented_keys(status: str, rest: dict[str, Any]) -> None:
    body = body_of(status)
    assert body == COMMON | rest
    assert [type(body["created"]), type(body["progress"]), type(body["task_info"]["can_cancel"])] == [int, int, bool]


def usage(credits_used: float | None = None) -> dict[str, Any]:
    shown = {"billing_rule": "per_second", "credits_reserved": 5, "user_group": "default"}
    return {"usage": shown if credits_used is None else shown | {"credits_used": credits_used}}


@pytest.mark.parametrize(
    ("choices", "status", "changes"),
    [
        ({"cancelled_as": "cancelled"}, "cancelled", {"status": "cancelled"}),
        ({"cancelled_as": "cancelled"}, "failed", {}),
        ({"cancelled_as": "cancelled"}, "completed", {}),
        ({"can_cancel": "until_processing"}, "pending", {}),
        ({"can_cancel": "until_processing"}, "processing", {"task_info": {"can_cancel": False}}),
        ({"can_cancel": "until_processing"}, "completed", {}),
        ({"failed_progress": "reached"}, "failed", {"progress": 65}),
        ({"failed_progress": "reached"}, "cancelled", {"progress": 65}),
        ({"failed_progress": "reached"}, "processing", {}),
        ({"failed_progress": "reached"}, "completed", {}),
        ({"absent_error": "null"}, "pending", {"error": None}),
        ({"absent_error": "null"}, "completed", {"error": None}),
        ({"absent_error": "null"}, "failed", {}),
        ({"absent_results": "null"}, "pending", {"results": None}),
        ({"absent_results": "null"}, "failed", {"results": None}),
        ({"absent_results": "null"}, "completed", {}),
        ({"absent_results": "empty"}, "processing", {"results": []}),
        ({"absent_results": "empty"}, "cancelled", {"results": []}),
        ({"absent_results": "empty"}, "completed", {}),
        ({"task_usage": "include"}, "pending", usage()),
        ({"task_usage": "include"}, "processing", usage()),
        ({"task_usage": "include"}, "completed", usage(4.25)),
        ({"task_usage": "include"}, "failed", usage(0)),
        ({"task_usage": "include"}, "cancelled", usage(0)),
        ({"billing_rule": "per_call"}, "completed", {}),
    ],
)
def test_a_choice_changes_only_its_own_part_of_the_body(
    choices: dict[str, Any], status: str, changes: dict[str, Any]
) -> None:
    assert difference(status, **choices) == changes
    assert body_of(status, **choices).keys() == body_of(status).keys() | changes.keys()


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("shown", ["failed", "cancelled"])
def test_only_a_cancelled_task_shows_another_status(status: str, shown: Any) -> None:
    expected = shown if status == "cancelled" else status
    assert public_status(STATES[status], Choices(cancelled_as=shown)) == expected


def test_results_are_a_flat_list_of_every_link() -> None:
    body = task_body(NAME, TASK, STATES["completed"], (LINK, "https://files.example/w.mp4"), Choices())
    assert body["results"] == [LINK, "https://files.example/w.mp4"]


def test_the_credits_body_has_exactly_the_documented_keys() -> None:
    assert credits_body(Ledger(1_000_000, 150_000, 75_000)) == {
        "data": {
            "token": {"remaining_credits": 77.5, "unlimited_credits": False, "used_credits": 22.5},
            "user": {"remaining_credits": 77.5, "used_credits": 22.5},
        },
        "message": "",
        "success": True,
    }


def test_unlimited_credits_are_shown_as_unlimited_and_still_numbers() -> None:
    data = credits_body(Ledger(None, 50_000))["data"]
    assert data["token"] == {"remaining_credits": 999_999_995, "unlimited_credits": True, "used_credits": 5}
    assert data["user"] == {"remaining_credits": 999_999_995, "used_credits": 5}


@given(st.none() | st.integers(0, 10**13), st.integers(0, 10**13), st.integers(0, 10**13))
def test_used_and_remaining_credits_sum_to_the_balance(balance: int | None, reserved: int, spent: int) -> None:
    data = credits_body(Ledger(balance, reserved, spent))["data"]
    total = 10**13 if balance is None else balance
    assert data["user"]["remaining_credits"] + data["user"]["used_credits"] == pytest.approx(total / 10_000, abs=1e-3)
    assert data["token"]["remaining_credits"] == data["user"]["remaining_credits"]
