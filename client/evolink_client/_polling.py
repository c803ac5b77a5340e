"""Polling: a flow that queries a task until it has ended."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from evolink_client._clock import Clock
from evolink_client._errors import ApiError, ConnectionFailed, TaskCancelled, TaskFailed, WaitTimedOut
from evolink_client._flows import SHORTEST, Flow, Outcome, Pause, Retries, at_least, get, passing
from evolink_client._models import Seconds, Task


@dataclass(frozen=True)
class Polling:
    """Polling intervals: `first` seconds, then longer by the factor `growth` each time, up to `longest` seconds.

    When the time-out is reached, a last query is made, which may take `last` seconds. Raises `NotConfigured`.
    """

    first: Seconds = 1.0
    growth: float = 1.6
    longest: Seconds = 8.0
    last: Seconds = 5.0

    def __post_init__(self) -> None:
        # Intervals of zero would send queries without a pause.
        at_least(SHORTEST, first=self.first, longest=self.longest, last=self.last)
        at_least(1, growth=self.growth)


def wait(
    task_id: str,
    timeout: Seconds,
    polling: Polling,
    retries: Retries,
    clock: Clock,
    seen: Callable[[Task], None] | None = None,
    heard: Callable[[], Task | None] | None = None,
) -> Flow[Task]:
    """The completed task. Raises `TaskFailed` for any other end, and `WaitTimedOut` if it does not end in time.

    Raises `NotConfigured` for a time-out below zero.
    """
    at_least(0, timeout=timeout)
    looking = _poll(task_id, timeout, polling, retries, clock, seen)
    task = yield from (looking if heard is None else _first(looking, heard))
    if seen is not None:
        seen(task)
    if task.succeeded:
        return task
    raise TaskFailed(task) if task.status == "failed" and not _cancelled(task) else TaskCancelled(task)


def _first(looking: Flow[Task], heard: Callable[[], Task | None]) -> Flow[Task]:
    """The ended task, found by polling or reported by a callback, whichever comes first."""
    outcome: Outcome = None
    while (task := heard()) is None:
        try:
            step = looking.send(outcome)
        except StopIteration as end:
            found: Task = end.value
            return found
        outcome = yield step
    looking.close()
    return task


def _poll(
    task_id: str,
    timeout: Seconds,
    polling: Polling,
    retries: Retries,
    clock: Clock,
    seen: Callable[[Task], None] | None,
) -> Flow[Task]:
    """The ended task. After the first successful query, temporary errors do not end the polling."""
    until = clock.now() + timeout
    step = polling.first
    task: Task | None = None
    while True:
        left = until - clock.now()
        yield Pause(max(min(step, left), 0))
        trouble = None
        try:
            task = yield from get(task_id, _within(retries, max(until - clock.now(), polling.last)), clock)
        except (ApiError, ConnectionFailed) as error:
            if task is None or not passing(error):
                raise
            trouble = error
        else:
            if task.ended:
                return task
            if seen is not None:
                seen(task)
        if left <= step or clock.now() >= until:
            raise WaitTimedOut(task, timeout) from trouble
        step = min(step * polling.growth, polling.longest)


def _within(retries: Retries, deadline: Seconds) -> Retries:
    return replace(retries, deadline=min(retries.deadline, deadline))


def _cancelled(task: Task) -> bool:
    return task.error is not None and task.error.code == "request_cancelled"
