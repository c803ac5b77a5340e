"""A task only moves forward, ends once, and shows at every moment what its plan and its events say."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.spec.models import MODELS
from evolink_mock.core.choices import Choices
from evolink_mock.core.distribution import Distribution
from evolink_mock.core.duration import SECOND
from evolink_mock.core.lifecycle import next_transition, observe, plan
from evolink_mock.core.seed import Seed, derive_seed
from evolink_mock.core.task import EarlyEnd, Failure, Plan, State
from evolink_mock.core.validation import CreateRequest

RANK = {"pending": 0, "processing": 1, "completed": 2, "failed": 2, "cancelled": 2}

MICROS = st.integers(0, 10**9)
FAILED = st.builds(Failure, st.sampled_from(sorted(FAILURES)), st.text(max_size=20))
TIMES = st.tuples(MICROS, MICROS).map(sorted)
PLANS = st.builds(
    lambda times, failure, lingers: Plan(times[0], times[1], failure, 5 * SECOND, 1, 1, lingers=lingers),
    TIMES,
    st.none() | FAILED,
    st.booleans(),
)
LAWS = st.builds(lambda times, sigma: Distribution(times[0], times[1], sigma), TIMES, st.none() | st.floats(0, 3))
SEEDS = st.builds(derive_seed, st.integers(0, 2**63 - 1), st.text(max_size=10))
PLAIN = Plan(2 * SECOND, 10 * SECOND, None, 5 * SECOND, 15, 15)


@st.composite
def lives(draw: st.DrawFn) -> tuple[Plan, tuple[EarlyEnd, ...]]:
    """A plan, and perhaps the one event that ended it before its time."""
    plan = draw(PLANS)
    if plan.ends == 0 or draw(st.booleans()):
        return plan, ()
    at = draw(MICROS) % plan.ends
    failure = draw(st.none() | FAILED)
    return plan, (draw(st.sampled_from([EarlyEnd("cancelled", at), EarlyEnd("forced", at, failure)])),)


@given(lives(), st.lists(MICROS, min_size=2, max_size=12).map(sorted))
@settings(max_examples=80)
def test_status_and_progress_never_go_back(life: tuple[Plan, tuple[EarlyEnd, ...]], moments: list[int]) -> None:
    states = [observe(life[0], moment, life[1]) for moment in moments]
    assert all(RANK[before.status] <= RANK[after.status] for before, after in pairwise(states))
    assert all(before.progress <= after.progress for before, after in pairwise(states))


@given(lives(), MICROS, MICROS)
@settings(max_examples=80)
def test_an_ended_task_stays_exactly_as_it_ended(
    life: tuple[Plan, tuple[EarlyEnd, ...]], moment: int, later: int
) -> None:
    state = observe(life[0], moment, life[1])
    if state.ended is not None:
        assert observe(life[0], moment + later, life[1]) == state


@given(lives(), MICROS)
@settings(max_examples=80)
def test_each_status_has_its_progress_its_failure_and_its_end(
    life: tuple[Plan, tuple[EarlyEnd, ...]], moment: int
) -> None:
    state = observe(life[0], moment, life[1])
    assert (state.progress == 100) == (state.status == "completed")
    assert 0 <= state.progress <= 100
    assert state.status != "pending" or state.progress == 0
    assert state.status != "processing" or state.progress >= 1
    assert (state.failure is not None) == (state.status in ("failed", "cancelled"))
    assert (state.ended is not None) == (RANK[state.status] == 2)
    assert state.ended is None or state.ended <= moment


@given(PLANS, MICROS)
def test_the_next_transition_is_where_the_status_changes_and_not_before(plan: Plan, moment: int) -> None:
    status = observe(plan, moment).status
    due = next_transition(plan, moment)
    if due is None:
        assert RANK[status] == 2
    else:
        assert due > moment
        assert observe(plan, due - 1).status == status
        assert observe(plan, due).status != status


@given(PLANS)
def test_following_the_transitions_leads_to_the_planned_end_in_two_steps_at_most(plan: Plan) -> None:
    moment, steps = -1, 0
    while (due := next_transition(plan, moment)) is not None:
        moment, steps = due, steps + 1
    assert steps <= 2
    assert moment == plan.ends
    assert observe(plan, moment).failure == plan.failure


@given(PLANS.filter(lambda plan: plan.ends > 0), st.data())
def test_an_early_end_counts_from_its_instant_on_and_never_before(plan: Plan, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, plan.ends - 1))
    failure = data.draw(st.none() | FAILED)
    event = data.draw(st.sampled_from([EarlyEnd("cancelled", at), EarlyEnd("forced", at, failure)]))
    earlier = data.draw(st.integers(-1, at - 1))
    assert observe(plan, earlier, (event,)) == observe(plan, earlier)
    ended = observe(plan, at + data.draw(MICROS), (event,))
    assert ended.ended == at
    assert ended.progress == 100 if ended.status == "completed" else ended.progress >= observe(plan, earlier).progress
    if event.kind == "cancelled":
        assert (ended.status, ended.failure) == ("cancelled", Failure("request_cancelled", "The task was cancelled"))
    else:
        assert (ended.status, ended.failure) == ("failed" if failure else "completed", failure)


@pytest.mark.parametrize(
    ("second", "state"),
    [
        (0, State("pending", 0)),
        (1.999999, State("pending", 0)),
        (2, State("processing", 1)),
        (6, State("processing", 50)),
        (9.999999, State("processing", 98)),
        (10, State("completed", 100, None, 10 * SECOND)),
        (99, State("completed", 100, None, 10 * SECOND)),
    ],
)
def test_the_states_of_a_task_that_runs_from_2_to_10_seconds(second: float, state: State) -> None:
    assert observe(PLAIN, round(second * SECOND)) == state


LINGERING = PLAIN._replace(lingers=True)
SLOW = LINGERING._replace(ends=20 * SECOND, tail_at_99=10 * SECOND)


@pytest.mark.parametrize(
    ("plan", "second", "progress"),
    [
        *((LINGERING, *row) for row in ((1, 0), (2, 1), (4, 48), (5.999999, 94), (6, 95), (9.999999, 95), (10, 100))),
        *((SLOW, *row) for row in ((6, 95), (9.999999, 95), (10, 99), (19.999999, 99), (20, 100))),
    ],
)
def test_a_lingering_task_stays_at_95_for_the_second_half_of_its_processing(
    plan: Plan, second: float, progress: int
) -> None:
    assert observe(plan, round(second * SECOND)).progress == progress


@given(PLANS, st.integers(1, 50))
def test_a_task_that_ends_by_queries_never_goes_back_either(plan: Plan, queries: int) -> None:
    counted = plan._replace(queries_to_end=queries)
    seen = [observe(counted, 0, (), count).progress for count in range(queries)]
    assert seen == sorted(seen)
    assert max(seen) <= (95 if plan.lingers else 99)


def test_a_lingering_task_that_fails_had_reached_95() -> None:
    failure = Failure("service_error", "x")
    assert observe(LINGERING._replace(failure=failure), 10 * SECOND).progress == 95
    assert observe(SLOW._replace(failure=failure), 20 * SECOND).progress == 99


def test_a_cancelled_task_keeps_the_progress_that_it_had_reached() -> None:
    event = EarlyEnd("cancelled", 6 * SECOND)
    assert observe(PLAIN, 11 * SECOND, (event,)).progress == observe(PLAIN, 6 * SECOND).progress == 50


def request(doom: Failure | None = None, duration: int = 5, rate: int = 23_800) -> CreateRequest:
    return CreateRequest(MODELS["wan2.6-image-to-video-flash"], {}, duration, Fraction(rate), 60_000, doom)


@given(SEEDS, st.integers(0, 10**9), LAWS)
def test_a_plan_follows_from_seed_number_and_request_alone(seed: Seed, n: int, distribution: Distribution) -> None:
    first = plan(request(), distribution, seed, n, Choices())
    plan(request(duration=9), distribution, seed, n + 1, Choices())
    assert plan(request(), distribution, seed, n, Choices()) == first


@given(SEEDS, st.integers(0, 10**9), TIMES)
def test_a_plan_keeps_to_its_distribution(seed: Seed, n: int, times: list[int]) -> None:
    future = plan(request(), Distribution(*times), seed, n, Choices())
    assert times[0] <= future.ends <= times[1]
    assert 0 <= future.starts <= future.ends


@given(SEEDS)
def test_tasks_of_one_world_have_different_random_numbers(seed: Seed) -> None:
    distribution = Distribution(0, 10**9)
    times = {plan(request(), distribution, seed, n, Choices())[:2] for n in range(50)}
    assert len(times) == 50


@given(SEEDS, st.integers(2, 15), st.sampled_from([11_900, 19_873, 23_800, 39_746]))
def test_a_plan_has_the_duration_and_the_price_of_its_request(seed: Seed, length: int, rate: int) -> None:
    future = plan(request(duration=length, rate=rate), Distribution(1, 2), seed, 0, Choices())
    assert future.video_duration == length * SECOND
    assert future.reserved == future.charged == max(length * rate, 60_000)


@pytest.mark.parametrize("doom", [None, Failure("invalid_parameters", "Prompt is too long")])
def test_a_plan_fails_with_the_deferred_failure_of_its_request(doom: Failure | None) -> None:
    assert plan(request(doom), Distribution(1, 2), derive_seed(0, ""), 0, Choices()).failure == doom
