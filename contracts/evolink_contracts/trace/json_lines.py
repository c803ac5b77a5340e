"""The file format of a trace: JSON Lines, a header and one event a line, read strictly."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from types import NoneType
from typing import Any, NamedTuple

from evolink_contracts.reference.errors import InvalidTrace
from evolink_contracts.reference.numbers import finite_number
from evolink_contracts.trace.events import Attempt, Call, Event, Trace, decoded
from evolink_contracts.trace.header import Header, merged, without_secrets

_EVENTS: Mapping[str, type[Call] | type[Attempt]] = {"call": Call, "attempt": Attempt}
_TYPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("at", "took"), (int, float)),
    **dict.fromkeys(("method", "path", "answer", "who", "access", "url", "body"), (str,)),
    **dict.fromkeys(("sent_headers", "headers"), (dict, NoneType)),
    "notes": (dict,),
    "status": (int,),
    "sent": (str, NoneType),
    "outcome": (int, str),
}
_MEASURED = {"length", "age", "remaining"}
"""Notes that are numbers; the others are booleans or words."""


_HEADER = "header"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class Recording(NamedTuple):
    """The events of a file in the order of time, and its header, which is unknown for a file without one."""

    events: Trace
    header: Header


def write_trace(events: Iterable[Event], header: Header | None = None) -> Iterator[str]:
    """A line of JSON for the header, if there is one, and for each event."""
    if header is not None:
        base_url = None if header.base_url is None else without_secrets(header.base_url)
        yield json.dumps({"kind": _HEADER, "base_url": base_url, "recorded": header.recorded}, ensure_ascii=False)
    for event in events:
        kind = "call" if isinstance(event, Call) else "attempt"
        yield json.dumps({"kind": kind, **asdict(event)}, ensure_ascii=False)


def read_trace(lines: Iterable[str]) -> Trace:
    """The events of a recording in the order of time. Raises `InvalidTrace`."""
    return read_recording(lines).events


def read_recording(lines: Iterable[str]) -> Recording:
    """The events of a recording and its header. Raises `InvalidTrace`."""
    # Joined recordings have a byte-order mark wherever one begins.
    plain = (line.lstrip("\ufeff") for line in lines)
    read = [_line(number, line) for number, line in enumerate(plain, 1) if line.strip()]
    events = [each for each in read if not isinstance(each, Header)]
    headers = [each for each in read if isinstance(each, Header)]
    header = merged(headers, first=bool(read) and isinstance(read[0], Header))
    return Recording(tuple(sorted(events, key=lambda event: event.at)), header)


def _line(number: int, line: str) -> Event | Header:
    found = decoded(line)
    if not isinstance(found, dict):
        raise InvalidTrace(f"line {number} is not a JSON object")
    kind = str(found.pop("kind", None))
    return _header(number, found) if kind == _HEADER else _event(number, kind, found)


def _header(number: int, found: dict[str, Any]) -> Header:
    base_url, recorded = found.get("base_url"), found.get("recorded")
    if base_url is not None and not _is_base_url(base_url):
        raise InvalidTrace(f"line {number}: base_url must be null, or begin with http:// or https://")
    if recorded is not None and not (isinstance(recorded, str) and _TIME.fullmatch(recorded)):
        raise InvalidTrace(f"line {number}: recorded must be null, or a time such as 2026-11-29T03:10:00Z")
    return Header(None if base_url is None else without_secrets(base_url), recorded)


def _is_base_url(value: object) -> bool:
    return isinstance(value, str) and re.match(r"https?://[^/\s]", value) is not None and value.isprintable()


def _event(number: int, named: str, found: dict[str, Any]) -> Event:
    kind = _EVENTS.get(named)
    if kind is None:
        raise InvalidTrace(f'line {number}: "kind" must be one of {", ".join((*_EVENTS, _HEADER))}')
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
    for headers in (event.headers, getattr(event, "sent_headers", None)):
        if not all(isinstance(value, str) for value in (headers or {}).values()):
            return "headers must be text"
    return _range_error(event) if isinstance(event, Call) else None


def _range_error(call: Call) -> str | None:
    if not 100 <= call.status <= 599:
        return "status must be from 100 to 599"
    for name in _MEASURED & call.notes.keys():
        if finite_number(call.notes[name]) is None:
            return f"notes.{name} must be a finite number"
    return None
