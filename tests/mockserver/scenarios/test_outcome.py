"""Every way a task can end, or not end, on demand."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.spec.models import MODELS
from evolink_mock.core.choices import Choices
from evolink_mock.core.distribution import Distribution
from evolink_mock.core.duration import SECOND
from evolink_mock.core.lifecycle import observe, plan
from evolink_mock.core.seed import derive_seed
from evolink_mock.core.task import NEVER, Failure
from evolink_mock.core.validation import CreateRequest, Validator
from evolink_mock.scenarios.language import Scenario, parse_scenario
from evolink_mock.scenarios.outcome import apply
from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.webhook_receiver import deliveries

CALLBACK = {"callback_url": "https://sink.mock/200"}


def states(emulator: Emulator, task: str, times: int) -> list[tuple[str, int]]:
    seen = []
    for _ in range(times):
        body = emulator.query(task).json()
        seen.append((body["status"], body["progress"]))
    return seen


@pytest.mark.parametrize("code", FAILURES)
def test_a_task_fails_with_each_documented_code_and_its_sample_message(emulator: Emulator, code: str) -> None:
    task = emulator.create(f"fail={code}")
    emulator.advance("10s")
    assert emulator.query(task).json()["error"] == {
        "code": code,
        "message": FAILURES[code].message,
        "type": "task_error",
    }


@pytest.mark.parametrize(("code", "sample"), [(row.code, text) for row in FAILURES.values() for text in row.variants])
def test_a_task_fails_with_each_documented_message(emulator: Emulator, code: str, sample: str) -> None:
    task = emulator.create(f"fail={code}; message={sample}")
    emulator.advance("10s")
    assert emulator.query(task).json()["error"] == {"code": code, "message": sample, "type": "task_error"}


def test_a_raw_upstream_code_passes_through(emulator: Emulator) -> None:
    task = emulator.create("fail=upstream:InvalidParameter.TaskTypeConstraint; message=t2v only")
    emulator.advance("10s")
    assert emulator.query(task).json()["error"] == {
        "code": "InvalidParameter.TaskTypeConstraint",
        "message": "t2v only",
        "type": "task_error",
    }


@pytest.mark.parametrize(
    ("setting", "spelling", "shown"),
    [(setting, spelling, spelling) for setting in ("failed", "cancelled") for spelling in ("failed", "cancelled")],
)
def test_a_task_is_cancelled_in_either_spelling_whatever_the_setting(setting: str, spelling: str, shown: str) -> None:
    with Emulator.in_process(cancelled_as=setting) as emulator:
        task = emulator.create(f"cancel={spelling}", **CALLBACK)
        emulator.advance("10s")
        body = emulator.query(task).json()
        assert (body["status"], body["error"]["code"]) == (shown, "request_cancelled")
        (received,) = emulator.control("inbox")["rows"]
        assert received["body"] == body
        events = [row["event"] for row in emulator.control(f"events?task={task}")["rows"]]
        assert f"task.{shown}" in events
        assert emulator.control("worlds")["worlds"][0]["credits"]["spent"] == 0


def test_a_task_stuck_pending_never_starts(emulator: Emulator) -> None:
    task = emulator.create("stuck=pending", **CALLBACK)
    emulator.advance("5d")
    assert states(emulator, task, 2) == [("pending", 0)] * 2
    assert emulator.control("clock")["next_event"] is None
    assert emulator.control(f"tasks/{task}")["plan"]["ends_at"] is None
    assert deliveries(emulator) == []


def test_a_task_stuck_at_99_reaches_99_and_stays(emulator: Emulator) -> None:
    task = emulator.create("stuck=99", **CALLBACK)
    emulator.advance("5s")
    ((status, progress),) = states(emulator, task, 1)
    assert status == "processing"
    assert 1 <= progress < 99
    for wait in ("5s", "1d"):
        emulator.advance(wait)
        assert states(emulator, task, 1) == [("processing", 99)]
    assert deliveries(emulator) == []


@pytest.mark.parametrize("scenario", ["stuck=pending", "stuck=99", "polls=3"])
def test_a_stuck_task_can_be_ended_by_a_control_call_and_calls_back(emulator: Emulator, scenario: str) -> None:
    cancelled, forced = emulator.create(scenario, **CALLBACK), emulator.create(scenario, **CALLBACK)
    emulator.advance("20s")
    emulator.control(f"tasks/{cancelled}/cancel", {})
    emulator.control(f"tasks/{forced}/outcome", {"status": "completed"})
    emulator.advance("1s")
    assert emulator.query(cancelled).json()["error"]["code"] == "request_cancelled"
    assert emulator.query(forced).json()["status"] == "completed"
    assert {row["task"] for row in deliveries(emulator, status="delivered")} == {cancelled, forced}
    assert emulator.control("clock")["next_event"] is None


def test_a_slow_start_stays_pending_for_longer(emulator: Emulator) -> None:
    plain, slow = emulator.create(), emulator.create("slow_start=60s")
    plans = [emulator.control(f"tasks/{task}")["plan"] for task in (plain, slow)]
    assert plans[1]["starts_at"] >= plans[0]["starts_at"] - 3 + 60 - 3
    emulator.advance("60s")
    assert states(emulator, slow, 1) == [("pending", 0)]
    emulator.advance("10s")
    assert emulator.query(slow).json()["status"] == "completed"


def test_a_slow_finish_stays_at_99_for_longer(emulator: Emulator) -> None:
    task = emulator.create("slow_finish=60s")
    emulator.advance("10s")
    assert states(emulator, task, 1) == [("processing", 99)]
    emulator.advance("59.999999s")
    assert states(emulator, task, 1) == [("processing", 99)]
    emulator.advance("1us")
    assert states(emulator, task, 1) == [("completed", 100)]


def test_a_task_can_end_at_its_nth_query_instead_of_a_time(emulator: Emulator) -> None:
    task = emulator.create("polls=4", **CALLBACK)
    emulator.advance("1d")
    assert states(emulator, task, 3) == [("pending", 0), ("processing", 49), ("processing", 74)]
    assert emulator.control(f"tasks/{task}")["plan"]["ends_at_read"] == 4
    assert states(emulator, task, 2) == [("completed", 100)] * 2
    emulator.advance("1s")
    (row,) = deliveries(emulator)
    assert (row["task"], row["status"]) == (task, "delivered")


@pytest.mark.parametrize(("polls", "seen"), [(1, ["completed"]), (2, ["processing", "completed"])])
def test_one_or_two_queries_can_end_a_task(emulator: Emulator, polls: int, seen: list[str]) -> None:
    task = emulator.create(f"polls={polls}")
    assert [status for status, _ in states(emulator, task, polls)] == seen


def test_a_task_that_ends_by_queries_can_fail_and_injected_errors_do_not_count(emulator: Emulator) -> None:
    task = emulator.create("polls=2; fail=service_error; query=internal_error; times=2")
    answers = [emulator.query(task) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [500, 500, 200, 200]
    assert [answer.json().get("status") for answer in answers[2:]] == ["processing", "failed"]


def test_flapping_queries_fail_the_given_number_of_times_for_each_task(emulator: Emulator) -> None:
    tasks = [emulator.create("flap=2") for _ in range(2)]
    for _ in range(2):
        for task in tasks:
            answer = emulator.query(task)
            assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert [emulator.query(task).status_code for task in tasks] == [200, 200]


def test_on_an_auto_clock_queries_end_a_task_that_counts_them() -> None:
    with Emulator.in_process(clock="auto") as emulator:
        stuck, counted, plain = emulator.create("stuck=99"), emulator.create("polls=3"), emulator.create()
        assert [status for status, _ in states(emulator, counted, 3)] == ["pending", "processing", "completed"]
        assert [status for status, _ in states(emulator, plain, 3)][-1] == "completed"
        assert states(emulator, stuck, 3)[-1] == ("processing", 99)


WORDS = {
    "slow_start": st.integers(0, 100).map("{}s".format),
    "slow_finish": st.integers(0, 100).map("{}s".format),
    "actual_duration": st.integers(0, 20_000).map("{}ms".format),
    "fail": st.sampled_from(list(FAILURES)),
}


@given(
    st.fixed_dictionaries({}, optional=WORDS), st.lists(st.integers(0, 300 * SECOND), max_size=8), st.integers(0, 99)
)
def test_under_any_scenario_progress_never_falls_and_a_task_ends_once(
    words: dict[str, str], moments: list[int], n: int
) -> None:
    request = Validator(MODELS, Choices()).validate(DOCUMENTED)
    assert isinstance(request, CreateRequest)
    scenario = parse_scenario("; ".join(f"{word}={value}" for word, value in words.items()) or "ok")
    distribution = Distribution(3 * SECOND, 8 * SECOND)
    honest = plan(request, distribution, derive_seed(0, "sk"), n, Choices())
    drawn = apply(honest, request, scenario, Choices())
    assert 0 <= drawn.starts <= drawn.ends - drawn.tail_at_99 <= drawn.ends < NEVER
    assert 0 <= drawn.charged <= drawn.reserved
    assert drawn.charged == max(60_000, floor(Fraction(23_800 * drawn.video_duration, SECOND) + Fraction(1, 2)))
    seen = [
        observe(drawn, moment)
        for moment in sorted([*moments, drawn.ends - drawn.tail_at_99, drawn.ends - 1, drawn.ends])
    ]
    running = [state.progress for state in seen if state.ended is None]
    assert running == sorted(running)
    assert {state.ended for state in seen} <= {None, drawn.ends}
    assert seen[-1].ended == drawn.ends
    if drawn.tail_at_99:
        assert observe(drawn, drawn.ends - drawn.tail_at_99).progress == 99


@pytest.mark.parametrize("code", sorted(FAILURES))
@pytest.mark.parametrize("doom", [None, Failure("invalid_parameters", "Prompt is too long")])
def test_a_scenario_wins_over_a_deferred_failure(code: str, doom: Failure | None) -> None:
    request = CreateRequest(MODELS["wan2.6-image-to-video-flash"], {}, 5, Fraction(23_800), 60_000, doom)
    honest = plan(request, Distribution(1, 2), derive_seed(0, ""), 0, Choices())
    bent = apply(honest, request, Scenario(fail=code), Choices())
    assert bent.failure == Failure(code, FAILURES[code].message)
