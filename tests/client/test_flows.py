"""What is sent again and when, and how a task is polled: decided without I/O, so tested without it."""

import json
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evolink_client import (
    ApiError,
    BadRequest,
    Conflict,
    ConnectionFailed,
    EvolinkError,
    NotConfigured,
    Polling,
    RateLimited,
    Retries,
    TaskFailed,
    WaitTimedOut,
)
from evolink_client._answers import Answer
from evolink_client._clock import Clock
from evolink_client._flows import Flow, Outcome, Pause, Request, create, get
from evolink_client._models import read_task
from evolink_client._polling import wait

OK = Answer(200, {}, b'{"id": "task-unified-1-aaaaaaaa", "status": "pending"}')
BUSY = Answer(429, {"retry-after": "3"}, b"{}")
BROKEN = Answer(500, {}, b"{}")
FAULTY = Answer(400, {}, b"{}")
LOST = ConnectionFailed("lost")
RUNNING = Answer(409, {}, b'{"error": {"code": "paid_outcome_unknown", "message": "still running"}}')
OTHER = Answer(409, {}, b'{"error": {"code": "idempotency_conflict", "message": "another request"}}')


class World:
    """Plays the service and the clock to a flow; every answer takes no time."""

    def __init__(self, *outcomes: Outcome, luck: float = 0.5) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[Request] = []
        self.pauses: list[float] = []
        self.now = 1000.0
        self.clock = Clock(lambda: self.now, lambda: self.now, lambda: luck)

    def run(self, flow: Flow[Any]) -> Any:
        outcome: Outcome = None
        try:
            while True:
                step = flow.send(outcome)
                if isinstance(step, Pause):
                    self.pauses.append(step.seconds)
                    self.now += step.seconds
                    outcome = None
                else:
                    self.sent.append(step)
                    outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        except StopIteration as end:
            return end.value


def made(world: World, key: str | None, *, again: bool) -> Any:
    return world.run(create(b"{}", key, Retries(), world.clock, again=again))


@pytest.mark.parametrize("failed", [LOST, BUSY, BROKEN])
@pytest.mark.parametrize(("key", "again"), [("k", False), (None, True), (None, False)])
def test_a_create_is_sent_once_unless_it_has_a_key_and_that_is_wished(
    failed: Outcome, key: str | None, again: bool
) -> None:
    world = World(failed, OK)
    with pytest.raises(EvolinkError):
        made(world, key, again=again)
    assert len(world.sent) == 1


def test_a_create_that_is_still_being_carried_out_is_asked_for_again_and_another_one_is_not() -> None:
    assert made(World(LOST, RUNNING, RUNNING, OK), "k", again=True).status == "pending"
    world = World(LOST, OTHER)
    with pytest.raises(Conflict):
        made(world, "k", again=True)
    assert len(world.sent) == 2


@pytest.mark.parametrize("failed", [LOST, BUSY, BROKEN])
def test_a_create_that_is_sent_again_has_the_same_key(failed: Outcome) -> None:
    world = World(failed, failed, OK)
    assert made(world, "the-key", again=True).status == "pending"
    assert [request.headers["Idempotency-Key"] for request in world.sent] == ["the-key"] * 3


def test_a_read_is_sent_again_until_it_is_answered_or_four_attempts_are_made() -> None:
    world = World(LOST, BROKEN, LOST, OK)
    assert world.run(get("t", Retries(), world.clock)).status == "pending"
    assert world.pauses == [0.25, 0.5, 1.0]
    world = World(BROKEN)
    with pytest.raises(EvolinkError):
        world.run(get("t", Retries(), world.clock))
    assert len(world.sent) == 4


def test_what_would_be_refused_again_is_sent_once() -> None:
    world = World(FAULTY)
    with pytest.raises(EvolinkError):
        world.run(get("t", Retries(), world.clock))
    assert len(world.sent) == 1


def test_retry_after_is_waited_for_and_no_longer_than_the_deadline() -> None:
    world = World(BUSY, OK)
    world.run(get("t", Retries(), world.clock))
    assert world.pauses == [3.0]
    world = World(Answer(429, {"retry-after": "600"}, b"{}"), OK)
    with pytest.raises(RateLimited) as error:
        world.run(get("t", Retries(), world.clock))
    assert (error.value.retry_after, world.pauses) == (600.0, [])


FAILURES = st.lists(st.sampled_from([LOST, BUSY, BROKEN]), max_size=12)


@given(FAILURES, st.floats(0, 1, exclude_max=True), st.integers(1, 8))
@example([BUSY, BUSY, LOST, LOST, LOST], 0.9999999999999999, 6)
def test_pauses_grow_with_full_jitter_within_their_bounds_and_the_deadline(
    failures: list[Outcome], luck: float, attempts: int
) -> None:
    retries = Retries(attempts=attempts, deadline=20)
    world = World(*failures, OK, luck=luck)
    with suppress(EvolinkError):
        world.run(get("t", retries, world.clock))
    assert len(world.sent) <= attempts
    # Exactly, since a clock or a sum of floats rounds what is just below.
    assert sum(map(Fraction, world.pauses)) < 20
    for number, pause in enumerate(world.pauses):
        assert pause == 3.0 or pause <= min(0.5 * 2**number, 8)
    assert all(0 < request.timeout <= 20 for request in world.sent)


def seen(status: str, **more: object) -> Answer:
    return Answer(200, {}, json.dumps({"id": "t", "status": status, **more}).encode())


