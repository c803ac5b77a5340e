"""Deliveries of callbacks: their attempts, the retry policy applied to them, and their description in words."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from evolink_contracts.spec.timing import CallbackPolicy
from evolink_mock.core.duration import SECOND, Micros

USER_AGENT = "evolink-mock"
"""`User-Agent` of every outgoing request. No source documents that of the real service."""

_HEADERS = MappingProxyType({"Content-Type": "application/json", "User-Agent": USER_AGENT})

Stage: TypeAlias = Literal["queued", "delivered", "exhausted", "unrouted", "forbidden", "lost"]
"""`unrouted`: no route leads there. `forbidden`: production would not call this URL. `lost`: a scenario dropped it, or
the emulator failed to send it."""
DEAD: tuple[Stage, ...] = ("exhausted", "unrouted", "forbidden", "lost")
"""Final stages without a successful response of the receiver."""

Origin: TypeAlias = Literal["ended", "duplicate", "replay", "resend"]
"""Cause of a delivery: its task ended, a scenario duplicates it, or a control call repeats it, as it was or changed."""

ReleaseCondition: TypeAlias = Literal["", "next", "read"]
"""Event that releases a delivery before it is due: the callback of a later task is sent, or a query sees the end."""

AttemptError: TypeAlias = Literal[
    "timeout", "refused", "unreachable", "dns", "tls", "reset", "empty", "truncated", "not_http", "blocked", "crashed"
]
ATTEMPT_ERRORS: dict[AttemptError, str] = {
    "timeout": "did not respond in time",
    "refused": "refused the connection",
    "unreachable": "could not be reached",
    "dns": "has a name that does not resolve",
    "tls": "failed the TLS handshake",
    "reset": "reset the connection",
    "empty": "closed the connection without a response",
    "truncated": "closed the connection within its status line",
    "not_http": "sent a response that is not HTTP",
    "blocked": "resolves to an internal address, to which production sends nothing",
    "crashed": "raised an exception in this process",
}
"""Each class of failure without a status, as the end of a sentence that begins with the receiver."""


class AttemptResult(NamedTuple):
    """Result of one attempt: the status of a response, or the error that prevented one."""

    status: int | None = None
    error: AttemptError | None = None
    detail: str = ""
    """The transport's own words for an error, or about a response."""
    excerpt: str = ""
    """The beginning of the response's body."""
    latency: Micros = 0
    """Wall time, whatever the world's clock shows."""


class Attempt(NamedTuple):
    """One finished attempt, with instants of the world's clock."""

    due: Micros
    started: Micros
    finished: Micros
    target: str
    result: AttemptResult
    next_due: Micros | None = None


class Delivery(NamedTuple):
    """A callback with all attempts so far; `due` is the instant of the next, `started` that of the one under way."""

    task: str
    origin: Origin
    queued: Micros
    stage: Stage = "queued"
    due: Micros | None = None
    started: Micros | None = None
    attempts: tuple[Attempt, ...] = ()
    note: str = ""
    """Reason why it is `unrouted`, `forbidden` or `lost`, or the effect of a scenario; in words."""
    body: bytes | None = None
    """Body that is sent instead of the task's."""
    of: int | None = None
    """Number of the delivery that is repeated."""
    hold: ReleaseCondition = ""

    @property
    def ended(self) -> bool:
        return self.stage != "queued"

    @property
    def stage_now(self) -> Stage | Literal["in_flight"]:
        """The stage, or `in_flight` during an attempt."""
        return self.stage if self.started is None else "in_flight"


class DeliveryTally:
    """Numbers of deliveries by stage, and of their attempts by result."""

    def __init__(self) -> None:
        self.stages: Counter[str] = Counter()
        self.results: Counter[str] = Counter()

    def add(self, delivery: Delivery) -> None:
        self.stages[delivery.stage_now] += 1
        self.results.update(result_name(attempt.result) for attempt in delivery.attempts)


def result_name(result: AttemptResult) -> str:
    """The status of the receiver's response, or the error in its place."""
    return result.error or str(result.status)


def attempt_headers() -> Mapping[str, str]:
    """The headers of every attempt, beside those that a transport adds for HTTP itself."""
    return _HEADERS


def timed_out(policy: CallbackPolicy) -> AttemptResult:
    """The result of an attempt that takes longer than the policy allows."""
    detail = f"no response within {policy.timeout:g} s"
    return AttemptResult(error="timeout", detail=detail, latency=round(policy.timeout * SECOND))


def finished_at(mode: str, started: Micros, now: Micros, result: AttemptResult, policy: CallbackPolicy) -> Micros:
    """The end of an attempt that began at `started`, on the world's clock.

    The network knows wall time only. So on every clock but a real one, an attempt that timed out took exactly the
    limit, and any other took no time.
    """
    if mode == "real":
        return max(now, started)
    return started + (round(policy.timeout * SECOND) if result.error == "timeout" else 0)


def record_attempt(
    delivery: Delivery, target: str, started: Micros, finished: Micros, result: AttemptResult, policy: CallbackPolicy
) -> Delivery:
    """The delivery after an attempt: delivered, to be tried again after the policy's gap, or exhausted."""
    made = len(delivery.attempts) + 1
    due = None
    if result.status is not None and result.status in policy.success:
        stage: Stage = "delivered"
    elif made >= policy.max_attempts:
        stage = "exhausted"
    else:
        stage, due = "queued", finished + round(policy.gaps[made - 1] * SECOND)
    was_due = started if delivery.due is None else delivery.due
    attempts = (*delivery.attempts, Attempt(was_due, started, finished, target, result, due))
    # Not `_replace`, which takes longer than all the rest.
    task, origin, queued, _, _, _, _, note, body, of, _ = delivery
    return Delivery(task, origin, queued, stage, due, None, attempts, note, body, of)


def attempt_reason(delivery: Delivery, number: int, policy: CallbackPolicy) -> str:
    """The reason for an attempt, made or to come; `number` counts from 1."""
    if number > 1:
        gap = policy.gaps[min(number - 2, len(policy.gaps) - 1)]
        before = describe(delivery.attempts[number - 2].result)
        return f"attempt {number - 1}: the receiver {before}; attempt {number} follows {gap:g} s after that failure"
    match delivery.origin:
        case "ended":
            reason = "the task ended"
        case "duplicate":
            reason = "the scenario delivery=duplicate sends the callback once more"
        case "replay":
            reason = f"delivery {delivery.of} was replayed by a control call"
        case "resend":
            reason = f"delivery {delivery.of} was sent again by a control call, with a changed body"
    return f"{reason}; {delivery.note}" if delivery.note else reason


def delivery_summary(delivery: Delivery, policy: CallbackPolicy) -> str:
    """The present stage of a delivery, in words."""
    made = len(delivery.attempts)
    last = f"attempt {made}: the receiver {describe(delivery.attempts[-1].result)}" if made else ""
    match delivery.stage:
        case "queued" if delivery.started is not None:
            return f"attempt {made + 1} of {policy.max_attempts} is in flight"
        case "queued":
            return (
                attempt_reason(delivery, made + 1, policy)
                if made
                else f"waiting for its first attempt: {attempt_reason(delivery, 1, policy)}"
            )
        case "delivered":
            return last
        case "exhausted":
            return f"{last}; all {policy.max_attempts} attempts were made"
        case "unrouted" | "forbidden" | "lost":
            return delivery.note


def describe(result: AttemptResult) -> str:
    """A result as the end of a sentence that begins with the receiver."""
    if result.error is None:
        return f"answered {result.status}"
    return ATTEMPT_ERRORS[result.error]
