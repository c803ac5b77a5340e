"""Long polling: log rows after a cursor, waiting up to `wait` for the first."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from evolink_mock.clock import monotonic, wait_first, yield_to_loop
from evolink_mock.control.endpoint import ControlError, ControlRequest, read_duration, read_number
from evolink_mock.control.world_selection import show_identity
from evolink_mock.core.duration import SECOND, Micros, to_seconds
from evolink_mock.worlds.journal import LogReader
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
Rows = list[dict[str, object]]


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

    def rows(self, log: LogReader[Row], after: int | None, limit: int) -> Rows:
        """The first `limit` rows after a number, or without one the last `limit`; oldest first."""
        listed = log.newest_first() if after is None else log.after(after)
        found = list(islice(((number, row) for number, row in listed if self.matches(row)), limit))
        return [self.show(number, row) for number, row in (reversed(found) if after is None else found)]


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
    while True:
        logs = [(world, view.log_of(world, await world.settled_view())) for world in request.worlds]
        if request.all_worlds:
            every = [row | show_identity(world) for world, log in logs for row in view.rows(log, None, limit)]
            return {"rows": every[max(len(every) - limit, 0) :], "last": None}
        ((world, log),) = logs
        rows = view.rows(log, after, limit)
        remaining = deadline - monotonic()
        if rows or not limit or remaining <= 0 or is_shutting_down():
            more_may_follow = after is not None and len(rows) == limit
            return {"rows": rows, "last": (rows[-1]["number"] if rows else after) if more_may_follow else log.last}
        if on_clock and jump_if_auto(world):
            await yield_to_loop()
            continue
        await wait_first(remaining, log.changed, world.clock, world.view().next_event() if on_clock else None)


def jump_if_auto(world: World) -> bool:
    """Let an automatic clock jump to its next event; whether it did."""
    view = world.view()
    if world.clock.mode != "auto" or view.deliveries.under_way or view.next_event() is None:
        return False
    world.advance_to_next_event()
    return True
