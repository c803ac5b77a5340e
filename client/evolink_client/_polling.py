"""Waiting for the end of a task, as a flow: when to look, what to outlast, and what ends it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from evolink_client._clock import Clock
from evolink_client._errors import ApiError, ConnectionFailed, TaskCancelled, TaskFailed, WaitTimedOut
from evolink_client._flows import SHORTEST, Flow, Outcome, Pause, Retries, at_least, get, passing
from evolink_client._models import Seconds, Task


@dataclass(frozen=True)
class Polling:
    """A first look after `first` seconds, then steps that grow by the factor `growth`, up to `longest` seconds.

    When the time to wait is over, a last look is made, which may take `last` seconds. Raises `NotConfigured`.
    """

    first: Seconds = 1.0
    growth: float = 1.6
    longest: Seconds = 8.0
    last: Seconds = 5.0

    def __post_init__(self) -> None:
        # Steps of no length would ask without a pause.
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
    """A completed task. Raises `TaskFailed` for any other end, `WaitTimedOut` where none comes in time."""
    looking = _poll(task_id, timeout, polling, retries, clock, seen)
    task = yield from (looking if heard is None else _first(looking, heard))
    if seen is not None:
        seen(task)
    if task.succeeded:
        return task
    raise TaskFailed(task) if task.status == "failed" and not _cancelled(task) else TaskCancelled(task)


def _first(looking: Flow[Task], heard: Callable[[], Task | None]) -> Flow[Task]:
    """The end that is found by looking or the one that was heard of, whichever comes first."""
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
    """A task that has ended. Once it was seen, trouble that may pass is outlasted."""
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
