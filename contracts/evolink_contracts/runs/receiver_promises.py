"""Promises of a receiver of callbacks: each with the requests that test it, and the statuses that keep it."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from evolink_contracts.spec.errors import TASK_ERROR_TYPE
from evolink_contracts.spec.examples import EXAMPLE_CREATED, EXAMPLE_MODEL
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS as POLICY
from evolink_contracts.spec.wire import TASK_ID_PREFIX, TASK_OBJECT

Body: TypeAlias = dict[str, Any]
UNKNOWN_ID = f"{TASK_ID_PREFIX}{EXAMPLE_CREATED}-zzzzzzzz"
_JSON = {"content-type": "application/json"}


class ReceiverRequest(NamedTuple):
    """One request to the receiver."""

    content: bytes
    method: str = "POST"
    headers: Mapping[str, str] = _JSON


class ReceiverPromise(NamedTuple):
    """One promise of a receiver. `requests` makes the requests about a task; `at_once` sends them at the same time."""

    number: str
    statement: str
    requests: Callable[[str], list[ReceiverRequest]]
    allows: Callable[[int], bool]
    at_once: bool = False


def completed(task: str) -> Body:
    """The body of the callback of a completed task, as documented."""
    return {
        "created": EXAMPLE_CREATED,
        "id": task,
        "model": EXAMPLE_MODEL,
        "object": TASK_OBJECT,
        "progress": 100,
        "results": ["https://media.evolink.ai/v.mp4"],
        "status": "completed",
        "task_info": {"can_cancel": False},
        "type": "video",
    }


def failed(task: str, code: str = "service_error", message: str = "Service error") -> Body:
    """The body of the callback of a failed task, as documented."""
    body = {name: value for name, value in completed(task).items() if name != "results"}
    error = {"code": code, "message": message, "type": TASK_ERROR_TYPE}
    return {**body, "status": "failed", "progress": 0, "error": error}


def _requests(*bodies: Body) -> list[ReceiverRequest]:
    return [ReceiverRequest(json.dumps(body).encode()) for body in bodies]


def _is_success(status: int) -> bool:
    return status in POLICY.success


def _is_answer(status: int) -> bool:
    return status < 500


def _is_refusal(status: int) -> bool:
    return 400 <= status < 500


_LONG = "x" * 64_000

PROMISES: tuple[ReceiverPromise, ...] = (
    ReceiverPromise("RC-001", "A completed task gets 2xx.", lambda task: _requests(completed(task)), _is_success),
    ReceiverPromise("RC-002", "A failed task gets 2xx.", lambda task: _requests(failed(task)), _is_success),
    ReceiverPromise(
        "RC-003",
        "A cancelled task gets 2xx, by its code or by its status.",
        lambda task: _requests(
            failed(task, "request_cancelled"), {**failed(task, "request_cancelled"), "status": "cancelled"}
        ),
        _is_success,
    ),
    ReceiverPromise(
        "RC-004", "The same callback again gets 2xx.", lambda task: _requests(*[completed(task)] * 3), _is_success
    ),
    ReceiverPromise(
        "RC-005",
        "The same callback ten times at once gets 2xx each time.",
        lambda task: _requests(*[completed(task)] * 10),
        _is_success,
        at_once=True,
    ),
    ReceiverPromise(
        "RC-006",
        "Another end after the first gets 2xx, so that it does not come for ever.",
        lambda task: _requests(completed(task), failed(task), completed(task)),
        _is_success,
    ),
    ReceiverPromise(
        "RC-007",
        "A task that is not known, or not yet, makes it answer, and not fail.",
        lambda task: _requests(completed(UNKNOWN_ID), failed(UNKNOWN_ID)),
        _is_answer,
    ),
    ReceiverPromise(
        "RC-008",
        "Fields that it does not know are ignored.",
        lambda task: _requests({**completed(task), "usage": {"credits_used": 6.12}, "surprise": [{"deep": None}]}),
        _is_success,
    ),
    ReceiverPromise(
        "RC-009",
        "A failure code that it does not know gets 2xx, since upstream ones pass through.",
        lambda task: _requests(failed(task, "InvalidParameter.TaskTypeConstraint")),
        _is_success,
    ),
    ReceiverPromise(
        "RC-010",
        "A very long error message gets 2xx.",
        lambda task: _requests(failed(task, message=_LONG)),
        _is_success,
    ),
    ReceiverPromise(
        "RC-011",
        "A failure without an error gets 2xx, as one source shows it.",
        lambda task: _requests({name: value for name, value in failed(task).items() if name != "error"}),
        _is_success,
    ),
    ReceiverPromise(
        "RC-012",
        "A status that it does not know makes it answer, and not fail.",
        lambda task: _requests({**completed(task), "status": "archived"}),
        _is_answer,
    ),
    ReceiverPromise("RC-013", "A GET is refused.", lambda task: [ReceiverRequest(b"", "GET", {})], _is_refusal),
    ReceiverPromise(
        "RC-014",
        "Another content type makes it answer, and not fail.",
        lambda task: [ReceiverRequest(json.dumps(completed(task)).encode(), headers={"content-type": "text/plain"})],
        _is_answer,
    ),
    ReceiverPromise(
        "RC-015",
        "What is no callback is refused.",
        lambda task: [
            ReceiverRequest(b""),
            ReceiverRequest(b"{"),
            ReceiverRequest(b"[]"),
            ReceiverRequest(b"{}"),
            ReceiverRequest(b"\xff\xfe"),
        ],
        _is_refusal,
    ),
)
