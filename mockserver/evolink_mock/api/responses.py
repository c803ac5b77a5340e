"""Results of API operations, and the documented error results."""

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace

from evolink_contracts.spec.errors import ERRORS, Operation
from evolink_mock.core.behaviour import Behaviour, Payload, as_it_is
from evolink_mock.core.duration import Micros
from evolink_mock.media.cache import StoredFile

_encode = msgspec.json.Encoder().encode
JSON = b"application/json"


class FilePart(NamedTuple):
    """`length` bytes of a file, beginning with number `first`."""

    file: StoredFile
    first: int
    length: int

    def read(self, begin: int, length: int) -> bytes:
        """Some bytes of the part. Raises `OSError` where the file is no longer kept."""
        return self.file.read(self.first + begin, length)


class Result(msgspec.Struct, frozen=True):
    """The result of an operation: the response, the fault it meets on the wire, and fields of its journal entry."""

    status: int
    """0 where no response is to arrive."""
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = JSON
    task: str | None = None
    source: str | None = None
    scenario: str | None = None
    rule: str = ""
    fault: str | None = None
    drip_time: Micros | None = None
    journal_body: bytes | None = None
    """Stands for the body of the request in the journal: without what must be echoed nowhere, or without a file."""
    journal_response: bytes | None = None
    """Stands for `body` in the journal."""
    file: FilePart | None = None
    """Stands for `body` in the response."""
    remark: str = ""
    """Remark in the log, for the person who runs the emulator."""


class Pending(msgspec.Struct, frozen=True):
    """A result that has to be awaited, or, where `result` is known already, one that must not be sent before."""

    finish: Callable[[], Awaitable[Result]]
    result: Result | None = None
    cancelled: Result = Result(0, b"")
    """Journaled where waiting is cancelled before the result is known."""


Outcome: TypeAlias = Result | Pending
Present: TypeAlias = Callable[[Operation, Result], Result]


def amend(outcome: Outcome, change: Callable[[Result], Result]) -> Outcome:
    """The outcome with its result changed, now or as soon as it is known."""
    if isinstance(outcome, Result):
        return change(outcome)
    finish = outcome.finish
    known = None if outcome.result is None else change(outcome.result)

    async def finish_changed() -> Result:
        result = await finish()
        return change(result) if known is None else known

    return Pending(finish_changed, known, change(outcome.cancelled))


def error_result(operation: Operation, condition: str, message: str | None = None, *, model: str = "") -> Result:
    """The documented error, to the byte unless a more precise message is given."""
    row = ERRORS[operation, condition]
    return Result(row.status, _encode(row.body(message or row.message.replace("{model}", model[:100]))))


def error_method_not_allowed(result: Result, allowed: Iterable[str]) -> Result:
    """A 405 with the allowed methods in `Allow`."""
    return replace(result, headers=((b"allow", ", ".join(sorted(allowed)).encode()),))


def error_invalid(code: str, message: str | None, status: int = 400) -> Result:
    """An invalid request, under the code and the status that the settings choose."""
    body = ERRORS["create", "invalid_request"].body(message)
    body["error"]["code"] = code
    return Result(status, _encode(body))


def error_control(status: int, code: str, message: str) -> Result:
    """An error of the control API: the vendor's shape, with a type that cannot be taken for one of the vendor's."""
    return Result(status, _encode({"error": {"code": code, "message": message, "type": "mock_control_error"}}))


def with_retry_after(result: Result, seconds: int) -> Result:
    """The result with `Retry-After`: the seconds after which the next request may pass."""
    return replace(result, headers=(*result.headers, (b"retry-after", b"%d" % seconds)))


def presented_by(behaviour: Behaviour) -> Present | None:
    """The change that a behaviour makes of results; `None` for the documented one, which makes none."""
    if behaviour.present is as_it_is:
        return None

    def present(operation: Operation, result: Result) -> Result:
        payload = behaviour.present(operation, Payload(result.status, result.body, result.content_type, result.headers))
        return replace(
            result,
            status=payload.status,
            body=payload.body,
            content_type=payload.content_type,
            headers=payload.headers,
        )

    return present
