"""What a receiver of callbacks promises: the other side of the contract, checked by sending it what may come."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeAlias

from evolink_contracts.spec.timing import EVOLINK_CALLBACKS as POLICY
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.target.transports import Carrier, NoReply
from evolink_contracts.target.wall_clock import Wall

Body: TypeAlias = dict[str, Any]
UNKNOWN_ID = "task-unified-1757169743-zzzzzzzz"
_JSON = {"content-type": "application/json"}


class Posting(NamedTuple):
    """One request to the receiver."""

    content: bytes
    method: str = "POST"
    headers: Mapping[str, str] = _JSON


class Answered(NamedTuple):
    """What came of one: a status, or why there is none."""

    posting: Posting
    status: int | None
    took: Seconds
    why: str = ""


class Promise(NamedTuple):
    """One promise of a receiver. `at_once` sends everything at the same time."""

    number: str
    statement: str
    postings: Callable[[str], list[Posting]]
    allows: Callable[[int], bool]
    at_once: bool = False


class Verdict(NamedTuple):
    """Whether a promise held, and what was wrong if not."""

    promise: Promise
    broken: tuple[str, ...]

    @property
    def held(self) -> bool:
        return not self.broken


def completed(task: str) -> Body:
    """The body of a callback as the documents show it."""
    return {
        "created": 1757169743,
        "id": task,
        "model": "wan2.6-image-to-video-flash",
        "object": "video.generation.task",
        "progress": 100,
        "results": ["https://media.evolink.ai/v.mp4"],
        "status": "completed",
        "task_info": {"can_cancel": False},
        "type": "video",
    }


def failed(task: str, code: str = "service_error", message: str = "Service error") -> Body:
    body = {name: value for name, value in completed(task).items() if name != "results"}
    error = {"code": code, "message": message, "type": "task_error"}
    return {**body, "status": "failed", "progress": 0, "error": error}


def _post(*bodies: Body) -> list[Posting]:
    return [Posting(json.dumps(body).encode()) for body in bodies]


def _success(status: int) -> bool:
    return status in POLICY.success


def _no_crash(status: int) -> bool:
    return status < 500


def _refusal(status: int) -> bool:
    return 400 <= status < 500


_LONG = "x" * 64_000

PROMISES: tuple[Promise, ...] = (
    Promise("RC-001", "A completed task gets 2xx.", lambda task: _post(completed(task)), _success),
    Promise("RC-002", "A failed task gets 2xx.", lambda task: _post(failed(task)), _success),
    Promise(
        "RC-003",
        "A cancelled task gets 2xx, by its code or by its status.",
        lambda task: _post(
            failed(task, "request_cancelled"), {**failed(task, "request_cancelled"), "status": "cancelled"}
        ),
        _success,
    ),
    Promise("RC-004", "The same callback again gets 2xx.", lambda task: _post(*[completed(task)] * 3), _success),
    Promise(
        "RC-005",
        "The same callback ten times at once gets 2xx each time.",
        lambda task: _post(*[completed(task)] * 10),
        _success,
        at_once=True,
    ),
    Promise(
        "RC-006",
        "Another end after the first gets 2xx, so that it does not come for ever.",
        lambda task: _post(completed(task), failed(task), completed(task)),
        _success,
    ),
    Promise(
        "RC-007",
        "A task that is not known, or not yet, makes it answer, and not fail.",
        lambda task: _post(completed(UNKNOWN_ID), failed(UNKNOWN_ID)),
        _no_crash,
    ),
    Promise(
        "RC-008",
        "Fields that it does not know are ignored.",
        lambda task: _post({**completed(task), "usage": {"credits_used": 6.12}, "surprise": [{"deep": None}]}),
        _success,
    ),
    Promise(
        "RC-009",
        "A failure code that it does not know gets 2xx, since upstream ones pass through.",
        lambda task: _post(failed(task, "InvalidParameter.TaskTypeConstraint")),
        _success,
    ),
    Promise("RC-010", "A very long error message gets 2xx.", lambda task: _post(failed(task, message=_LONG)), _success),
    Promise(
        "RC-011",
        "A failure without an error gets 2xx, as one source shows it.",
        lambda task: _post({name: value for name, value in failed(task).items() if name != "error"}),
        _success,
    ),
    Promise(
        "RC-012",
        "A status that it does not know makes it answer, and not fail.",
        lambda task: _post({**completed(task), "status": "archived"}),
        _no_crash,
    ),
    Promise("RC-013", "A GET is refused.", lambda task: [Posting(b"", "GET", {})], _refusal),
    Promise(
        "RC-014",
        "Another content type makes it answer, and not fail.",
        lambda task: [Posting(json.dumps(completed(task)).encode(), headers={"content-type": "text/plain"})],
        _no_crash,
    ),
    Promise(
        "RC-015",
        "What is no callback is refused.",
        lambda task: [Posting(b""), Posting(b"{"), Posting(b"[]"), Posting(b"{}"), Posting(b"\xff\xfe")],
        _refusal,
    ),
)


def check_receiver(carrier: Carrier, path: str, task: str = UNKNOWN_ID, wall: Wall | None = None) -> Iterator[Verdict]:
    """Each promise with what came of it. `task` is an id that the receiver knows, if it wants to know them."""
    clock = wall or Wall()

    def send(posting: Posting) -> Answered:
        began = clock.now()
        try:
            status, why = carrier.send(posting.method, path, posting.headers, posting.content).status, ""
        except NoReply as error:
            status, why = None, str(error)
        return Answered(posting, status, clock.now() - began, why)

    for promise in PROMISES:
        postings = promise.postings(task)
        if promise.at_once:
            with ThreadPoolExecutor(len(postings)) as pool:
                answers = list(pool.map(send, postings))
        else:
            answers = [send(posting) for posting in postings]
        yield Verdict(promise, tuple(dict.fromkeys(filter(None, (_wrong(promise, each) for each in answers)))))


def _wrong(promise: Promise, answered: Answered) -> str:
    shown = answered.posting.content[:100].decode("utf-8", "replace")
    if answered.status is None:
        return f"{answered.why}; it was sent {shown}"
    if answered.took > POLICY.timeout:
        return f"it took {answered.took:.1f} s to answer {answered.status}, and {POLICY.timeout:g} s are all it has"
    return "" if promise.allows(answered.status) else f"it answered {answered.status} to {shown}"
