"""Check of a receiver of callbacks: sends it the requests of every promise, and judges its answers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from evolink_contracts.reference.errors import NoResponse
from evolink_contracts.runs.receiver_promises import PROMISES, UNKNOWN_ID, ReceiverPromise, ReceiverRequest
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS as POLICY
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.target.transports import Transport
from evolink_contracts.target.wall_clock import WallClock


class ReceiverAnswer(NamedTuple):
    """The answer to one request: a status, or the reason why there is none."""

    request: ReceiverRequest
    status: int | None
    took: Seconds
    reason: str = ""


class ReceiverJudgement(NamedTuple):
    """A promise of a receiver, and how it was broken."""

    promise: ReceiverPromise
    problems: tuple[str, ...]

    @property
    def held(self) -> bool:
        return not self.problems


def check_receiver(
    transport: Transport, path: str, task: str = UNKNOWN_ID, wall: WallClock | None = None
) -> Iterator[ReceiverJudgement]:
    """Judge every promise. `task` is an id that the receiver knows, if it accepts no other."""
    clock = wall or WallClock()

    def send(request: ReceiverRequest) -> ReceiverAnswer:
        began = clock.now()
        try:
            status, reason = transport.send(request.method, path, request.headers, request.content).status, ""
        except NoResponse as error:
            status, reason = None, str(error)
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
    shown = answer.request.content[:100].decode("utf-8", "replace")
    if answer.status is None:
        return f"{answer.reason}; it was sent {shown}"
    if answer.took > POLICY.timeout:
        return f"it took {answer.took:.1f} s to answer {answer.status}, and {POLICY.timeout:g} s are all it has"
    return "" if promise.allows(answer.status) else f"it answered {answer.status} to {shown}"
