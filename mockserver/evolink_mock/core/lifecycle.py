"""Lifecycle of a task: `plan` draws it once, `observe` gives its state at any instant."""

from evolink_contracts.spec.errors import FAILURES
from evolink_mock.core.billing import quote
from evolink_mock.core.choices import Choices
from evolink_mock.core.distribution import Distribution, sample_times
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.seed import Seed, task_random_units
from evolink_mock.core.task import NEVER, EarlyEnd, Failure, Plan, State, Task
from evolink_mock.core.validation import CreateRequest

_PENDING = State("pending", 0)
LINGERING = 95
"""Progress of a task that lingers before its end."""
CANCELLED = Failure("request_cancelled", FAILURES["request_cancelled"].message)


def plan(request: CreateRequest, distribution: Distribution, seed: Seed, n: int, choices: Choices) -> Plan:
    """Draw the plan of a world's n-th task."""
    starts, ends = sample_times(distribution, task_random_units(seed, n))
    video_duration = request.duration * SECOND
    units = quote(request, video_duration, choices)
    lingers = choices.progress == "lingers_at_95"
    return Plan(starts, ends, request.deferred_failure, video_duration, units, units, lingers=lingers)


def state_of(task: Task, now: Micros) -> State:
    """The state of a task at an instant."""
    return observe(task.plan, now - task.created, task.early_ends, task.query_count)


def observe(plan: Plan, elapsed: Micros, early_ends: tuple[EarlyEnd, ...] = (), query_count: int = 0) -> State:
    """The state of a task `elapsed` microseconds after its creation, after `query_count` queries.

    Progress never falls before the end, is 100 only on completion, and on failure stays as reached (whether that is
    shown is the setting `failed_progress`).
    """
    for end in early_ends:
        if end.at <= elapsed and end.at < plan.ends:
            return _ended(end, _progress(plan, end.at), plan.cancelled)
    if plan.queries_to_end:
        pending_queries = 1 if plan.queries_to_end > 2 else 0
        return (
            _PENDING if query_count <= pending_queries else State("processing", _progress_by_queries(plan, query_count))
        )
    if elapsed < plan.starts:
        return _PENDING
    if elapsed < plan.ends:
        return State("processing", _progress(plan, elapsed))
    if plan.failure is None:
        return State("completed", 100, None, plan.ends)
    last = LINGERING if plan.lingers and not plan.tail_at_99 else 99
    return State("failed", last, plan.failure, plan.ends, plan.cancelled)


def next_transition(plan: Plan, elapsed: Micros) -> Micros | None:
    """The next change of status, counted from creation; `None` after the end, and where it never comes."""
    following = plan.starts if elapsed < plan.starts else plan.ends
    return following if elapsed < following < NEVER else None


def lingering_from(plan: Plan) -> Micros:
    """The instant at which a plan that lingers reaches 95 %, counted from creation."""
    return plan.starts + (plan.ends - plan.tail_at_99 - plan.starts) // 2


def _progress(plan: Plan, elapsed: Micros) -> int:
    if elapsed < plan.starts:
        return 0
    full = plan.ends - plan.tail_at_99
    if elapsed >= full:
        return 99
    last, reached = (LINGERING, lingering_from(plan)) if plan.lingers else (99, full)
    return 1 + (last - 1) * min(elapsed - plan.starts, reached - plan.starts) // max(reached - plan.starts, 1)


def _progress_by_queries(plan: Plan, query_count: int) -> int:
    if plan.lingers:
        return min(2 * LINGERING * query_count // plan.queries_to_end, LINGERING)
    return min(99 * query_count // plan.queries_to_end, 99)


def _ended(end: EarlyEnd, progress: int, cancelled: bool) -> State:
    if end.kind == "cancelled":
        return State("cancelled", progress, CANCELLED, end.at)
    if end.failure is None:
        return State("completed", 100, None, end.at)
    return State("failed", progress, end.failure, end.at, cancelled and end.kind == "read")
