"""Check of a receiver of callbacks: sends it the requests of every promise, and checks its answers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from evolink_contracts.reference.errors import NoResponse
from evolink_contracts.runs.receiver_promises import PROMISES, UNKNOWN_ID, ReceiverPromise, ReceiverRequest
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS as POLICY
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.target.transports import Transport
from evolink_contracts.target.wall_clock import WallClock

_EXCERPT = 100


class ReceiverAnswer(NamedTuple):
    """The answer to one request: a status, or the reason why there is none."""

    request: ReceiverRequest
    status: int | None
    took: Seconds
    reason: str = ""


class ReceiverJudgement(NamedTuple):
    """A promise of a receiver, and why it failed."""

    promise: ReceiverPromise
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.problems


def check_receiver(
    transport: Transport, path: str, task: str = UNKNOWN_ID, wall: WallClock | None = None
) -> Iterator[ReceiverJudgement]:
    """Check every promise. `task` is an id that the receiver knows, if it accepts no other."""
    clock = wall or WallClock()

    def send(request: ReceiverRequest) -> ReceiverAnswer:
        began = clock.now()
        try:
            status, reason = transport.send(request.method, path, request.headers, request.content).status, ""
        except NoResponse as error:
            status, reason = None, error.why
        return ReceiverAnswer(request, status, clock.now() - began, reason)

    for promise in PROMISES:
        requests = promise.requests(task)
        if promise.at_once:
            with ThreadPoolExecutor(len(requests)) as pool:
                answers = list(pool.map(send, requests))
        else:
            answers = [send(request) for request in requests]
        problems = filter(None, (_problem(promise, answer) for answer in answers))
        yield ReceiverJudgement(promise, tuple(dict.fromkeys(problems)))


def _problem(promise: ReceiverPromise, answer: ReceiverAnswer) -> str:
    sent = _describe(answer.request)
    if answer.status is None:
        return f"it gave no answer to {sent}: {answer.reason}"
    if answer.took > POLICY.timeout:
        return f"it took {answer.took:.1f} s to answer {answer.status} to {sent}; the limit is {POLICY.timeout:g} s"
    if promise.expected.allows(answer.status):
        return ""
    return f"it answered {answer.status} to {sent}; {promise.expected.description} was expected"


def _describe(request: ReceiverRequest) -> str:
    """The method of a request and the beginning of its body."""
    if request.method != "POST":
        return f"a {request.method}"
    if not request.content:
        return "a POST without a body"
    excerpt = request.content[:_EXCERPT]
    try:
        shown = repr(excerpt.decode("utf-8"))
    except UnicodeDecodeError:
        shown = repr(excerpt)
    return f"a POST of {shown}{'…' if len(request.content) > _EXCERPT else ''}"
