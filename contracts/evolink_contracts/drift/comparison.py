"""Comparison of a recorded answer with the emulator's: each difference, and its severity."""

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from evolink_contracts.promises.promise import Severity
from evolink_contracts.spec.wire import TERMINAL, Seconds
from evolink_contracts.trace.events import Attempt, Call
from evolink_contracts.trace.history import CREATE_PATH, CREDITS_PATH, TASK_PATH


class Difference(NamedTuple):
    """A place such as `error.code`, with the value in the recording and that of the emulator, as shown to people."""

    severity: Severity
    where: str
    recorded: Any
    emulated: Any


class _Absent:
    """The value of a field that is missing, which is not null."""


ABSENT = _Absent()

_VALUES: tuple[tuple[str, Severity | None], ...] = (
    (r"id|created|results|results\[\d+\]", None),
    # Balances differ from account to account.
    (r"data\..*_credits|data\.token\.unlimited_credits", None),
    (r"progress|task_info\.estimated_time|usage\.user_group", "information"),
    (r"error\.message|error\.fallback_suggestion|message", "information"),
    # Known from an example only, or inferred.
    (r"usage\.billing_rule|usage\.credits_reserved", "warning"),
)
"""Severity of a different value, by place; `None` where values always differ. Anywhere else it is critical."""


def compare(recorded: Any, emulated: Any) -> Iterator[Difference]:
    """The differences of two bodies, decoded from JSON; `None` for a body that is no JSON."""
    ours, theirs = _flat(emulated), _flat(recorded)
    for where in dict.fromkeys([*theirs, *ours]):
        there, here = theirs.get(where, ABSENT), ours.get(where, ABSENT)
        if (severity := _severity(where, there, here)) is not None:
            yield Difference(severity, where or "the body", _shown(there), _shown(here))


def _severity(where: str, there: Any, here: Any) -> Severity | None:
    if re.fullmatch(r"results\[[1-9]\d*\]", where):
        return "information" if ABSENT in (there, here) else None
    if there is ABSENT:
        return "critical"
    if here is ABSENT:
        return "warning"
    if _kind(there) != _kind(here):
        return "critical"
    if there == here:
        return None
    if where == "status" and not {there, here} & TERMINAL:
        # No document says when a task starts.
        return "information"
    return next((severity for pattern, severity in _VALUES if re.fullmatch(pattern, where)), "critical")


def _kind(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__
    return "number"


def _flat(body: Any) -> dict[str, Any]:
    """Each place of a body with its value; for an object or a list, only its type."""
    found: dict[str, Any] = {}
    # Not recursive, since a body may be nested deeper than Python's stack.
    waiting = deque([("", body)])
    while waiting:
        where, value = waiting.popleft()
        if isinstance(value, dict):
            found[where] = {}
            waiting += ((f"{where}.{name}".removeprefix("."), each) for name, each in value.items())
        elif isinstance(value, list):
            found[where] = []
            waiting += ((f"{where}[{number}]", each) for number, each in enumerate(value))
        else:
            found[where] = value
    return found


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= 80 else f"{value[:80]}…"
    return {dict: "an object", list: "a list", _Absent: "nothing"}.get(type(value), value)


_HEADERS: Mapping[str, Severity] = {
    "content-type": "critical",
    "idempotency-replayed": "critical",
    "x-request-id": "warning",
}
_UNIQUE_HEADERS = ("x-request-id",)
"""Headers whose value is different in each answer."""


API_OPERATIONS = frozenset({"create", "query", "credits", "result link", "callback"})


def operation_of(call: Call) -> str:
    """The operation of the API that a call is, or its method and path."""
    if call.path.startswith(TASK_PATH):
        return "query"
    named = {CREATE_PATH: "create", CREDITS_PATH: "credits"}
    return "result link" if "://" in call.path else named.get(call.path, f"{call.method} {call.path}")


def compare_heads(recorded: Call, emulated: Call) -> Iterator[Difference]:
    """The differences of statuses and headers. A recording without headers says nothing about them."""
    if recorded.status != emulated.status:
        known = operation_of(recorded) in ("create", "query", "credits", "result link")
        yield Difference("critical" if known else "warning", "the HTTP status", recorded.status, emulated.status)
    for name, severity in _HEADERS.items():
        there, here = (
            (each.headers or {}).get(name, "nothing").partition(";")[0].lower() for each in (recorded, emulated)
        )
        if recorded.headers and there != here and not (name in _UNIQUE_HEADERS and "nothing" not in (there, here)):
            yield Difference(severity, f"the header {name}", there, here)


def compare_attempts(
    recorded: Sequence[Attempt], emulated: Sequence[Attempt], *, complete: bool, tolerance: Seconds
) -> Iterator[Difference]:
    """The differences of the attempts to deliver one callback: their number, gaps and body.

    An incomplete recording may have fewer attempts.
    """
    if len(recorded) > len(emulated) or (complete and len(recorded) != len(emulated)):
        yield Difference("critical", "the number of attempts", len(recorded), len(emulated))
    pairs = zip(_gaps(recorded), _gaps(emulated), strict=False)
    for number, (there, here) in enumerate(pairs, 1):
        if abs(there - here) > tolerance:
            yield Difference("critical", f"the wait before retry {number}", round(there, 2), round(here, 2))
    if recorded and emulated:
        yield from compare(recorded[0].json, emulated[0].json)


def _gaps(attempts: Sequence[Attempt]) -> list[Seconds]:
    return [later.at - earlier.at - earlier.took for earlier, later in pairwise(attempts)]
