"""A recording of what happened between a client, the API and a receiver, as JSON Lines: what all checks judge."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from types import NoneType
from typing import Any, Literal, TypeAlias

from evolink_contracts.reference.numbers import amount
from evolink_contracts.spec.wire import Seconds

Access: TypeAlias = Literal["granted", "missing", "wrong"]
"""What a request had for a key: one that is good, none, or one that is not."""


Outcome: TypeAlias = int | Literal["timeout", "reset"]
"""What a receiver answered to an attempt, or did instead."""


@dataclass(frozen=True)
class Call:
    """One request to the API and its answer. The key itself is never recorded."""

    at: Seconds
    """When the answer was there, on the clock of the service."""
    method: str
    path: str
    """As it was asked for; of a result link the whole URL."""
    status: int
    answer: str = ""
    """The body as text; of a video nothing."""
    who: str = "a"
    """Whose key it was, by a name of the recording's own."""
    access: Access = "granted"
    sent: str | None = None
    """The body that was sent."""
    sent_headers: Mapping[str, str] = field(default_factory=dict)
    """Names in small letters, `authorization` left out."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the answer; names in small letters."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What whoever sent it knows beside, such as `{"length": 3}` for the seconds that the video really has."""

    @cached_property
    def json(self) -> Any:
        """The answer decoded, or `None` for what is no JSON."""
        return decoded(self.answer)

    @cached_property
    def sent_json(self) -> Any:
        """The request's body decoded, or `None` for what is no JSON."""
        return None if self.sent is None else decoded(self.sent)


@dataclass(frozen=True)
class Attempt:
    """One attempt to call back, as the receiver saw it."""

    at: Seconds
    """When it began, on the clock of the service."""
    url: str
    """Where it arrived, in the terms of the create call."""
    body: str
    outcome: Outcome
    took: Seconds = 0.0
    """How long the sender waited for that, on the same clock."""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def json(self) -> Any:
        """The body decoded, or `None` for what is no JSON."""
        return decoded(self.body)


Event: TypeAlias = Call | Attempt
Trace: TypeAlias = tuple[Event, ...]


def decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def write_trace(events: Iterable[Event]) -> Iterator[str]:
    """A line of JSON for each event."""
    for event in events:
        kind = "call" if isinstance(event, Call) else "attempt"
        yield json.dumps({"kind": kind, **asdict(event)}, ensure_ascii=False)


class NoTrace(ValueError):
    """A line that is no event; says which line, and why."""


_KINDS: Mapping[str, type[Call] | type[Attempt]] = {"call": Call, "attempt": Attempt}


_TYPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("at", "took"), (int, float)),
    **dict.fromkeys(("method", "path", "answer", "who", "access", "url", "body"), (str,)),
    **dict.fromkeys(("sent_headers", "headers", "notes"), (dict,)),
    "status": (int,),
    "sent": (str, NoneType),
    "outcome": (int, str),
}


_MEASURED = {"length", "age", "remaining"}
"""Notes that are numbers; the others say yes or no, or a word."""


def _of_another_type(event: Event) -> str | None:
    for name, value in vars(event).items():
        if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
            return f"{name} must be {' or '.join(kind.__name__ for kind in _TYPES[name])}"
    if None in (amount(event.at), amount(getattr(event, "took", 0))):
        return "at and took must be finite"
    for headers in (event.headers, getattr(event, "sent_headers", {})):
        if not all(isinstance(value, str) for value in headers.values()):
            return "headers must be text"
    return _outside(event) if isinstance(event, Call) else None


def _outside(call: Call) -> str | None:
    if not 100 <= call.status <= 599:
        return "status must be from 100 to 599"
    for name in _MEASURED & call.notes.keys():
        if amount(call.notes[name]) is None:
            return f"notes.{name} must be a finite number"
    return None


def read_trace(lines: Iterable[str]) -> Trace:
    """The events of a recording in the order of time. Raises `NoTrace`."""
    events: list[Event] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found = decoded(line)
        if not isinstance(found, dict):
            raise NoTrace(f"line {number} is no JSON object")
        kind = _KINDS.get(str(found.pop("kind", None)))
        if kind is None:
            raise NoTrace(f'line {number} has no "kind" that is one of {", ".join(_KINDS)}')
        try:
            event = kind(**found)
        except TypeError as error:
            raise NoTrace(f"line {number}: {str(error).partition(') ')[2] or error}") from None
        if (wrong := _of_another_type(event)) is not None:
            raise NoTrace(f"line {number}: {wrong}")
        events.append(event)
    return tuple(sorted(events, key=lambda event: event.at))
