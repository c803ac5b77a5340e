"""Logs: append-only, bounded in rows and in bytes, each and all together; rows after a cursor, in slices."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakSet, finalize

from evolink_mock.clock import Notifier, yield_to_loop
from evolink_mock.worlds.slices import LOG_SLICE

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
"""Bytes of the rows of all logs of one emulator."""


class LogBudget:
    """The bytes of all logs of one emulator. At the bound, the largest log drops its oldest rows."""

    def __init__(self, bound: int = MAX_LOGS_BYTES) -> None:
        self.held = 0
        self.bound = bound
        self._logs: WeakSet[Log[Any]] = WeakSet()

    def share(self, log: "Log[Any]") -> "_Share":
        """The share of a new log, which gives its bytes back when it ends."""
        share = _Share(self)
        finalize(log, share.release)
        self._logs.add(log)
        return share

    def make_room(self) -> None:
        """Let the largest logs drop an eighth each, until all hold no more than the bound or one row each."""
        while self.held > self.bound:
            largest = max(self._logs, key=lambda log: log.held)
            if not largest.drop_eighth():
                return


class _Share:
    """The bytes of one log, which count in the budget of all."""

    def __init__(self, budget: LogBudget) -> None:
        self.held = 0
        self._budget = budget

    def add(self, size: int) -> None:
        self.held += size
        self._budget.held += size

    def release(self) -> None:
        """Give back all bytes."""
        self.add(-self.held)


class Log(Generic[Row]):
    """The newest rows, numbered from 1 without gaps; the oldest are dropped at the limits of rows and of bytes."""

    def __init__(self, limit: int, size_of: Callable[[Row], int], budget: LogBudget) -> None:
        self._rows: deque[Row] = deque()
        self._sizes: deque[int] = deque()
        self._limit = limit
        self._size_of = size_of
        self._budget = budget
        self._share = budget.share(self)
        self._cut = False
        """Whether rows were dropped since the log was empty."""
        self.last: int = 0
        self.changed = Notifier()

    @property
    def dropped(self) -> int:
        """The number of the newest row that is no longer kept; 0 where there is none."""
        return self.last - len(self._rows)

    @property
    def held(self) -> int:
        """Bytes of the rows."""
        return self._share.held

    def append(self, row: Row) -> None:
        # Each request passes here, and in a full log drops a row: hence the sizes beside the rows.
        rows, share, budget = self._rows, self._share, self._budget
        size = added = self._size_of(row)
        rows.append(row)
        self._sizes.append(size)
        if len(rows) > self._limit:
            rows.popleft()
            added -= self._sizes.popleft()
            self._cut = True
        share.add(added)
        self.last += 1
        if share.held > MAX_LOG_BYTES:
            self._drop_to(MAX_LOG_BYTES)
        if budget.held > budget.bound:
            budget.make_room()
        self.changed.notify_all()

    def drop_eighth(self) -> bool:
        """Drop the oldest rows, an eighth of the bytes or a little more; whether there was more than one row."""
        more = len(self._rows) > 1
        self._drop_to(self.held - max(self.held // 8, 1))
        return more

    def _drop_to(self, size: int) -> None:
        while self.held > size and len(self._rows) > 1:
            self._rows.popleft()
            self._share.add(-self._sizes.popleft())
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
            self._rows.pop()
            self._share.add(-self._sizes.pop())
        self.last = min(self.last, last)
        return undone

    def clear(self) -> None:
        """Drop the rows. Numbers go on, so that a reader that follows the log misses nothing."""
        self._rows.clear()
        self._sizes.clear()
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
