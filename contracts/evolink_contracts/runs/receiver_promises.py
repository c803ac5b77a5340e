"""Promises of a receiver of callbacks: each with the requests that test it, and the statuses that it expects."""

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


class Expected(NamedTuple):
    """The statuses that keep a promise."""

    description: str
    allows: Callable[[int], bool]


class ReceiverPromise(NamedTuple):
    """One promise of a receiver. `requests` makes the requests about a task; `at_once` sends them at the same time."""

    number: str
    statement: str
    requests: Callable[[str], list[ReceiverRequest]]
    expected: Expected
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


SUCCESS = Expected("2xx", lambda status: status in POLICY.success)
ANSWER = Expected("a status below 500", lambda status: status < 500)
REFUSAL = Expected("4xx", lambda status: 400 <= status < 500)

_LONG = "x" * 64_000

PROMISES: tuple[ReceiverPromise, ...] = (
    ReceiverPromise(
        "RC-001", "A callback of a completed task gets 2xx.", lambda task: _requests(completed(task)), SUCCESS
    ),
    ReceiverPromise("RC-002", "A callback of a failed task gets 2xx.", lambda task: _requests(failed(task)), SUCCESS),
    ReceiverPromise(
        "RC-003",
        "A callback of a cancelled task gets 2xx, whether its error code or its status shows it.",
        lambda task: _requests(
            failed(task, "request_cancelled"), {**failed(task, "request_cancelled"), "status": "cancelled"}
        ),
        SUCCESS,
    ),
    ReceiverPromise("RC-004", "A repeated callback gets 2xx.", lambda task: _requests(*[completed(task)] * 3), SUCCESS),
    ReceiverPromise(
        "RC-005",
        "A callback that arrives ten times at once gets 2xx each time.",
        lambda task: _requests(*[completed(task)] * 10),
        SUCCESS,
        at_once=True,
    ),
    ReceiverPromise(
        "RC-006",
        "A second callback with another terminal state gets 2xx, so that it is not retried.",
        lambda task: _requests(completed(task), failed(task), completed(task)),
        SUCCESS,
    ),
    ReceiverPromise(
        "RC-007",
        "A callback of an unknown task, or of one that is not known yet, gets a status below 500.",
        lambda task: _requests(completed(UNKNOWN_ID), failed(UNKNOWN_ID)),
        ANSWER,
    ),
    ReceiverPromise(
        "RC-008",
        "Unknown fields are ignored.",
        lambda task: _requests({**completed(task), "usage": {"credits_used": 6.12}, "surprise": [{"deep": None}]}),
        SUCCESS,
    ),
    ReceiverPromise(
        "RC-009",
        "A callback with an unknown failure code gets 2xx, since upstream codes are passed on.",
        lambda task: _requests(failed(task, "InvalidParameter.TaskTypeConstraint")),
        SUCCESS,
    ),
    ReceiverPromise(
        "RC-010",
        "A callback with a very long error message gets 2xx.",
        lambda task: _requests(failed(task, message=_LONG)),
        SUCCESS,
    ),
    ReceiverPromise(
        "RC-011",
        "A callback of a failed task without an error gets 2xx, since one source shows it.",
        lambda task: _requests({name: value for name, value in failed(task).items() if name != "error"}),
        SUCCESS,
    ),
    ReceiverPromise(
        "RC-012",
        "A callback with an unknown task status gets an HTTP status below 500.",
        lambda task: _requests({**completed(task), "status": "archived"}),
        ANSWER,
    ),
    ReceiverPromise("RC-013", "A GET request gets 4xx.", lambda task: [ReceiverRequest(b"", "GET", {})], REFUSAL),
    ReceiverPromise(
        "RC-014",
        "A callback with another content type gets a status below 500.",
        lambda task: [ReceiverRequest(json.dumps(completed(task)).encode(), headers={"content-type": "text/plain"})],
        ANSWER,
    ),
    ReceiverPromise(
        "RC-015",
        "A POST request that is not a callback gets 4xx.",
        lambda task: [
            ReceiverRequest(b""),
            ReceiverRequest(b"{"),
            ReceiverRequest(b"[]"),
            ReceiverRequest(b"{}"),
            ReceiverRequest(b"\xff\xfe"),
        ],
        REFUSAL,
    ),
)
