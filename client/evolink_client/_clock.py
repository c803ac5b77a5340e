"""Time and luck, and the only module of this package that touches them."""

import random
import secrets
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from evolink_client._models import Seconds

if TYPE_CHECKING:
    import anyio


class Clock(NamedTuple):
    """What a client asks of the world, for tests to answer themselves."""

    now: Callable[[], Seconds] = time.monotonic
    """A reading that never falls."""
    unix: Callable[[], Seconds] = time.time
    """The date, in Unix seconds."""
    luck: Callable[[], float] = random.random
    """A number in [0, 1), by which pauses are spread."""


def new_key() -> str:
    """An idempotency key that nobody had before."""
    return f"evolink-client-{secrets.token_hex(16)}"


def new_name() -> str:
    """A part of a file name that nobody else has now."""
    return secrets.token_hex(4)


def sleep(seconds: Seconds, woken: threading.Event | None = None) -> None:
    """For a client that blocks; no longer than until it is woken."""
    if woken is None:
        time.sleep(seconds)
    else:
        woken.wait(seconds)


async def sleep_async(seconds: Seconds, woken: "anyio.Event | None" = None) -> None:
    """For one that awaits, under asyncio and trio alike."""
    # anyio takes a tenth of httpx's own time to import, and only this needs it.
    import anyio

    if woken is None:
        await anyio.sleep(seconds)
    else:
        with anyio.move_on_after(seconds):
            await woken.wait()


def from_any_thread(call: Callable[[], None]) -> Callable[[], None]:
    """A call that is made on the event loop which runs now, whichever thread asks for it."""
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio

        token = trio.lowlevel.current_trio_token()
        return lambda: token.run_sync_soon(call)

    def soon() -> None:
        loop.call_soon_threadsafe(call)

    return soon
