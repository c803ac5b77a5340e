"""What is due, in the order of time: buckets of a calendar, of which only the next one is ever sorted."""

from heapq import heappop, heappush
from struct import Struct

import msgspec

from evolink_mock.core.duration import Micros

_row = Struct(">QQQQ32s")
"""The instant, the order, the instants after, and the name: big-endian, so rows as bytes compare as instants do."""
_BUCKET = 18
"""A bucket spans 2^18 µs, about a quarter of a second."""


class Due(msgspec.Struct, gc=False):
    """What happens next to something named, at an instant, and the instants of what comes after, 0 where nothing does.

    Of a task's transitions, with two to come it is the creation, with one the start, with none the end.
    """

    name: str
    """At most 32 bytes."""
    at: Micros
    then: Micros = 0
    last: Micros = 0


class DueQueue:
    """Takes dues in any order and gives them back by instant; ties in the order in which they came.

    A bucket is one string of rows until it is next, and then a sorted list of them: the garbage collector has nothing
    to walk but what is about to happen. A heap would take 4 µs to give one back from among 50,000, since each
    comparison misses the cache; this takes less than one.
    """

    def __init__(self) -> None:
        self._numbers: list[int] = []
        """A heap of the numbers of all buckets."""
        self._closed: dict[int, bytearray] = {}
        self._open: dict[int, list[bytes]] = {}
        """Rows last first; those of the numbers in `_unsorted` are not yet."""
        self._unsorted: set[int] = set()
        self._pushed = 0

    def push(self, due: Due) -> None:
        self._pushed += 1
        row = _row.pack(due.at, self._pushed, due.then, due.last, due.name.encode())
        number = due.at >> _BUCKET
        if (closed := self._closed.get(number)) is not None:
            closed += row
        elif (opened := self._open.get(number)) is not None:
            opened.append(row)
            self._unsorted.add(number)
        else:
            self._closed[number] = bytearray(row)
            heappush(self._numbers, number)

    def peek(self) -> Due | None:
        return _read(self._next_bucket()[-1]) if self._numbers else None

    def pop(self, until: Micros) -> Due | None:
        """Take out the first that is due by `until`."""
        if not self._numbers or self._numbers[0] > until >> _BUCKET:
            return None
        bucket = self._next_bucket()
        due = _read(bucket[-1])
        if due.at > until:
            return None
        bucket.pop()
        if not bucket:
            del self._open[heappop(self._numbers)]
        return due

    def drop(self, name: str) -> None:
        """Take out what something had before it: of a task that was ended by hand, say. Slow, since hands are."""
        wanted = name.encode()
        for number in self._numbers:
            bucket = self._opened(number) if wanted in self._closed.get(number, wanted) else []
            kept = [row for row in bucket if _read(row).name != name]
            if len(kept) < len(bucket):
                bucket[:] = kept
                if not kept:
                    del self._open[number]
                    self._numbers = sorted(self._open.keys() | self._closed.keys())
                return

    def _next_bucket(self) -> list[bytes]:
        return self._opened(self._numbers[0])

    def _opened(self, number: int) -> list[bytes]:
        if (closed := self._closed.pop(number, None)) is not None:
            rows = bytes(closed)
            self._open[number] = [rows[at : at + _row.size] for at in range(0, len(rows), _row.size)]
            self._unsorted.add(number)
        bucket = self._open[number]
        if number in self._unsorted:
            self._unsorted.discard(number)
            bucket.sort(reverse=True)
        return bucket


def _read(row: bytes) -> Due:
    at, _, then, last, name = _row.unpack(row)
    return Due(name.rstrip(b"\0").decode(), at, then, last)
