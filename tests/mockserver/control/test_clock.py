"""/__mock/clock and the four clock modes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.clock import SystemClock, make_clock
from tests.support.emulator import Emulator

START = 1757169743.0


def test_a_manual_clock_moves_only_by_calls(emulator: Emulator) -> None:
    before = emulator.control("clock")
    assert before == {
        "key": "sk-…l",
        "world": "0d687e97",
        "mode": "manual",
        "speed": 0.0,
        "now": START,
        "next_event": None,
        "attempts_in_flight": 0,
    }
    assert emulator.control("clock", {"advance": "1500ms"})["now"] == START + 1.5
    assert emulator.control("clock")["now"] == START + 1.5


def test_until_the_next_event_steps_through_a_task(emulator: Emulator) -> None:
    task = emulator.create()
    due = emulator.control("clock")["next_event"]
    assert emulator.control("clock", {"until": "next-event"})["now"] == due
    assert emulator.query(task).json()["status"] == "processing"
    emulator.control("clock", {"until": "next-event"})
    assert emulator.query(task).json()["status"] == "completed"
    done = emulator.control("clock", {"until": "next-event"})
    assert (done["now"], done["next_event"]) == (START + 10, None)


def test_an_automatic_clock_jumps_when_an_unfinished_task_is_queried() -> None:
    with Emulator.in_process(clock="auto") as emulator:
        task = emulator.create()
        answers = [emulator.query(task).json()["status"] for _ in range(3)]
        now = emulator.control("clock")["now"]
    assert answers == ["processing", "completed", "completed"]
    assert now == START + 10


def test_an_automatic_clock_never_jumps_to_an_expiry() -> None:
    with Emulator.in_process(clock="auto") as emulator:
        task = emulator.create()
        links = [emulator.query(task).json().get("results") for _ in range(5)]
        assert emulator.client.get(links[-1][0]).status_code == 200


def test_modes_change_without_a_jump(emulator: Emulator) -> None:
    emulator.advance("5s")
    running = emulator.control("clock", {"mode": "scaled", "speed": 1000})
    assert (running["mode"], running["speed"]) == ("scaled", 1000)
    stopped = emulator.control("clock", {"mode": "manual"})
    assert START + 5 <= running["now"] <= stopped["now"]
    assert emulator.control("clock")["now"] == stopped["now"]


def test_a_running_clock_can_be_advanced_too() -> None:
    with Emulator.in_process(clock="real") as emulator:
        task = emulator.create()
        emulator.advance("10s")
        assert emulator.query(task).json()["status"] == "completed"


def test_all_true_moves_every_world(emulator: Emulator) -> None:
    other = emulator.as_key("sk-other")
    task = emulator.create()
    foreign = other.create()
    moved = emulator.control("clock", {"advance": "10s"}, params={"all": "true"})
    assert [world["now"] for world in moved["worlds"]] == [START + 10, START + 10]
    assert emulator.query(task).json()["status"] == other.query(foreign).json()["status"] == "completed"


def test_every_date_comes_from_the_clock(emulator: Emulator) -> None:
    emulator.advance("1d")
    response = emulator.query(emulator.create())
    assert response.headers["date"] == "Sun, 07 Sep 2025 14:42:23 GMT"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"advance": "7"},
        {"advance": "-7s"},
        {"advance": "400d"},
        {"advance": -7},
        {"advance": -0.5},
        {"advance": True},
        {"advance": [7]},
        {"advance": 1e300},
        {"advance": 10**30},
        {"advance": 366 * 86400 + 1},
        {"advance": "-2.5s"},
        {"advance": "nans"},
        {"advance": None},
        {"advance": "7s", "until": "next-event"},
        {"until": "tomorrow"},
        {"mode": "fast"},
        {"mode": "real", "speed": 2},
        {"mode": "scaled", "speed": 0},
        {"mode": "scaled", "speed": 1e9},
        {"advanec": "7s"},
        [],
        "7s",
        None,
    ],
)
def test_a_malformed_change_is_refused_and_changes_nothing(emulator: Emulator, change: object) -> None:
    before = emulator.control("clock")
    response = emulator.request("POST", "/__mock/clock", json=change)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "mock_control_error"
    assert emulator.control("clock") == before


@pytest.mark.parametrize(
    ("by", "seconds"),
    [
        (7, 7.0),
        (7.5, 7.5),
        (0, 0.0),
        (0.1 + 0.2, 0.3),
        ("2.5600000000000005s", 2.56),
        ("1e-07s", 0.0),
        ("0.0000251m", 0.001506),
    ],
)
def test_a_clock_moves_by_seconds_or_by_a_duration_of_any_decimals(
    emulator: Emulator, by: object, seconds: float
) -> None:
    assert emulator.control("clock", {"advance": by})["now"] == START + seconds


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "true", '"Infinity"'])
def test_a_number_that_is_none_is_refused_with_the_forms_and_the_bounds(emulator: Emulator, text: str) -> None:
    content = f'{{"advance": {text}}}'.encode()
    response = emulator.request("POST", "/__mock/clock", content=content)
    assert response.status_code == 400
    if text not in ("NaN", "Infinity", "-Infinity", "1e999"):  # Those are not JSON.
        message = response.json()["error"]["message"]
        assert "advance: " in message
        assert 'write seconds, such as 7 or 2.5, or a duration, such as "7s"' in message
        assert "from 0 to 366 days" in message


@given(moves=st.lists(st.integers(0, 3_000_000), min_size=1, max_size=8))
def test_observed_progress_never_falls_under_any_moves(emulator: Emulator, moves: list[int]) -> None:
    task = emulator.create()
    seen = []
    for move in moves:
        body = emulator.query(task).json()
        seen.append((["pending", "processing", "completed"].index(body["status"]), body["progress"]))
        emulator.advance(f"{move}us")
    assert seen == sorted(seen)


def test_a_system_clock_never_runs_backwards_and_scales() -> None:
    clock = SystemClock(start=0, speed=1000)
    readings = [clock.now() for _ in range(1000)]
    assert readings == sorted(readings)
    clock.move_to(10**12)
    clock.move_to(5)
    assert clock.now() >= 10**12


def test_each_mode_has_its_clock() -> None:
    assert [make_clock(mode).mode for mode in ("real", "manual", "auto")] == ["real", "manual", "auto"]
    assert make_clock("scaled", speed=3).mode == "scaled"
