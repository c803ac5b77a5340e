"""Rows of a world's log after a number; with `wait`, at least one, so that nobody sleeps in a test."""

from collections.abc import Callable
from typing import Any

from evolink_mock.clock import monotonic, wait_first, yield_to_loop
from evolink_mock.control.endpoint import ControlError, ControlRequest, read_duration, read_number
from evolink_mock.core.duration import SECOND, Micros, to_seconds
from evolink_mock.core.redaction import masked_key
from evolink_mock.worlds.journal import Log
from evolink_mock.worlds.world import World

MAX_WAIT: Micros = 60 * SECOND
MAX_ROWS = 1000
LOG_PARAMETERS = ("after", "limit", "wait")
"""The query parameters of every feed."""
_SLICE = 500
"""Transitions carried out before other requests get their turn."""

Rows = list[dict[str, object]]


def read_wait(ask: ControlRequest) -> float:
    """Until when a call may wait, as a reading of the wall's seconds."""
    wait = read_duration("wait", ask.query["wait"]) if "wait" in ask.query else 0
    if wait > MAX_WAIT:
        raise ControlError(400, "invalid_query", f"wait must be at most {MAX_WAIT // SECOND}s")
    if ask.all_worlds and (wait or ask.query.get("after", "0") != "0"):
        raise ControlError(
            400, "invalid_query", "after and wait are for one world, whose numbers they mean; drop all=true"
        )
    return monotonic() + to_seconds(wait)


async def long_poll(
    ask: ControlRequest,
    rows_of: Callable[[World, int, int], Rows],
    log_of: Callable[[World], Log[Any]],
    over: Callable[[], bool],
    *,
    on_clock: bool = False,
) -> object:
    """`over` ends all waiting; `on_clock` says that time brings rows, so that an automatic clock may move on."""
    after = read_number(ask, "after", 0, 10**15)
    limit = read_number(ask, "limit", 100, MAX_ROWS)
    until = read_wait(ask)
    while True:
        for world in ask.worlds:
            await settle_in_slices(world)
        if ask.all_worlds:
            every = [row | {"key": masked_key(world.key)} for world in ask.worlds for row in rows_of(world, 0, limit)]
            return {"rows": every[:limit], "last": None}
        (world,) = ask.worlds
        rows = rows_of(world, after, limit)
        left = until - monotonic()
        if rows or left <= 0 or over():
            cut_short = len(rows) == limit
            return {"rows": rows, "last": rows[-1]["number"] if cut_short else log_of(world).last}
        if on_clock and jump_if_auto(world):
            await yield_to_loop()
            continue
        await wait_first(left, log_of(world).changed, world.clock, world.next_event() if on_clock else None)


def jump_if_auto(world: World) -> bool:
    """Let an automatic clock jump to what happens next; whether it did."""
    if world.clock.mode != "auto" or world.outbox.under_way or world.next_event() is None:
        return False
    world.advance_to_next_event()
    return True


async def settle_in_slices(world: World) -> None:
    """Carry out what is due, and let others have their turn in between."""
    while world.apply_due(world.clock.now(), _SLICE):
        await yield_to_loop()
