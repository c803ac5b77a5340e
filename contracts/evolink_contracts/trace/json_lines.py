"""The file format of a trace: JSON Lines, one event a line, read strictly."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from types import NoneType

from evolink_contracts.reference.errors import InvalidTrace
from evolink_contracts.reference.numbers import finite_number
from evolink_contracts.trace.events import Attempt, Call, Event, Trace, decoded

_EVENTS: Mapping[str, type[Call] | type[Attempt]] = {"call": Call, "attempt": Attempt}
_TYPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("at", "took"), (int, float)),
    **dict.fromkeys(("method", "path", "answer", "who", "access", "url", "body"), (str,)),
    **dict.fromkeys(("sent_headers", "headers", "notes"), (dict,)),
    "status": (int,),
    "sent": (str, NoneType),
    "outcome": (int, str),
}
_MEASURED = {"length", "age", "remaining"}
"""Notes that are numbers; the others are booleans or words."""


def write_trace(events: Iterable[Event]) -> Iterator[str]:
    """A line of JSON for each event."""
    for event in events:
        kind = "call" if isinstance(event, Call) else "attempt"
        yield json.dumps({"kind": kind, **asdict(event)}, ensure_ascii=False)


def read_trace(lines: Iterable[str]) -> Trace:
    """The events of a recording in the order of time. Raises `InvalidTrace`."""
    events = [_event(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    return tuple(sorted(events, key=lambda event: event.at))


def _event(number: int, line: str) -> Event:
    found = decoded(line)
    if not isinstance(found, dict):
        raise InvalidTrace(f"line {number} is no JSON object")
    kind = _EVENTS.get(str(found.pop("kind", None)))
    if kind is None:
        raise InvalidTrace(f'line {number} has no "kind" that is one of {", ".join(_EVENTS)}')
    try:
        event = kind(**found)
    except TypeError as error:
        raise InvalidTrace(f"line {number}: {str(error).partition(') ')[2] or error}") from None
    if (wrong := _type_error(event)) is not None:
        raise InvalidTrace(f"line {number}: {wrong}")
    return event


def _type_error(event: Event) -> str | None:
    for name, value in vars(event).items():
        if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
            return f"{name} must be {' or '.join(kind.__name__ for kind in _TYPES[name])}"
    if None in (finite_number(event.at), finite_number(getattr(event, "took", 0))):
        return "at and took must be finite"
    for headers in (event.headers, getattr(event, "sent_headers", {})):
        if not all(isinstance(value, str) for value in headers.values()):
            return "headers must be text"
    return _range_error(event) if isinstance(event, Call) else None


def _range_error(call: Call) -> str | None:
    if not 100 <= call.status <= 599:
        return "status must be from 100 to 599"
    for name in _MEASURED & call.notes.keys():
        if finite_number(call.notes[name]) is None:
            return f"notes.{name} must be a finite number"
    return None
