"""Background task that applies due state transitions while the event loop is idle.

It only spares requests the time: whether it has run can be seen nowhere, since a view of a world is always settled.
"""

import logging

from evolink_mock.clock import sleep_wall, yield_to_loop
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.slices import BUSY_SLICE, IDLE_SLICE
from evolink_mock.worlds.store import StorageError

log = logging.getLogger("evolink_mock")

_PAUSE = 0.02
"""Seconds between turns while transitions are left."""
_IDLE_PAUSE = 0.25
_LATE = 0.001
"""Waking up later than this, in seconds, means that requests wait for the event loop."""


async def settle_in_background(worlds: WorldRegistry) -> None:
    """Run until cancelled. Only running clocks need it: a clock of another kind moves by requests alone."""
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
        except StorageError:
            pass  # Logged where it was raised.
        except Exception:
            log.exception("due transitions could not be applied; trying again in %g s", _IDLE_PAUSE)
        pause = _PAUSE if left else _IDLE_PAUSE
