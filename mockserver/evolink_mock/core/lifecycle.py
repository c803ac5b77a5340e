"""The whole life of a task as two functions: `plan` draws it once, `observe` reads it at any moment."""

from evolink_contracts.spec.errors import FAILURES
from evolink_mock.core.billing import quote
from evolink_mock.core.choices import Choices
from evolink_mock.core.distribution import Distribution, sample_times
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.seed import Seed, task_random_units
from evolink_mock.core.task import NEVER, EarlyEnd, Failure, Plan, State, Task
from evolink_mock.core.validation import CreateRequest

_PENDING = State("pending", 0)
CANCELLED = Failure("request_cancelled", FAILURES["request_cancelled"].message)


def plan(request: CreateRequest, law: Distribution, seed: Seed, n: int, choices: Choices) -> Plan:
    """Draw the plan of a world's n-th task."""
    starts, ends = sample_times(law, task_random_units(seed, n))
    units = quote(request, request.duration, choices)
    return Plan(starts, ends, request.deferred_failure, request.duration * SECOND, units, units)


def state_of(task: Task, now: Micros) -> State:
    """The state of a task at an instant."""
    return observe(task.plan, now - task.created, task.early_ends, task.query_count)


def observe(plan: Plan, elapsed: Micros, events: tuple[EarlyEnd, ...] = (), reads: int = 0) -> State:
    """The state of a task `elapsed` microseconds after its creation, when it had been read so often.

    Progress never falls before the end, is 100 only on completion, and on failure is what had been reached (whether
    that is shown is the setting `failed_progress`).
    """
    for event in events:
        if event.at <= elapsed and event.at < plan.ends:
            return _ended(event, _progress(plan, event.at), plan.cancelled)
    if plan.queries_to_end:
        pending_reads = 1 if plan.queries_to_end > 2 else 0
        return _PENDING if reads <= pending_reads else State("processing", min(99 * reads // plan.queries_to_end, 99))
    if elapsed < plan.starts:
        return _PENDING
    if elapsed < plan.ends:
        return State("processing", _progress(plan, elapsed))
    if plan.failure is None:
        return State("completed", 100, None, plan.ends)
    return State("failed", 99, plan.failure, plan.ends, plan.cancelled)


def next_transition(plan: Plan, elapsed: Micros) -> Micros | None:
    """When the status changes next of itself, counted from creation; `None` after the end, and where it never does."""
    following = plan.starts if elapsed < plan.starts else plan.ends
    return following if elapsed < following < NEVER else None


def _progress(plan: Plan, elapsed: Micros) -> int:
    if elapsed < plan.starts:
        return 0
    full = plan.ends - plan.tail_at_99
    return 1 + 98 * min(elapsed - plan.starts, full - plan.starts) // max(full - plan.starts, 1)


def _ended(event: EarlyEnd, progress: int, cancelled: bool) -> State:
    if event.kind == "cancelled":
        return State("cancelled", progress, CANCELLED, event.at)
    if event.failure is None:
        return State("completed", 100, None, event.at)
    return State("failed", progress, event.failure, event.at, cancelled and event.kind == "read")
