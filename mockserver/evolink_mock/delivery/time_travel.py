"""Time travel: moves the simulated clock of a world, stopping at each attempt that falls due on the way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias
from weakref import WeakKeyDictionary

from evolink_mock.clock import LAST_INSTANT, monotonic, wait_first
from evolink_mock.core.duration import LONGEST, SECOND, Micros, to_seconds
from evolink_mock.delivery.dispatcher import Dispatcher
from evolink_mock.worlds.world import World

_LONGEST_TRAVEL = 30.0
"""Seconds of wall time for the attempts on the way when the latency of a response moves the clock."""
_PATIENCE = 0.5
"""Seconds of wall time for attempts that were under way before a journey: their receiver may be what waits for it."""


READ_TIMEOUT: ContextVar[float | None] = ContextVar("READ_TIMEOUT", default=None)
"""Seconds that a client in this process waits for a response: real ones on a running clock, else those of the clock."""


class ResponseTooLate(Exception):
    """The latency of a response is longer than the client in this process waits."""


_Attempts: TypeAlias = frozenset[tuple[int, Micros]]
"""Attempts under way, each by the number of its delivery and the instant at which it began."""


@dataclass
class _Journeys:
    """The journeys of one world that are under way, and the instant at which the last of them ends."""

    epoch: int
    under_way: int = 0
    target: Micros = 0


class TimeTravel:
    """Lets time pass in worlds. The dispatcher starts the attempts that fall due meanwhile.

    A journey waits for the attempts that begin on its way, as their receivers answer within it. It does not wait for
    those of another journey: a receiver may advance the clock before it answers, and would wait for itself.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._of_worlds: WeakKeyDictionary[World, _Journeys] = WeakKeyDictionary()

    def end_of_journeys(self, world: World) -> Micros:
        """The instant at which a world's clock arrives by the journeys under way; its present one if there are none."""
        journeys, now = self._journeys(world), world.clock.now()
        return max(now, journeys.target) if journeys.under_way else now

    async def travel(self, world: World, target: Micros, deadline: float) -> bool:
        """Move a world's clock to `target`, stopping at each attempt due on the way until it has ended.

        Returns false if an attempt is still under way at `deadline`, a reading of `monotonic()`: the clock then stays
        at that attempt. Also returns false if the world is reset meanwhile, since its clock starts anew.
        """
        epoch = world.epoch
        async with self._set_out(world, target) as not_awaited:
            while await self._finish_due(world, deadline, not_awaited):
                if world.epoch != epoch:
                    return False
                due = world.outbox.next_due()
                if due is None or due > target:
                    world.move_clock(max(target, world.clock.now()))
                    return True
                world.move_clock(max(due, world.clock.now()))
        return False

    async def let_pass(self, world: World, time: Micros) -> None:
        """Let `time` pass in a world: a running clock is waited for, one that stands still is moved at once.

        During another journey it costs nothing more, since that one moves the clock. Raises `ResponseTooLate` after
        `READ_TIMEOUT`, where that is shorter: a clock that stands still is moved by all of `time` nevertheless.
        """
        if self._dispatcher.closed:
            return
        clock, timeout = world.clock, READ_TIMEOUT.get()
        patience = time if timeout is None else round(timeout * SECOND * (clock.speed or 1))
        if clock.speed:
            # A wait that is still going on when the emulator stops ends there.
            until = min(clock.now() + min(time, patience), LAST_INSTANT)
            await wait_first(to_seconds(LONGEST), self._dispatcher.stopping, clock, until)
        elif not self._journeys(world).under_way:
            await self.travel(world, min(clock.now() + time, LAST_INSTANT), monotonic() + _LONGEST_TRAVEL)
        if time > patience:
            raise ResponseTooLate

    def _journeys(self, world: World) -> _Journeys:
        known = self._of_worlds.get(world)
        if known is None or known.epoch != world.epoch:
            known = self._of_worlds[world] = _Journeys(world.epoch)
        return known

    @asynccontextmanager
    async def _set_out(self, world: World, target: Micros) -> AsyncIterator[_Attempts]:
        """A journey; yields the attempts that it does not wait for."""
        journeys = self._journeys(world)
        joins = journeys.under_way > 0
        journeys.under_way += 1
        journeys.target = max(journeys.target, target) if joins else target
        try:
            if not joins:
                await self._wait_for_end(world, frozenset(world.outbox.under_way.items()), monotonic() + _PATIENCE)
            yield frozenset(world.outbox.under_way.items())
        finally:
            journeys.under_way -= 1

    async def _finish_due(self, world: World, deadline: float, not_awaited: _Attempts) -> bool:
        """Start the attempts that are due and wait for their ends; whether all ended before `deadline`."""
        outbox = world.outbox
        while True:
            await self._dispatcher.start_all_due(world)
            begun = frozenset(outbox.under_way.items()) - not_awaited
            if not await self._wait_for_end(world, begun, deadline):
                return False
            # On a running clock attempts may begin all the time; on one that stands still all that began must end.
            if world.clock.speed or not frozenset(outbox.under_way.items()) - not_awaited:
                return not self._dispatcher.closed

    async def _wait_for_end(self, world: World, attempts: _Attempts, deadline: float) -> bool:
        """Whether these attempts ended before `deadline`, in a world that was not reset meanwhile."""
        outbox = world.outbox
        while not attempts.isdisjoint(outbox.under_way.items()):
            left = deadline - monotonic()
            if left <= 0 or outbox is not world.outbox or self._dispatcher.closed:
                return False
            await outbox.changed.wait(left)
        return True
