"""Long polling: log rows after a cursor, waiting up to `wait` for the first."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

from evolink_mock.clock import monotonic, wait_first, yield_to_loop
from evolink_mock.control.endpoint import ControlError, ControlRequest, read_duration, read_number
from evolink_mock.control.redacted_rows import Redacted, show_rows
from evolink_mock.core.duration import SECOND, Micros, to_seconds
from evolink_mock.worlds.log import LogReader, newest_rows, oldest_rows
from evolink_mock.worlds.slices import WORLD_SLICE
from evolink_mock.worlds.view import WorldView
from evolink_mock.worlds.world import World

MAX_WAIT: Micros = 60 * SECOND
MAX_ROWS = 1000
LIMIT = f"number of rows, at most {MAX_ROWS:,}; 100 unless given; the newest ones, unless `after` is given"
LOG_PARAMETERS: Mapping[str, str] = {
    "after": "only rows whose number is greater",
    "limit": LIMIT,
    "wait": f"time to wait for a row, such as 5s, at most {MAX_WAIT // SECOND}s",
}
"""The query parameters of every long poll."""

Row = TypeVar("Row")
Found: TypeAlias = list[tuple[int, Row]]
"""Rows with their numbers."""


def read_wait(request: ControlRequest) -> float:
    """The deadline of a call that may wait, as a reading of `monotonic`."""
    wait = read_duration("wait", request.query["wait"]) if "wait" in request.query else 0
    if wait > MAX_WAIT:
        raise ControlError(400, "invalid_query", f"wait must be at most {MAX_WAIT // SECOND}s")
    if request.all_worlds and (wait or "after" in request.query):
        raise ControlError(400, "invalid_query", "after and wait apply to the rows of one world; leave out all=true")
    return monotonic() + to_seconds(wait)


class LogView(NamedTuple, Generic[Row]):
    """The rows of a log that a call lists, and their form as JSON-ready values."""

    log_of: Callable[[World, WorldView], LogReader[Row]]
    matches: Callable[[Row], bool]
    show: Callable[[int, Row], dict[str, object]]

    async def find(self, log: LogReader[Row], after: int | None, seen: int, upto: int, limit: int) -> Found[Row]:
        """The first `limit` rows after a number, or without one the last `limit`; oldest first.

        `seen` is the number up to which no row was found before.
        """
        if after is None:
            return await newest_rows(log, self.matches, limit, seen, upto)
        return await oldest_rows(log, self.matches, limit, max(after, seen), upto)

    async def shown(self, rows: Iterable[tuple[World, int, Row]], *, identified: bool = False) -> list[msgspec.Raw]:
        pairs = ((world, partial(self.show, number, row)) for world, number, row in rows)
        return await show_rows(pairs, identified=identified)


def read_after(request: ControlRequest) -> int | None:
    """The cursor of a list, if one is given."""
    return read_number(request, "after", 0, 10**15) if "after" in request.query else None


async def long_poll(
    request: ControlRequest, view: LogView[Row], is_shutting_down: Callable[[], bool], *, on_clock: bool = False
) -> object:
    """The rows of one world after `after`, at least one unless `wait` runs out; with `all=true`, those there are.

    `on_clock` says that the passing of time adds rows, so that an automatic clock may jump to its next event.
    """
    after, limit = read_after(request), read_number(request, "limit", 100, MAX_ROWS)
    deadline = read_wait(request)
    if request.all_worlds:
        return await _rows_of_all(request.worlds, view, limit)
    (world,) = request.worlds
    seen = 0
    while True:
        log = view.log_of(world, await world.settled_view())
        last = log.last
        rows = await view.find(log, after, seen, last, limit)
        seen, remaining = last, deadline - monotonic()
        if rows or not limit or remaining <= 0 or is_shutting_down():
            more_may_follow = after is not None and len(rows) == limit
            position = (rows[-1][0] if rows else after) if more_may_follow else last
            shown = await view.shown((world, number, row) for number, row in rows)
            return Redacted({"rows": shown, "last": position})
        if on_clock and jump_if_auto(world):
            await yield_to_loop()
        elif log.last == last:  # Otherwise rows were added during a turn of other work.
            await wait_first(remaining, log.changed, world.clock, world.view().next_event() if on_clock else None)


async def _rows_of_all(worlds: Sequence[World], view: LogView[Row], limit: int) -> Redacted:
    """The last `limit` rows of the logs of all worlds, one log after the other."""
    found: list[tuple[World, int, Row]] = []
    for place, world in enumerate(reversed(worlds), 1):
        if len(found) == limit:
            break
        log = view.log_of(world, await world.settled_view())
        rows = await view.find(log, None, 0, log.last, limit - len(found))
        found += [(world, number, row) for number, row in reversed(rows)]
        if place % WORLD_SLICE == 0:
            await yield_to_loop()
    return Redacted({"rows": await view.shown(reversed(found), identified=True), "last": None})


def jump_if_auto(world: World) -> bool:
    """Let an automatic clock jump to its next event; whether it did."""
    view = world.view()
    if world.clock.mode != "auto" or view.deliveries.under_way or view.next_event() is None:
        return False
    world.advance_to_next_event()
    return True
