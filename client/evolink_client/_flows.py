"""API calls as generators without I/O: they yield the requests to send and the pauses to make."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote

from evolink_client._answers import Answer, read, refusal
from evolink_client._clock import Clock
from evolink_client._errors import ApiError, ConnectionFailed, EvolinkError, NotConfigured
from evolink_client._models import CreditsReport, Seconds, Task, read_credits, read_task

Value = TypeVar("Value")


class Request(NamedTuple):
    """A request, to be answered within `timeout` seconds."""

    method: str
    path: str
    content: bytes | None
    headers: Mapping[str, str]
    timeout: Seconds


class Pause(NamedTuple):
    """A pause before the next step."""

    seconds: Seconds


Step: TypeAlias = Request | Pause
Outcome: TypeAlias = Answer | ConnectionFailed | None
"""The response to a request or the error instead of one; `None` after a pause."""
Flow: TypeAlias = Generator[Step, Outcome, Value]

SHORTEST: Seconds = 0.001
"""The least value of times that must not be zero."""


def at_least(least: float, **given: float) -> None:
    """Raises `NotConfigured` for the first value below `least`."""
    for name, value in given.items():
        if not value >= least:
            raise NotConfigured(f"{name} must be at least {least:g}; got {value!r}")


@dataclass(frozen=True)
class Retries:
    """Retry policy: reads are retried after connection errors, 429 and 5xx; creates only with `retry_creates=True`.

    A request is sent at most `attempts` times. The pause before the n-th retry is drawn uniformly from 0 to
    `first` × 2ⁿ⁻¹ seconds, at most `longest` (full jitter); a `Retry-After` header replaces it. No attempt starts after
    `deadline` seconds, and none takes longer than `timeout`, whatever the server sends. Raises `NotConfigured`.
    """

    attempts: int = 4
    first: Seconds = 0.5
    longest: Seconds = 8.0
    timeout: Seconds = 30.0
    deadline: Seconds = 120.0

    def __post_init__(self) -> None:
        at_least(1, attempts=self.attempts)
        at_least(0, first=self.first, longest=self.longest)
        at_least(SHORTEST, timeout=self.timeout, deadline=self.deadline)


_RUNNING = "paid_outcome_unknown"
"""The code for a create whose idempotency key belongs to a request still in progress (the vendor's own client)."""


def send(request: Request, retries: Retries, clock: Clock, *, again: bool) -> Flow[Answer]:
    """A 200, after retries if they are needed. Raises `ConnectionFailed`, `ApiError`, `UnexpectedAnswer`."""
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
        if not again or not passing(error) or made >= retries.attempts or pause >= left:
            raise error
        yield Pause(pause)


def passing(error: EvolinkError) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, ApiError):
        return error.status == 429 or error.status >= 500 or error.code == _RUNNING
    return isinstance(error, ConnectionFailed)


def _pause(error: EvolinkError, made: int, retries: Retries, clock: Clock) -> Seconds:
    if isinstance(error, ApiError) and error.retry_after is not None:
        return error.retry_after
    return min(retries.first * 2.0 ** (made - 1), retries.longest) * clock.luck()


def create(body: bytes, key: str | None, retries: Retries, clock: Clock, *, again: bool) -> Flow[Task]:
    """A new task, or the one created earlier with the same idempotency key."""
    headers = {} if key is None else {"Idempotency-Key": key}
    request = Request("POST", "/v1/videos/generations", body, headers, 0)
    answer = yield from send(request, retries, clock, again=again and key is not None)
    replayed = answer.headers.get("idempotency-replayed", "").lower() == "true"
    return read(answer, partial(read_task, request_id=answer.request_id, replayed=replayed), clock.unix())


def get(task_id: str, retries: Retries, clock: Clock) -> Flow[Task]:
    """The current state of a task."""
    path = f"/v1/tasks/{quote(task_id, safe='', errors='replace')}"
    answer = yield from send(Request("GET", path, None, {}, 0), retries, clock, again=True)
    return read(answer, partial(read_task, request_id=answer.request_id), clock.unix())


def credits_report(retries: Retries, clock: Clock) -> Flow[CreditsReport]:
    """The remaining and used credits."""
    answer = yield from send(Request("GET", "/v1/credits", None, {}, 0), retries, clock, again=True)
    return read(answer, read_credits, clock.unix())
