"""Time travel: moves the simulated clock of a world, stopping at each attempt that falls due on the way."""

from evolink_mock.clock import LAST_INSTANT, monotonic, wait_first
from evolink_mock.core.duration import LONGEST, Micros, to_seconds
from evolink_mock.delivery.dispatcher import Dispatcher
from evolink_mock.worlds.world import World

_LONGEST_TRAVEL = 30.0
"""Seconds of wall time for the attempts on the way when the latency of a response moves the clock."""


class TimeTravel:
    """Lets time pass in worlds. The dispatcher starts the attempts that fall due meanwhile."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def travel(self, world: World, target: Micros, deadline: float) -> bool:
        """Move a world's clock to `target`, stopping at each attempt due on the way until it has ended.

        Returns false if an attempt is still under way at `deadline`, a reading of `monotonic()`: the clock then stays
        at that attempt. Also returns false if the world is reset meanwhile, since its clock starts anew.
        """
        epoch = world.epoch
        while await self._finish_due(world, deadline):
            if world.epoch != epoch:
                return False
            due = world.outbox.next_due()
            if due is None or due > target:
                world.move_clock(target)
                return True
            world.move_clock(due)
        return False

    async def let_pass(self, world: World, time: Micros) -> None:
        """Let `time` pass in a world: a running clock is waited for, one that stands still is moved at once."""
        if self._dispatcher.closed:
            return
        clock = world.clock
        if clock.speed:
            # A wait that is still going on when the emulator stops ends there.
            until = min(clock.now() + time, LAST_INSTANT)
            await wait_first(to_seconds(LONGEST), self._dispatcher.stopping, clock, until)
            return
        async with world.clock_lock:
            # `time` counts from when the lock is held, so waiting for the lock comes on top of it.
            await self.travel(world, min(world.clock.now() + time, LAST_INSTANT), monotonic() + _LONGEST_TRAVEL)

    async def _finish_due(self, world: World, deadline: float) -> bool:
        """Start the attempts that are due and wait for their ends; whether all ended before `deadline`."""
        outbox = world.outbox
        while True:
            await self._dispatcher.start_all_due(world)
            under_way = outbox.under_way
            begun = set(under_way)
            while begun & under_way.keys():
                left = deadline - monotonic()
                if left <= 0 or outbox is not world.outbox or self._dispatcher.closed:
                    return False
                await outbox.changed.wait(left)
            # On a running clock attempts may begin all the time; on one that stands still all that began must end.
            if world.clock.speed or not under_way:
                return not self._dispatcher.closed
