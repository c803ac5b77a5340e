"""Settles what fell due in the quiet moments between requests, so that no request pays for the tasks of others.

Nobody can see a task that has ended and is not settled: whoever looks at credits, events or clocks settles first.
"""

import logging

from evolink_mock.clock import sleep_wall, yield_to_loop
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.slices import BUSY_SLICE, IDLE_SLICE

log = logging.getLogger("evolink_mock")

_PAUSE = 0.02
"""Seconds between looks, while anything is left."""
_IDLE_PAUSE = 0.25
_LATE = 0.001
"""Waking up later than this, in seconds, means that requests are waiting for their turn."""


async def settle_in_background(worlds: WorldRegistry) -> None:
    """Run until cancelled. Only running clocks need it: whoever moves another kind settles what that brings."""
    pause = _IDLE_PAUSE
    while True:
        late = await sleep_wall(pause)
        left = False
        try:
            with worlds.transaction():
                for world in list(worlds):
                    if world.clock.speed:
                        left |= world.tasks.apply_due(world.clock.now(), BUSY_SLICE if late > _LATE else IDLE_SLICE)
                        await yield_to_loop()
        except Exception:
            log.exception("what fell due could not be settled; trying again in %g s", _IDLE_PAUSE)
        pause = _PAUSE if left else _IDLE_PAUSE
