"""The whole life of a task as two functions: `plan` draws it once, `observe` reads it at any moment."""

from evolink_contracts.spec.errors import FAILURES
from evolink_mock.core.billing import quote
from evolink_mock.core.chaos import CHAOS
from evolink_mock.core.choices import Choices
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.generation import Generation, draw_times
from evolink_mock.core.identity import Seed, draws
from evolink_mock.core.scenario import Scenario
from evolink_mock.core.task import Event, Failure, Plan, State
from evolink_mock.core.validation import Request

_PENDING = State("pending", 0)
_CANCELLED = Failure("request_cancelled", FAILURES["request_cancelled"].message)


def plan(request: Request, scenario: Scenario, law: Generation, seed: Seed, n: int, choices: Choices) -> Plan:
    """Draw the future of a world's n-th task. A scenario's outcome wins over what the request itself deserves."""
    starts, ends = draw_times(law, draws(seed, n))
    if scenario.delivery is not None and CHAOS[scenario.delivery].instant:
        starts = ends = 0
    failure = request.doom
    if scenario.fail is not None:
        failure = Failure(scenario.fail, FAILURES[scenario.fail].message)
    seconds = request.duration
    units = quote(request, seconds, choices)
    return Plan(starts, ends, failure, seconds * SECOND, units, units)


def observe(plan: Plan, elapsed: Micros, events: tuple[Event, ...] = ()) -> State:
    """The state of a task `elapsed` microseconds after its creation.

    Progress never falls before the end, is 100 only on completion, and on failure is what had been reached (whether
    that is shown is the setting `failed_progress`).
    """
    for event in events:
        if event.at <= elapsed and event.at < plan.ends:
            return _ended(event, _progress(plan, event.at))
    if elapsed < plan.starts:
        return _PENDING
    if elapsed < plan.ends:
        return State("processing", _progress(plan, elapsed))
    if plan.failure is None:
        return State("completed", 100, None, plan.ends)
    return State("failed", 99, plan.failure, plan.ends)


def next_transition(plan: Plan, elapsed: Micros) -> Micros | None:
    """When the status changes next of itself, counted from creation; `None` after the end."""
    if elapsed < plan.starts:
        return plan.starts
    return plan.ends if elapsed < plan.ends else None


def _progress(plan: Plan, elapsed: Micros) -> int:
    if elapsed < plan.starts:
        return 0
    return 1 + 98 * (elapsed - plan.starts) // max(plan.ends - plan.starts, 1)


def _ended(event: Event, progress: int) -> State:
    if event.kind == "cancelled":
        return State("cancelled", progress, _CANCELLED, event.at)
    if event.failure is None:
        return State("completed", 100, None, event.at)
    return State("failed", progress, event.failure, event.at)
