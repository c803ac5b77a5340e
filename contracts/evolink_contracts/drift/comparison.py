"""Two answers to one request, place by place: how they differ, and how much that matters."""

import re
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from evolink_contracts.promises.registry import Severity
from evolink_contracts.spec.wire import TERMINAL


class Difference(NamedTuple):
    """`where` is a place such as `error.code`; what a recording has there, and what the emulator answers, as shown."""

    severity: Severity
    where: str
    recorded: Any
    emulated: Any


class _Absent:
    """Nothing at all, which is not null."""


ABSENT = _Absent()

_VALUES: tuple[tuple[str, Severity | None], ...] = (
    (r"id|created|results|results\[\d+\]", None),
    # Balances are an account's own.
    (r"data\..*_credits|data\.token\.unlimited_credits", None),
    (r"progress|task_info\.estimated_time|usage\.user_group", "information"),
    (r"error\.message|error\.fallback_suggestion|message", "information"),
    # Known as an example only, or inferred.
    (r"usage\.billing_rule|usage\.credits_reserved", "warning"),
)
"""What it matters that a value is another one, by place; `None` where it has to be. Anywhere else it is critical."""


def compare(recorded: Any, emulated: Any) -> Iterator[Difference]:
    """How two bodies differ; JSON that was decoded, `None` for what was none."""
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
        # When a task begins is nobody's promise.
        return "information"
    return next((severity for pattern, severity in _VALUES if re.fullmatch(pattern, where)), "critical")


def _kind(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__
    return "number"


def _flat(body: Any) -> dict[str, Any]:
    """Each place of a body with what is there; of an object or a list, its kind alone."""
    found: dict[str, Any] = {}
    # Not by recursion, since a body may be nested as deep as that goes.
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
