"""Answers made from the error rows of the facts."""

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from evolink_contracts.spec.errors import ERRORS, Operation
from evolink_mock.core.duration import Micros

_encode = msgspec.json.Encoder().encode
JSON = b"application/json"


class Answer(msgspec.Struct):
    """What goes back over the wire, and when and how; `task`, `door`, `scenario` and `rule` are for the journal."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = JSON
    task: str | None = None
    door: str | None = None
    scenario: str | None = None
    rule: str = ""
    hold: Callable[[], Awaitable[None]] | None = None
    """What must be over before it goes out."""
    fault: str | None = None
    """What happens to it on the wire."""
    drip_time: Micros | None = None


def refuse(operation: Operation, condition: str, message: str | None = None, *, model: str = "") -> Answer:
    """The documented error, to the byte unless a more precise message is given."""
    row = ERRORS[operation, condition]
    return Answer(row.status, _encode(row.body(message or row.message.replace("{model}", model[:100]))))


def refuse_method(answer: Answer, allowed: Iterable[str]) -> Answer:
    """A 405 with the methods that would do."""
    answer.headers = ((b"allow", ", ".join(sorted(allowed)).encode()),)
    return answer


def refuse_invalid(code: str, message: str | None, status: int = 400) -> Answer:
    """A faulty request, under the code and the status that the settings choose."""
    body = ERRORS["create", "invalid_request"].body(message)
    body["error"]["code"] = code
    return Answer(status, _encode(body))


def refuse_control(status: int, code: str, message: str) -> Answer:
    """A refusal of the control API: the same shape, with a type that nobody takes for the vendor's."""
    return Answer(status, _encode({"error": {"code": code, "message": message, "type": "mock_control_error"}}))


def come_again(answer: Answer, seconds: int) -> Answer:
    """A refusal that says in `Retry-After` when the next request may pass."""
    answer.headers = (*answer.headers, (b"retry-after", b"%d" % seconds))
    return answer
