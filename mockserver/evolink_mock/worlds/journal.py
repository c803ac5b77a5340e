"""Journals: logs of requests with their responses, of events, and of callbacks to the sink."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.log_lines import without_secret_header, without_secrets
from evolink_mock.worlds.log import Log, LogBudget

KEPT_BODY = 4096
"""Bytes kept of each request's and each response's body."""


class InboxEntry(msgspec.Struct, gc=False):
    """A callback that the sink received, and its response."""

    at: Micros
    task: str
    url: str
    attempt: int
    body: bytes
    answer: str


class JournalEntry(msgspec.Struct, gc=False):
    """One request and its response, as they were on the wire."""

    at: Micros
    request_id: str
    route: str
    method: str
    path: bytes
    query: bytes
    head: bytes
    """The headers, a line each: one object instead of a dozen keeps a long journal out of the processor's caches."""
    body: bytes
    status: int
    """0 where none was sent."""
    response_body: bytes
    task: str | None
    source: str | None
    scenario: str | None = None
    rule: str = ""
    fault: str | None = None


_ROW = 400
"""Bytes of a row beside its texts, about."""


def _size_of_entry(entry: JournalEntry) -> int:
    return _ROW + len(entry.head) + len(entry.body) + len(entry.response_body) + len(entry.path) + len(entry.query)


def size_of_inbox_entry(entry: InboxEntry) -> int:
    """The bytes that a row of an inbox takes, about."""
    return _ROW + len(entry.body) + len(entry.url)


class Journal(Log[JournalEntry]):
    """The newest requests, and the number of all since the last reset, by operation and status."""

    def __init__(self, limit: int, budget: LogBudget) -> None:
        super().__init__(limit, _size_of_entry, budget)
        self.counts: Counter[tuple[str, int]] = Counter()

    def append(self, row: JournalEntry) -> None:
        self.counts[row.route, row.status] += 1
        super().append(row)

    def clear(self) -> None:
        self.counts.clear()
        super().clear()


CLIENT_DISCONNECTED = "client.disconnected"
EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "task.created": "a create was accepted",
        "task.processing": "the task's processing starts",
        "task.completed": "the task ended with a video",
        "task.failed": "the task failed; detail: the code of its error",
        "task.cancelled": "the task was cancelled, and `cancelled_as` shows that",
        "callback.failed": "an attempt of a callback failed, and another one follows; detail: the result",
        "callback.delivered": "the receiver answered 2xx; detail: the result",
        "callback.exhausted": "the last attempt of a callback failed; detail: the result",
        "callback.unrouted": "no route leads to the callback's origin; detail: the remedy",
        "callback.forbidden": "production would not call the URL of the callback; detail: the reason",
        "callback.lost": "a scenario dropped the callback, or the emulator failed to send it; detail: the reason",
        CLIENT_DISCONNECTED: "a client did not wait for a response that was late; detail: the id of the request",
        "clock.moved": "the clock was advanced; detail: by how much",
        "clock.mode": "the world has another clock; detail: its mode",
        "credits.changed": "the balance was set or topped up; detail: the remaining credits",
        "world.seeded": "tasks to come are drawn from another seed; detail: the seed",
        "world.reset": "the world began anew",
    }
)
"""The events of a world with their meanings."""


class WorldEvent(msgspec.Struct, gc=False):
    """One event of a world."""

    at: Micros
    event: str
    task: str | None = None
    detail: str | None = None


def size_of_event(event: WorldEvent) -> int:
    """The bytes that an event takes, about."""
    return _ROW + len(event.detail or "")


def show_entry(number: int, entry: JournalEntry) -> dict[str, object]:
    """An entry as JSON-ready values, without credentials in its headers, its path and its query."""

    def text(raw: bytes) -> str:
        return raw.decode("utf-8", "replace")

    headers = {
        name: without_secret_header(name, value)
        for name, _, value in (line.partition(": ") for line in text(entry.head).split("\n") if line)
    }
    return {
        "number": number,
        "at": entry.at / SECOND,
        "request_id": entry.request_id,
        "route": entry.route,
        "task": entry.task,
        "scenario_source": entry.source,
        "scenario": entry.scenario,
        "scenario_rule": entry.rule or None,
        "request": {
            "method": entry.method,
            "path": without_secrets(text(entry.path)),
            "query": without_secrets(f"?{text(entry.query)}")[1:],
            "headers": headers,
            "body": text(entry.body),
        },
        "answer": {"status": entry.status or None, "body": text(entry.response_body), "fault": entry.fault},
    }


def show_event(number: int, row: WorldEvent) -> dict[str, object]:
    """An event as JSON-ready values."""
    return {"number": number, "at": row.at / SECOND, "event": row.event, "task": row.task, "detail": row.detail}


def show_received(number: int, row: InboxEntry) -> dict[str, object]:
    """A row of the inbox as JSON-ready values."""
    return {
        "number": number,
        "at": row.at / SECOND,
        "task": row.task,
        "url": row.url,
        "attempt": row.attempt,
        "body": msgspec.Raw(row.body),
        "answered": row.answer,
    }
