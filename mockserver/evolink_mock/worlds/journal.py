"""Journals: append-only, bounded logs of requests with responses, of events, and of callbacks to the sink."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count, islice
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar
from weakref import finalize

import msgspec

from evolink_mock.clock import Notifier, yield_to_loop
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.log_lines import without_secret_header, without_secrets
from evolink_mock.worlds.slices import LOG_SLICE

KEPT_BODY = 4096
"""Bytes kept of each request's and each response's body."""

Row = TypeVar("Row")
ReadRow = TypeVar("ReadRow", covariant=True)


class LogReader(Protocol[ReadRow]):
    """The read-only side of a log."""

    changed: Notifier

    @property
    def last(self) -> int:
        """The number of the newest row."""

    @property
    def dropped(self) -> int:
        """The number of the newest row that is no longer kept; 0 where there is none."""

    def after(self, number: int) -> Iterator[tuple[int, ReadRow]]:
        """The kept rows numbered above `number`, oldest first."""

    def between(self, above: int, upto: int) -> Sequence[tuple[int, ReadRow]]:
        """The kept rows numbered above `above` and up to `upto`, oldest first."""

    def contains(self, number: int) -> bool:
        """Whether that row is still kept."""


MAX_LOG_BYTES = 16 * 1024 * 1024
"""Bytes of the rows of one log."""
MAX_LOGS_BYTES = 256 * 1024 * 1024
"""Bytes of the rows of all logs in this process."""


class _Share:
    """The bytes of one log, and of all that are alive."""

    total = 0

    def __init__(self) -> None:
        self.held = 0

    def add(self, size: int) -> None:
        self.held += size
        _Share.total += size

    def release(self) -> None:
        """Give back all bytes."""
        self.add(-self.held)

    @property
    def exceeded(self) -> bool:
        return self.held > MAX_LOG_BYTES or _Share.total > MAX_LOGS_BYTES


class Log(Generic[Row]):
    """The newest rows, numbered from 1 without gaps; the oldest are dropped at the limits of rows and of bytes.

    Where all logs together exceed their bound, those that grow drop their oldest rows.
    """

    def __init__(self, limit: int, size_of: Callable[[Row], int]) -> None:
        self._rows: deque[Row] = deque()
        self._limit = limit
        self._size_of = size_of
        self._share = _Share()
        finalize(self, self._share.release)
        self._cut = False
        """Whether rows were dropped since the log was empty."""
        self.last: int = 0
        self.changed = Notifier()

    @property
    def dropped(self) -> int:
        """The number of the newest row that is no longer kept; 0 where there is none."""
        return self.last - len(self._rows)

    def append(self, row: Row) -> None:
        rows, share = self._rows, self._share
        rows.append(row)
        share.add(self._size_of(row))
        if len(rows) > self._limit or share.exceeded:
            self._drop_oldest()
        self.last += 1
        self.changed.notify_all()

    def _drop_oldest(self) -> None:
        rows, share = self._rows, self._share
        while len(rows) > self._limit or (share.exceeded and len(rows) > 1):
            share.add(-self._size_of(rows.popleft()))
            self._cut = True

    def after(self, number: int) -> Iterator[tuple[int, Row]]:
        """The kept rows numbered above `number`, oldest first."""
        first = self.last - len(self._rows) + 1
        skip = max(number + 1 - first, 0)
        return enumerate(islice(self._rows, skip, None), first + skip)

    def between(self, above: int, upto: int) -> list[tuple[int, Row]]:
        """The kept rows numbered above `above` and up to `upto`, oldest first."""
        above, upto = max(above, self.dropped), min(upto, self.last)
        if above >= upto:
            return []
        if self.last - upto < len(self._rows) // 2:  # Its end is nearer.
            newest_first = zip(count(self.last, -1), reversed(self._rows), strict=False)
            return list(islice(newest_first, self.last - upto, self.last - above))[::-1]
        return list(islice(self.after(above), upto - above))

    def contains(self, number: int) -> bool:
        """Whether that row is still kept."""
        return self.last - len(self._rows) < number <= self.last

    @property
    def has_dropped(self) -> bool:
        """Whether a limit was reached."""
        return self._cut or len(self._rows) == self._limit

    def truncate(self, last: int) -> list[Row]:
        """Take back the rows numbered above `last`; returns them, oldest first."""
        undone = [row for _, row in self.after(last)]
        for _ in undone:
            self._share.add(-self._size_of(self._rows.pop()))
        self.last = min(self.last, last)
        return undone

    def clear(self) -> None:
        """Drop the rows. Numbers go on, so that a reader that follows the log misses nothing."""
        self._rows.clear()
        self._share.release()
        self._cut = False
        self.changed.notify_all()


async def newest_rows(
    log: LogReader[ReadRow], matches: Callable[[ReadRow], bool], limit: int, above: int, upto: int
) -> list[tuple[int, ReadRow]]:
    """The last `limit` rows that match, of those numbered above `above` and up to `upto`; oldest first.

    Other work on the event loop gets a turn between slices, here and in `oldest_rows`.
    """
    found: list[tuple[int, ReadRow]] = []
    while len(found) < limit and (rows := log.between(max(upto - LOG_SLICE, above), upto)):
        matching = (row for row in reversed(rows) if matches(row[1]))
        found += islice(matching, limit - len(found))
        upto = rows[0][0] - 1
        if len(rows) == LOG_SLICE:
            await yield_to_loop()
    return found[::-1]


async def oldest_rows(
    log: LogReader[ReadRow], matches: Callable[[ReadRow], bool], limit: int | None, above: int, upto: int
) -> list[tuple[int, ReadRow]]:
    """The first `limit` rows that match, of those numbered above `above` and up to `upto`; oldest first."""
    found: list[tuple[int, ReadRow]] = []
    above = max(above, log.dropped)
    while above < upto and (limit is None or len(found) < limit):
        rows = log.between(above, min(above + LOG_SLICE, upto))
        matching = (row for row in rows if matches(row[1]))
        found += islice(matching, None if limit is None else limit - len(found))
        above = max(above + LOG_SLICE, log.dropped)
        if len(rows) == LOG_SLICE:
            await yield_to_loop()
    return found


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
    texts = len(entry.head) + len(entry.body) + len(entry.response_body)
    return _ROW + texts + len(entry.path) + len(entry.query)


def size_of_inbox_entry(entry: InboxEntry) -> int:
    """The bytes that a row of an inbox takes, about."""
    return _ROW + len(entry.body) + len(entry.url)


class Journal(Log[JournalEntry]):
    """The newest requests, and the number of all since the last reset, by operation and status."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit, _size_of_entry)
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
