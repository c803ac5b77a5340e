"""What to do, as generators without I/O: they yield a request to send or a pause to make, and are driven by a shell."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote

from evolink_client._answers import Answer, read, refusal
from evolink_client._clock import Clock
from evolink_client._errors import (
    ApiError,
    ConnectionFailed,
    EvolinkError,
    NotConfigured,
    TaskCancelled,
    TaskFailed,
    WaitTimedOut,
)
from evolink_client._models import CreditsReport, Seconds, Task, read_credits, read_task

Value = TypeVar("Value")


class Request(NamedTuple):
    """To be sent within `timeout` seconds."""

    method: str
    path: str
    content: bytes | None
    headers: Mapping[str, str]
    timeout: Seconds


class Pause(NamedTuple):
    """To be made."""

    seconds: Seconds


Step: TypeAlias = Request | Pause
Outcome: TypeAlias = Answer | ConnectionFailed | None
"""Of a request its answer, or why there is none; of a pause nothing."""
Flow: TypeAlias = Generator[Step, Outcome, Value]


_SHORTEST: Seconds = 0.001


def _at_least(least: float, **given: float) -> None:
    for name, value in given.items():
        if not value >= least:
            raise NotConfigured(f"{name} must be at least {least:g}; got {value!r}")


@dataclass(frozen=True)
class Retries:
    """Reads are sent again after connection errors, 429 and 5xx; creates only with a key, and where that is wished.

    The pause before the n-th is drawn evenly from 0 to `first` × 2ⁿ⁻¹ seconds, at most `longest`; `Retry-After` is
    waited for instead. No request begins after `deadline` seconds in all, and none takes longer than `timeout`.
    """

    attempts: int = 4
    first: Seconds = 0.5
    longest: Seconds = 8.0
    timeout: Seconds = 30.0
    deadline: Seconds = 120.0

    def __post_init__(self) -> None:
        _at_least(1, attempts=self.attempts)
        _at_least(0, first=self.first, longest=self.longest)
        _at_least(_SHORTEST, timeout=self.timeout, deadline=self.deadline)


@dataclass(frozen=True)
class Polling:
    """A first look after `first` seconds, then ever longer steps, up to `longest`.

    When the time to wait is over, a last look is made, which may take `last` seconds.
    """

    first: Seconds = 1.0
    growth: float = 1.6
    longest: Seconds = 8.0
    last: Seconds = 5.0

    def __post_init__(self) -> None:
        # Steps of no length would ask without a pause.
        _at_least(_SHORTEST, first=self.first, longest=self.longest, last=self.last)
        _at_least(1, growth=self.growth)


_RUNNING = "paid_outcome_unknown"
"""The create that has this idempotency key is still being carried out (the vendor's own client)."""


def send(request: Request, retries: Retries, clock: Clock, *, again: bool) -> Flow[Answer]:
    """A 200, after as many attempts as that takes. Raises `ConnectionFailed`, `ApiError`, `UnexpectedAnswer`."""
    began = clock.now()
    made = 0
    while True:
        made += 1
        left = retries.deadline - (clock.now() - began)
        outcome = yield request._replace(timeout=min(retries.timeout, max(left, 0.001)))
        if isinstance(outcome, Answer) and outcome.status == 200:
            return outcome
        assert outcome is not None
        error = outcome if isinstance(outcome, ConnectionFailed) else refusal(outcome, clock.unix())
        pause = _pause(error, made, retries, clock)
        left = retries.deadline - (clock.now() - began)
        if not again or not _passing(error) or made >= retries.attempts or pause >= left:
            raise error
        yield Pause(pause)


def _passing(error: EvolinkError) -> bool:
    """Whether the same request may fare better later."""
    if isinstance(error, ApiError):
        return error.status == 429 or error.status >= 500 or error.code == _RUNNING
    return isinstance(error, ConnectionFailed)


def _pause(error: EvolinkError, made: int, retries: Retries, clock: Clock) -> Seconds:
    if isinstance(error, ApiError) and error.retry_after is not None:
        return error.retry_after
    return min(retries.first * 2.0 ** (made - 1), retries.longest) * clock.luck()


def create(body: bytes, key: str | None, retries: Retries, clock: Clock, *, again: bool) -> Flow[Task]:
    """A new task, or the one that the idempotency key made before."""
    headers = {} if key is None else {"Idempotency-Key": key}
    request = Request("POST", "/v1/videos/generations", body, headers, 0)
    answer = yield from send(request, retries, clock, again=again and key is not None)
    replayed = answer.headers.get("idempotency-replayed", "").lower() == "true"
    return read(answer, partial(read_task, request_id=answer.request_id, replayed=replayed), clock.unix())


def get(task_id: str, retries: Retries, clock: Clock) -> Flow[Task]:
    """A task as it is now."""
    path = f"/v1/tasks/{quote(task_id, safe='', errors='replace')}"
    answer = yield from send(Request("GET", path, None, {}, 0), retries, clock, again=True)
    return read(answer, partial(read_task, request_id=answer.request_id), clock.unix())


def credits_report(retries: Retries, clock: Clock) -> Flow[CreditsReport]:
    """Where the credits stand."""
    answer = yield from send(Request("GET", "/v1/credits", None, {}, 0), retries, clock, again=True)
    return read(answer, read_credits, clock.unix())


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
            if task is None or not _passing(error):
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
