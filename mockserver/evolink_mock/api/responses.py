"""Answers made from the error rows of the facts."""

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from evolink_contracts.spec.errors import ERRORS, Operation
from evolink_mock.core.duration import Micros

_encode = msgspec.json.Encoder().encode
JSON = b"application/json"


class Result(msgspec.Struct):
    """What goes back over the wire, and when and how; `task`, `door`, `scenario` and `rule` are for the journal."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = JSON
    task: str | None = None
    source: str | None = None
    scenario: str | None = None
    rule: str = ""
    pending: Callable[[], Awaitable[None]] | None = None
    """What must be over before it goes out."""
    fault: str | None = None
    """What happens to it on the wire."""
    drip_time: Micros | None = None


def error_result(operation: Operation, condition: str, message: str | None = None, *, model: str = "") -> Result:
    """The documented error, to the byte unless a more precise message is given."""
    row = ERRORS[operation, condition]
    return Result(row.status, _encode(row.body(message or row.message.replace("{model}", model[:100]))))


def error_method_not_allowed(answer: Result, allowed: Iterable[str]) -> Result:
    """A 405 with the methods that would do."""
    answer.headers = ((b"allow", ", ".join(sorted(allowed)).encode()),)
    return answer


def error_invalid(code: str, message: str | None, status: int = 400) -> Result:
    """A faulty request, under the code and the status that the settings choose."""
    body = ERRORS["create", "invalid_request"].body(message)
    body["error"]["code"] = code
    return Result(status, _encode(body))


def error_control(status: int, code: str, message: str) -> Result:
    """A refusal of the control API: the same shape, with a type that nobody takes for the vendor's."""
    return Result(status, _encode({"error": {"code": code, "message": message, "type": "mock_control_error"}}))


def with_retry_after(answer: Result, seconds: int) -> Result:
    """A refusal that says in `Retry-After` when the next request may pass."""
    answer.headers = (*answer.headers, (b"retry-after", b"%d" % seconds))
    return answer
