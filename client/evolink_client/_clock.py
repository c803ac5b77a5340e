"""Time and luck, and the only module of this package that touches them."""

import random
import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from evolink_client._models import Seconds


class Clock(NamedTuple):
    """What flows ask of the world: a reading of seconds that never falls, the date, and a number in [0, 1)."""

    now: Callable[[], Seconds] = time.monotonic
    unix: Callable[[], Seconds] = time.time
    luck: Callable[[], float] = random.random


def new_key() -> str:
    """An idempotency key that nobody had before."""
    return f"evolink-client-{secrets.token_hex(16)}"


def sleep(seconds: Seconds) -> None:
    """For a client that blocks."""
    time.sleep(seconds)


async def sleep_async(seconds: Seconds) -> None:
    """For one that awaits, under asyncio and trio alike."""
    # anyio takes a tenth of httpx's own time to import, and only this needs it.
    import anyio

    await anyio.sleep(seconds)
