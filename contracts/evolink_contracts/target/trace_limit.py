"""Limit on the bytes of a trace, since a run keeps every answer until its end."""

from collections.abc import Sequence

from evolink_contracts.reference.errors import RunStopped
from evolink_contracts.trace.events import Call, Event

MAX_TRACE = 64 * 1024 * 1024
"""In characters of bodies and headers; a run has about two million."""


class TraceLimit:
    """Counts the events of a trace, which others may shorten."""

    def __init__(self, trace: Sequence[Event], limit: int = MAX_TRACE) -> None:
        self._trace = trace
        self._limit = limit
        self._size = 0

    def added(self, event: Event) -> None:
        """Count an event. Raises `RunStopped` if the trace is larger than the limit."""
        self._size += _size(event)
        if self._size > self._limit:
            self._size = sum(map(_size, self._trace))
        if self._size > self._limit:
            raise RunStopped(f"the recorded answers and callbacks have more than {self._limit:,} characters")


def _size(event: Event) -> int:
    body = event.answer if isinstance(event, Call) else event.body
    return len(body) + sum(len(name) + len(value) for name, value in (event.headers or {}).items())
