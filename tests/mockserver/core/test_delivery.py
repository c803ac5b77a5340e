"""A callback is tried as its provider's policy says, is over when that says so, and tells why in words."""

import re
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evolink_contracts.spec.timing import EVOLINK_CALLBACKS, CallbackPolicy
from evolink_mock.clock import Mode
from evolink_mock.core.delivery import (
    ATTEMPT_ERRORS,
    DEAD,
    AttemptError,
    AttemptResult,
    Delivery,
    Origin,
    Stage,
    attempt_reason,
    delivery_summary,
    finished_at,
    record_attempt,
    timed_out,
)
from evolink_mock.core.duration import SECOND, Micros

ORIGINS: tuple[Origin, ...] = get_args(Origin)
MODES: tuple[Mode, ...] = get_args(Mode)

FAILURES = st.sampled_from(get_args(AttemptError)).map(lambda fault: AttemptResult(error=fault))
OUTCOMES = st.one_of(st.integers(100, 599).map(AttemptResult), FAILURES)
REFUSALS = st.one_of(st.integers(100, 599).filter(lambda status: status // 100 != 2).map(AttemptResult), FAILURES)
MICROS = st.integers(0, 10**9)
QUEUED = st.builds(
    lambda origin, at, wait, note, body, of: Delivery("task", origin, at, due=at + wait, note=note, body=body, of=of),
    st.sampled_from(ORIGINS),
    MICROS,
    MICROS,
    st.text(max_size=10),
    st.none() | st.binary(max_size=10),
    st.none() | st.integers(1, 9),
)
POLICIES = st.builds(
    lambda timeout, gaps, first, count: CallbackPolicy(
        timeout=timeout / 1000,
        gaps=tuple(gap / 1000 for gap in gaps),
        max_url_length=100,
        success=range(first, first + count),
        basis="inferred",
        source="this test",
    ),
    st.integers(1, 60_000),
    st.lists(st.integers(0, 86_400_000), max_size=6),
    st.integers(100, 500),
    st.integers(1, 100),
)


class Act(NamedTuple):
    """What a receiver does to one attempt, how long after its instant the attempt begins, and how long it takes."""

    outcome: AttemptResult
    late: Micros
    took: Micros


ACTS = st.lists(st.builds(Act, OUTCOMES, MICROS, MICROS), max_size=9)


def play(delivery: Delivery, acts: list[Act], policy: CallbackPolicy = EVOLINK_CALLBACKS) -> Delivery:
    """The delivery after as many of the acts as it takes to be over."""
    for act in acts:
        if delivery.due is not None:
            began = delivery.due + act.late
            delivery = record_attempt(delivery, "https://a.com/", began, began + act.took, act.outcome, policy)
    return delivery


def failed(*outcomes: AttemptResult, origin: Origin = "ended", note: str = "") -> Delivery:
    return play(Delivery("task", origin, 0, due=0, note=note, of=7), [Act(outcome, 0, 0) for outcome in outcomes])


@given(QUEUED, ACTS)
@settings(max_examples=300)
@example(Delivery("task", "ended", 0, due=0), [Act(AttemptResult(500), 5, 0)])
def test_the_attempts_follow_the_documented_policy(delivery: Delivery, acts: list[Act]) -> None:
    """Any 2xx ends it; else it is tried again 1, 2 and 4 s after each failure; four attempts are all there are."""
    good = [number for number, act in enumerate(acts, 1) if str(act.outcome.status).startswith("2")]
    made = min(len(acts), 4, *good)
    record = play(delivery, acts)
    assert len(record.attempts) == made
    assert [attempt.result for attempt in record.attempts] == [act.outcome for act in acts[:made]]
    assert [attempt.started - attempt.due for attempt in record.attempts] == [act.late for act in acts[:made]]
    assert [attempt.finished - attempt.started for attempt in record.attempts] == [act.took for act in acts[:made]]
    assert [next_.due - before.finished for before, next_ in pairwise(record.attempts)] == [
        1_000_000,
        2_000_000,
        4_000_000,
    ][: max(made - 1, 0)]
    assert [attempt.next_due for attempt in record.attempts[:-1]] == [attempt.due for attempt in record.attempts[1:]]
    if made in good:
        assert (record.stage, record.due) == ("delivered", None)
    elif made == 4:
        assert (record.stage, record.due) == ("exhausted", None)
    elif made:
        assert (record.stage, record.due) == ("queued", record.attempts[-1].finished + 2 ** (made - 1) * 1_000_000)
    else:
        assert record == delivery
    if made:
        assert record.attempts[0].due == delivery.due
        assert record.attempts[-1].next_due == record.due


@given(QUEUED, ACTS, POLICIES)
def test_another_retry_policy_is_another_value(delivery: Delivery, acts: list[Act], policy: CallbackPolicy) -> None:
    record, expected, due = play(delivery, acts, policy), [], delivery.due
    stage: Stage = "queued"
    for act, gap in zip(acts, (*policy.gaps, None), strict=False):
        assert due is not None
        end = due + act.late + act.took
        expected.append((due, end))
        if act.outcome.status in policy.success:
            stage, due = "delivered", None
            break
        stage, due = ("exhausted", None) if gap is None else ("queued", end + round(gap * SECOND))
    assert [(attempt.due, attempt.finished) for attempt in record.attempts] == expected
    assert (record.stage, record.due) == (stage, due)
    assert record.ended == (record.due is None)


@given(QUEUED, OUTCOMES)
def test_an_attempt_changes_nothing_else_of_its_delivery(delivery: Delivery, outcome: AttemptResult) -> None:
    held = delivery._replace(hold="next", started=5)
    record = record_attempt(held, "https://a.com/x", 5, 6, outcome, EVOLINK_CALLBACKS)
    assert record.attempts[0].target == "https://a.com/x"
    assert (record.started, record.hold) == (None, "")
    assert record._replace(attempts=(), stage="queued", due=delivery.due) == delivery


def test_an_attempt_without_a_due_time_was_due_as_it_began() -> None:
    record = record_attempt(Delivery("task", "ended", 1), "https://a.com/", 5, 6, AttemptResult(200), EVOLINK_CALLBACKS)
    assert record.attempts[0].due == 5


@given(st.sampled_from(MODES), MICROS, MICROS, OUTCOMES, POLICIES)
def test_on_a_simulated_clock_a_time_out_takes_the_limit_and_any_other_attempt_no_time(
    mode: Mode, started: Micros, passed: Micros, outcome: AttemptResult, policy: CallbackPolicy
) -> None:
    charged = finished_at(mode, started, started + passed, outcome, policy) - started
    if mode == "real":
        assert charged == passed
    else:
        assert charged == (round(policy.timeout * 1_000_000) if outcome.error == "timeout" else 0)


@pytest.mark.parametrize("mode", MODES)
def test_no_attempt_ends_before_it_began(mode: Mode) -> None:
    assert finished_at(mode, 100, 40, AttemptResult(200), EVOLINK_CALLBACKS) == 100


@pytest.mark.parametrize("mode", ["scaled", "manual", "auto"])
def test_a_documented_time_out_takes_ten_seconds(mode: Mode) -> None:
    assert finished_at(mode, 7, 8, AttemptResult(error="timeout"), EVOLINK_CALLBACKS) == 10_000_007


@given(POLICIES)
def test_a_timed_out_attempt_took_the_limit_and_names_it(policy: CallbackPolicy) -> None:
    outcome = timed_out(policy)
    assert (outcome.status, outcome.error, outcome.latency) == (None, "timeout", round(policy.timeout * 1_000_000))
    assert f"{policy.timeout:g} s" in outcome.detail


def test_every_attempt_error_has_its_own_words_that_end_a_sentence() -> None:
    assert set(ATTEMPT_ERRORS) == set(get_args(AttemptError))
    assert len(set(ATTEMPT_ERRORS.values())) == len(ATTEMPT_ERRORS)
    assert all(re.fullmatch(r"[a-z].*[A-Za-z]", words) for words in ATTEMPT_ERRORS.values())


@given(st.lists(REFUSALS, min_size=1, max_size=4))
def test_the_reason_of_an_attempt_names_the_failure_before_and_the_gap(outcomes: list[AttemptResult]) -> None:
    record = failed(*outcomes)
    for number, (outcome, gap) in enumerate(zip(outcomes[:3], ("1 s", "2 s", "4 s"), strict=False), 2):
        said = f"answered {outcome.status}" if outcome.error is None else ATTEMPT_ERRORS[outcome.error]
        reason = attempt_reason(record, number, EVOLINK_CALLBACKS)
        assert reason == f"attempt {number - 1}: the receiver {said}; attempt {number} follows {gap} after that failure"


def test_seconds_that_no_float_can_hold_are_exact_to_the_microsecond() -> None:
    policy = replace(EVOLINK_CALLBACKS, gaps=(1.001,), timeout=1.001)
    (attempt,) = play(Delivery("task", "ended", 0, due=0), [Act(AttemptResult(500), 0, 0)], policy).attempts
    assert attempt.next_due == 1_001_000
    assert finished_at("manual", 0, 0, AttemptResult(error="timeout"), policy) == timed_out(policy).latency == 1_001_000


def test_a_reason_shows_the_gap_of_the_policy_in_force() -> None:
    policy = replace(EVOLINK_CALLBACKS, gaps=(0.5, 300.0), success=range(200, 201))
    refused = [Act(AttemptResult(status), 0, 0) for status in (204, 500, 404)]
    record = play(Delivery("task", "ended", 0, due=0), refused[:2], policy)
    assert "answered 204; attempt 2 follows 0.5 s after" in attempt_reason(record, 2, policy)
    assert "answered 500; attempt 3 follows 300 s after" in attempt_reason(record, 3, policy)
    assert "attempt 3 of 3 is" in delivery_summary(record._replace(started=1), policy)
    assert "all 3 attempts were made" in delivery_summary(play(record, refused[2:], policy), policy)


def test_more_failures_than_a_policy_allows_exhaust_it_and_followed_its_last_gap() -> None:
    policy = replace(EVOLINK_CALLBACKS, gaps=(0.5,))
    record = failed(*[AttemptResult(500)] * 3)
    assert "attempt 3 follows 0.5 s after" in attempt_reason(record, 3, policy)
    assert play(record, [Act(AttemptResult(500), 0, 0)], policy).stage == "exhausted"


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        ("ended", "the task ended"),
        ("duplicate", "delivery=duplicate"),
        ("replay", "delivery 7 was replayed by a control call"),
        ("resend", "delivery 7 was sent again by a control call, with a changed body"),
    ],
)
def test_the_reason_of_a_first_attempt_is_the_origin_of_the_delivery(origin: Origin, reason: str) -> None:
    assert reason in attempt_reason(failed(origin=origin), 1, EVOLINK_CALLBACKS)
    assert attempt_reason(failed(origin=origin, note="so it was"), 1, EVOLINK_CALLBACKS).endswith("; so it was")
    assert not attempt_reason(failed(origin=origin), 1, EVOLINK_CALLBACKS).endswith("; ")
    assert "first attempt" in delivery_summary(failed(origin=origin), EVOLINK_CALLBACKS)
    assert reason in delivery_summary(failed(origin=origin), EVOLINK_CALLBACKS)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (failed()._replace(started=3), "attempt 1 of 4 is in flight"),
        (failed()._replace(started=0), "attempt 1 of 4 is in flight"),
        (failed(AttemptResult(500))._replace(started=3), "attempt 2 of 4 is in flight"),
        (failed(AttemptResult(500)), "attempt 1: the receiver answered 500; attempt 2 follows 1 s after that failure"),
        (failed(AttemptResult(302), AttemptResult(201)), "attempt 2: the receiver answered 201"),
        (
            failed(*[AttemptResult(error="refused")] * 4),
            "attempt 4: the receiver refused the connection; all 4 attempts were made",
        ),
    ],
)
def test_a_summary_tells_the_stage_of_a_delivery(record: Delivery, words: str) -> None:
    assert delivery_summary(record, EVOLINK_CALLBACKS) == words


@pytest.mark.parametrize("stage", ["unrouted", "forbidden", "lost"])
def test_the_summary_of_a_delivery_that_is_never_sent_is_its_note(stage: Stage) -> None:
    assert (
        delivery_summary(failed(note="this is why")._replace(stage=stage, due=None), EVOLINK_CALLBACKS) == "this is why"
    )


@pytest.mark.parametrize("stage", get_args(Stage))
def test_a_delivery_is_dead_where_it_ended_and_was_not_delivered(stage: Stage) -> None:
    assert (stage in DEAD) == (stage not in ("queued", "delivered"))
    assert Delivery("task", "ended", 0, stage).ended == (stage != "queued")
