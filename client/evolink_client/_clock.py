"""Clock and random source of the client; no other module reads the time or draws random numbers."""

import random
import secrets
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, NamedTuple

from evolink_client._models import Seconds

if TYPE_CHECKING:
    import anyio

# Not by the function that a test may replace, as freezegun does: waiting would never end.
_steady: Callable[[], Seconds]
if sys.platform == "win32":
    _steady = time.monotonic
else:
    _steady = partial(time.clock_gettime, time.CLOCK_MONOTONIC)


def monotonic() -> Seconds:
    """`time.monotonic`, also where a test has replaced that."""
    return _steady()


class Clock(NamedTuple):
    """The functions by which a client reads the time and draws random numbers; tests replace them."""

    now: Callable[[], Seconds] = monotonic
    """A monotonic clock, which goes on where a test has stopped the functions of `time`."""
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

    if not isinstance(time.monotonic, BuiltinFunctionType):
        await _sleep_by_a_thread(seconds, woken)
    elif woken is None:
        await anyio.sleep(seconds)
    else:
        with anyio.move_on_after(seconds):
            await woken.wait()


async def _sleep_by_a_thread(seconds: Seconds, woken: "anyio.Event | None") -> None:
    """`sleep_async` where a test has replaced `time.monotonic`, by which event loops wait: they would wait forever."""
    import anyio

    with anyio.CancelScope() as scope:
        timer = threading.Timer(seconds, from_any_thread(scope.cancel))
        timer.daemon = True
        timer.start()
        try:
            await (anyio.sleep_forever() if woken is None else woken.wait())
        finally:
            timer.cancel()


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
