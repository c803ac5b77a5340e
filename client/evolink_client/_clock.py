"""Clock and random source of the client; no other module reads the time or draws random numbers."""

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
    """The functions by which a client reads the time and draws random numbers; tests replace them."""

    now: Callable[[], Seconds] = time.monotonic
    """A monotonic clock."""
    unix: Callable[[], Seconds] = time.time
    """The date, in Unix seconds."""
    luck: Callable[[], float] = random.random
    """A random number in [0, 1), for the jitter of retries."""


def new_key() -> str:
    """A unique idempotency key."""
    return f"evolink-client-{secrets.token_hex(16)}"


def new_name() -> str:
    """A unique part of a temporary file's name."""
    return secrets.token_hex(4)


def sleep(seconds: Seconds, woken: threading.Event | None = None) -> None:
    """Block for a time, or until `woken` is set."""
    if woken is None:
        time.sleep(seconds)
    else:
        woken.wait(seconds)


async def sleep_async(seconds: Seconds, woken: "anyio.Event | None" = None) -> None:
    """Wait for a time, or until `woken` is set, under asyncio or trio."""
    # Importing anyio takes a tenth of the time that httpx takes, and only asynchronous clients need it.
    import anyio

    if woken is None:
        await anyio.sleep(seconds)
    else:
        with anyio.move_on_after(seconds):
            await woken.wait()


def from_any_thread(call: Callable[[], None]) -> Callable[[], None]:
    """A function that any thread may call, and that runs `call` on the event loop running now."""
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
