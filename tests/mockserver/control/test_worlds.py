"""/__mock/worlds shows credits as they are at the current instant, without any other call before it."""

import time
from typing import Any

import pytest

from evolink_mock.control.worlds import WorldChange
from evolink_mock.form_errors import form_errors
from tests.support.emulator import Emulator


def credits_of(emulator: Emulator) -> Any:
    (world,) = emulator.control("worlds")["worlds"]
    return world["credits"]


def test_the_credits_of_an_ended_task_are_shown_as_spent_on_a_running_clock() -> None:
    with Emulator.in_process(clock="scaled", speed=100.0, generation_time="10s") as emulator:
        task = emulator.create()
        assert credits_of(emulator) == {"balance": None, "reserved": 11.9, "spent": 0}
        while emulator.query(task).json()["status"] != "completed":
            time.sleep(0.001)
        assert credits_of(emulator) == {"balance": None, "reserved": 0, "spent": 11.9}


@pytest.mark.parametrize(("scenario", "spent"), [(None, 11.9), ("fail=service_error", 0)])
def test_credits_are_current_after_latency_has_moved_a_manual_clock(
    emulator: Emulator, scenario: str | None, spent: float
) -> None:
    task = emulator.create(scenario)
    assert emulator.query(task, {"X-Mock-Scenario": "query_latency=60s"}).status_code == 200
    assert credits_of(emulator) == {"balance": None, "reserved": 0, "spent": spent}
    (other,) = emulator.control("worlds?all=true")["worlds"]
    assert other["credits"]["spent"] == spent


def test_of_many_mistakes_of_a_body_the_first_are_named(emulator: Emulator) -> None:
    """To find the nearest name for each of these would hold the event loop for a third of a second."""
    answer = emulator.request("POST", "/__mock/worlds", json={f"bal{number}": 1 for number in range(4000)})
    assert answer.status_code == 400
    assert "'bal0' is not a known field" in answer.json()["error"]["message"]
    value: dict[str, object] = {f"reset-{'x' * 3000}-{number}": 1 for number in range(100)}
    assert len(form_errors(value, WorldChange)) == 100
    assert len(form_errors(value, WorldChange, limit=20)) == 20


def test_a_balance_and_a_top_up_in_one_change_add_up(emulator: Emulator) -> None:
    emulator.create()
    emulator.control("worlds", {"balance": 20, "top_up": 5})
    assert emulator.request("GET", "/v1/credits").json()["data"]["token"]["remaining_credits"] == 25


def test_a_reset_with_a_seed_empties_the_world(emulator: Emulator) -> None:
    emulator.create()
    (world,) = emulator.control("worlds", {"reset": True, "seed": 7})["worlds"]
    assert (world["generation"], world["seed"], world["tasks"]) == (1, 7, 0)
    assert world["credits"] == {"balance": None, "reserved": 0, "spent": 0}


def test_credits_are_topped_up_to_a_bound(emulator: Emulator) -> None:
    """A balance of more than 2^63 units could not be stored."""
    emulator.control("worlds", {"balance": 999_999_990})
    emulator.control("worlds", {"top_up": 10})
    for change in ({"top_up": 0.5}, {"top_up": 1e9}, {"balance": 1e9, "top_up": 1}):
        refused = emulator.request("POST", "/__mock/worlds", json=change)
        assert refused.status_code == 400
        assert "at most 1,000,000,000 are kept" in refused.json()["error"]["message"]
    assert emulator.control("worlds")["worlds"][0]["credits"]["balance"] == 1e9


def test_no_world_is_topped_up_where_one_would_have_too_much(emulator: Emulator) -> None:
    emulator.control("worlds", {"balance": 5})
    emulator.as_key("sk-rich").control("worlds", {"balance": 1e9})
    refused = emulator.request("POST", "/__mock/worlds?all=true", json={"top_up": 1, "reset": False})
    assert refused.status_code == 400
    assert emulator.control("worlds")["worlds"][0]["credits"]["balance"] == 5
    emulator.control("worlds?all=true", {"reset": True, "top_up": 1})
