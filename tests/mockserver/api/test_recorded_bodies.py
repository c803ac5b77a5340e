"""The recorded body of a completed task: its keys in order, its cost in every currency, in queries and callbacks."""

import json
from typing import Any

import pytest

from evolink_mock.core.bodies import recorded_body, task_body
from evolink_mock.core.choices import Choices
from evolink_mock.core.task import Plan, State, Task
from tests.support.emulator import Emulator

LINK = "https://files.evolink.ai/a.mp4"
RECORDED = (
    '{"created":1788194967,"duration":206,"id":"task-unified-1788194967-nm4e99br",'
    '"model":"seedance-2.0-mini-image-to-video","object":"video.generation.task","progress":100,'
    f'"result_data":[{{"url":"{LINK}"}}],"results":["{LINK}"],"status":"completed","task_info":{{"can_cancel":false}},'
    '"type":"video","usage":{"cost":{"credits":13.5,"usd":0.199,"cny":1.35},"credits_used":13.5}}'
)


def completed(units: int) -> tuple[Task, State]:
    plan = Plan(0, 206_000_000, None, 5_000_000, units, units)
    task = Task(1788194967_000_000, "seedance-2.0-mini-image-to-video", plan, b"{}", "default")
    return task, State("completed", 100, None, 206_900_000)


def test_the_recorded_body_is_reproduced_to_the_byte() -> None:
    body = task_body("task-unified-1788194967-nm4e99br", *completed(135_000), [LINK], Choices(body_profile="recorded"))
    assert json.dumps(body, separators=(",", ":")) == RECORDED


@pytest.mark.parametrize(
    ("units", "cost"),
    [
        (60_000, {"credits": 6, "usd": 0.088, "cny": 0.6}),
        (119_000, {"credits": 11.9, "usd": 0.175, "cny": 1.19}),
        (198_730, {"credits": 19.873, "usd": 0.292, "cny": 1.987}),
        (61_200, {"credits": 6.12, "usd": 0.09, "cny": 0.612}),
    ],
)
def test_the_cost_is_converted_and_rounded_half_up(units: int, cost: dict[str, float]) -> None:
    assert recorded_body("t", *completed(units), [LINK])["usage"] == {"cost": cost, "credits_used": cost["credits"]}


@pytest.mark.parametrize("scenario", [None, "actual_duration=3s"])
def test_queries_and_callbacks_have_the_same_recorded_body(scenario: str | None) -> None:
    with Emulator.in_process(body_profile="recorded") as emulator:
        task = emulator.create(scenario, callback_url="https://sink.mock/200")
        emulator.advance("1h")
        body = emulator.query(task)
        (call,) = emulator.control("inbox")["rows"]
        assert call["body"] == body.json()
        assert body.json()["usage"]["credits_used"] == (11.9 if scenario is None else 7.14)
        assert 0 < body.json()["duration"] <= 10


@pytest.mark.parametrize("scenario", ["fail=service_error", "cancel=cancelled", "stuck=pending", "stuck=99"])
def test_a_task_without_a_video_keeps_the_documented_body(scenario: str) -> None:
    bodies: list[dict[str, Any]] = []
    for profile in ("documented", "recorded"):
        with Emulator.in_process(body_profile=profile) as emulator:
            task = emulator.create(scenario)
            emulator.advance("1h")
            bodies.append(emulator.query(task).json())
    assert bodies[0] == bodies[1]