def waited(world: World, timeout: float, each: Callable[[Any], None] | None = None) -> Any:
    return world.run(wait("t", timeout, Polling(), Retries(), world.clock, each))


def test_polling_begins_soon_grows_to_eight_seconds_and_stops_at_the_end() -> None:
    shown: list[str] = []
    world = World(*[seen("processing")] * 7, seen("completed"))
    assert waited(world, 600, lambda task: shown.append(task.status)).succeeded
    assert world.pauses[0] <= 2
    assert world.pauses == sorted(world.pauses)
    assert max(world.pauses) == 8
    assert len(world.sent) == 8
    assert shown == ["processing"] * 7 + ["completed"]


def test_an_unknown_status_is_polled_on() -> None:
    assert waited(World(seen("queued"), seen("archived"), seen("completed")), 600).succeeded


def test_a_failure_says_whether_to_try_again() -> None:
    world = World(seen("failed", error={"code": "service_error", "message": "no"}))
    with pytest.raises(TaskFailed) as error:
        waited(world, 600)
    assert (error.value.code, error.value.retryable, error.value.task.id) == ("service_error", True, "t")
    assert len(world.sent) == 1


@pytest.mark.parametrize("timeout", [0, 0.5, 7, 100])
def test_waiting_ends_when_its_time_is_over_with_a_last_look(timeout: float) -> None:
    world = World(seen("processing", progress=7))
    with pytest.raises(WaitTimedOut, match=r"t is still processing \(7 %\) after"):
        waited(world, timeout)
    assert world.now - 1000 == pytest.approx(timeout)
    assert world.sent


def test_once_it_was_seen_trouble_that_may_pass_is_outlasted() -> None:
    trouble: list[Outcome] = [LOST, BROKEN]
    world = World(seen("processing"), *trouble * 8, seen("completed"))
    assert waited(world, 600).succeeded
    assert len(world.sent) == 18


@pytest.mark.parametrize("trouble", [LOST, BROKEN, BUSY])
def test_trouble_at_the_first_look_or_of_another_kind_is_told_at_once(trouble: Outcome) -> None:
    with pytest.raises((ConnectionFailed, ApiError)):
        waited(World(trouble), 600)
    world = World(seen("processing"), FAULTY)
    with pytest.raises(BadRequest):
        waited(world, 600)
    assert len(world.sent) == 2


def test_trouble_at_the_end_is_the_cause_of_the_time_out() -> None:
    with pytest.raises(WaitTimedOut) as error:
        waited(World(seen("processing"), LOST), 30)
    assert error.value.__cause__ is LOST


@given(st.floats(0, 300), st.lists(st.sampled_from([seen("processing"), LOST, BROKEN, BUSY]), max_size=40))
def test_a_wait_takes_hardly_longer_than_it_was_given(timeout: float, outcomes: list[Outcome]) -> None:
    world = World(seen("processing"), *outcomes)
    with suppress(EvolinkError):
        waited(world, timeout)
    assert world.now - 1000 <= timeout + 5.001
    # Each request may take as long as it is allowed to, too.
    assert all(request.timeout <= max(timeout, 5) for request in world.sent)


ENDS = st.sampled_from(["completed", "failed", "cancelled"])


@given(st.floats(0, 100), ENDS, st.integers(0, 12), ENDS, st.sampled_from([seen("processing"), LOST, BROKEN]))
def test_of_polling_and_a_callback_the_first_wins_and_ends_it_once(
    called: float, told: str, looks: int, found: str, meanwhile: Outcome
) -> None:
    world = World(seen("processing"), *[meanwhile] * looks, seen(found))
    shown: list[str] = []
    callback = read_task({"id": "t", "status": told, "results": ["https://told.example/v.mp4"]})

    def heard() -> Any:
        return callback if world.now - 1000 >= called else None

    try:
        flow = wait("t", 600, Polling(), Retries(), world.clock, lambda task: shown.append(task.status), heard)
        end = world.run(flow)
    except TaskFailed as error:
        end = error.task
    assert shown[-1] == end.status
    assert sum(status != "processing" for status in shown) == 1
    if end is callback:
        # Nothing is asked any more once it is there.
        assert world.now - 1000 - (world.pauses or [0])[-1] <= called
    else:
        assert end.status == found
        assert world.now - 1000 <= called


def test_a_callback_that_is_there_already_is_enough() -> None:
    world = World(LOST)
    callback = read_task({"id": "t", "status": "completed"})
    assert world.run(wait("t", 600, Polling(), Retries(), world.clock, None, lambda: callback)) is callback
    assert (world.sent, world.pauses) == ([], [])


@pytest.mark.parametrize("value", [0, -1, float("nan")])
@pytest.mark.parametrize(
    "make",
    [
        lambda value: Polling(first=value),
        lambda value: Polling(longest=value),
        lambda value: Polling(growth=value),
        lambda value: Polling(last=value),
        lambda value: Retries(attempts=value),
        lambda value: Retries(timeout=value),
        lambda value: Retries(deadline=value),
    ],
)
def test_times_and_counts_that_make_no_sense_are_refused(make: Callable[[Any], object], value: float) -> None:
    with pytest.raises(NotConfigured, match="must be at least"):
        make(value)


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("-inf")])
def test_a_wait_for_a_time_that_is_none_is_refused_before_anything_is_sent(timeout: float) -> None:
    world = World(OK)
    with pytest.raises(NotConfigured, match="timeout must be at least 0; got"):
        waited(world, timeout)
    assert (world.sent, world.pauses) == ([], [])
