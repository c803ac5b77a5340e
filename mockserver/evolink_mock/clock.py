"""Clocks of worlds and wall-clock waiting; no other module reads or waits for time."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from functools import partial
from itertools import islice
from types import BuiltinFunctionType
from typing import Any, Literal, Protocol, TypeAlias

from evolink_mock.core.duration import SECOND, Micros

Mode: TypeAlias = Literal["real", "scaled", "manual", "auto"]

DEFAULT_START: Micros = 1_757_169_743 * SECOND
"""Where manual clocks start: the `created` of the documented example (S1a)."""

LAST_INSTANT: Micros = 4_102_444_800 * SECOND
"""The year 2100: no clock goes further."""
MAX_SPEED = 100_000.0

STILL_QUERIES = 10
"""Queries of one unfinished task at one instant of a manual clock that are worth a warning."""

# Not by the functions that a test may replace, as freezegun does: waiting would never end.
if sys.platform == "win32":
    _monotonic_ns = partial(time.monotonic_ns)
else:
    _monotonic_ns = partial(time.clock_gettime_ns, time.CLOCK_MONOTONIC)


_WOKEN = 100
"""Tasks that are woken at a stretch, before other work on the event loop gets a turn."""


class Notifier:
    """Wakes all tasks that wait when it is notified; of very many, the first ones at once."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def notify_all(self) -> None:
        if self._waiting:
            # A list, since each future that is done removes itself from its set.
            waiting, self._waiting = list(self._waiting), set()
            _wake(iter(waiting))

    def subscribe(self) -> "asyncio.Future[None]":
        """A future that is done at the next notification after this call, awaited or not."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        return future

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait for the next notification; whether it came within `seconds` of wall time."""
        if seconds is not None and _time_is_replaced():
            return await _first_within(seconds, [self.subscribe()])
        try:
            await asyncio.wait_for(self.subscribe(), seconds)
        except TimeoutError:
            return False
        return True


def _wake(waiting: "Iterator[asyncio.Future[None]]") -> None:
    woken = list(islice(waiting, _WOKEN))
    for future in woken:
        if not future.done():
            future.set_result(None)
    if len(woken) == _WOKEN:
        woken[0].get_loop().call_soon(_wake, waiting)


class Clock(Protocol):
    """The clock of a world. All instants are microseconds since 1970."""

    mode: Mode
    speed: float

    def now(self) -> Micros: ...
    def move_to(self, instant: Micros) -> None:
        """Jump forward; an instant that has passed already changes nothing."""

    def seconds_until(self, instant: Micros) -> float | None:
        """Seconds of wall time until the clock gets there by itself, 0 if it has; `None` where it never does."""

    async def sleep_until(self, deadline: Micros) -> None: ...


class SystemClock:
    """Runs by itself, `speed` times as fast as the machine's clock, and never backwards."""

    def __init__(self, start: Micros | None = None, speed: float = 1.0, mode: Mode = "real") -> None:
        self._start = time.time_ns() // 1000 if start is None else start
        self._zero = _monotonic_ns()
        self._moved = Notifier()
        self.speed = speed
        self.mode: Mode = mode

    def now(self) -> Micros:
        elapsed = _monotonic_ns() - self._zero
        if self.speed == 1:
            return self._start + elapsed // 1000
        return min(self._start + int(elapsed * self.speed) // 1000, LAST_INSTANT)

    def move_to(self, instant: Micros) -> None:
        self._start += max(instant - self.now(), 0)
        self._moved.notify_all()

    def seconds_until(self, instant: Micros) -> float | None:
        if self.speed != 1 and instant > LAST_INSTANT:
            return None
        return max(instant - self.now(), 0) / SECOND / self.speed

    async def sleep_until(self, deadline: Micros) -> None:
        while (left := self.seconds_until(deadline)) != 0:
            await self._moved.wait(left)


class ManualClock:
    """Stands still until it is moved. In mode `auto` the emulator moves it when a caller queries unfinished work."""

    def __init__(self, start: Micros = DEFAULT_START, mode: Literal["manual", "auto"] = "manual") -> None:
        self._now = start
        self._queries: dict[str, int] = {}
        self._moved = Notifier()
        self.mode: Mode = mode
        self.speed = 0.0

    def now(self) -> Micros:
        return self._now

    def move_to(self, instant: Micros) -> None:
        self._now = max(self._now, instant)
        self._queries.clear()
        self._moved.notify_all()

    def count_query(self, task: str) -> int:
        """The number of queries of an unfinished task, this one included, since the clock moved last."""
        count = self._queries[task] = self._queries.get(task, 0) + 1
        return count

    def seconds_until(self, instant: Micros) -> float | None:
        return 0 if instant <= self._now else None

    async def sleep_until(self, deadline: Micros) -> None:
        while self._now < deadline:
            await self._moved.wait()


def make_clock(mode: Mode, *, start: Micros | None = None, speed: float = 1.0) -> Clock:
    """A clock of the given mode; `start` defaults to now for running clocks and to a fixed instant for others."""
    match mode:
        case "real":
            return SystemClock(start)
        case "scaled":
            return SystemClock(start, speed, "scaled")
        case "manual" | "auto":
            return ManualClock(DEFAULT_START if start is None else start, mode)


ClockFactory: TypeAlias = Callable[[], Clock]
"""Makes the clock of each new world: an object with `mode`, `speed`, `now`, `move_to` and `sleep_until`."""


def resume_clock(mode: Mode, speed: float, now: Micros, wall: Micros) -> Clock:
    """A clock that showed `now` when the machine's showed `wall`, and has run since if its mode is a running one."""
    elapsed = max(time.time_ns() // 1000 - wall, 0)
    rate = {"real": 1.0, "scaled": speed}.get(mode, 0.0)
    return make_clock(mode, start=min(now + int(elapsed * rate), LAST_INSTANT), speed=speed)


def unix_micros() -> Micros:
    """The current time of the machine's clock."""
    return time.time_ns() // 1000


async def yield_to_loop() -> None:
    """Let the event loop run other tasks."""
    await asyncio.sleep(0)


def block(seconds: float) -> None:
    """Block this thread for a time in wall time."""
    time.sleep(seconds)


async def sleep_wall(seconds: float) -> float:
    """Sleep in wall time; the seconds by which it woke too late."""
    started = monotonic()
    if _time_is_replaced():
        await _first_within(seconds, [])
    else:
        await asyncio.sleep(seconds)
    return monotonic() - started - seconds


class Timer(Protocol):
    """A call that is due, and can be cancelled."""

    def cancel(self) -> None: ...


def call_later(seconds: float, callback: Callable[[], None]) -> Timer:
    """Call a function after `seconds` of wall time, unless that is cancelled or the loop ends before."""
    loop = asyncio.get_running_loop()
    if not _time_is_replaced():
        return loop.call_later(seconds, callback)
    timer = threading.Timer(seconds, _call_soon, (loop, callback))
    timer.daemon = True
    timer.start()
    return timer


def _time_is_replaced() -> bool:
    """Whether a test has replaced `time.monotonic`, as freezegun does: the timers of an event loop may never end."""
    return not isinstance(time.monotonic, BuiltinFunctionType)


def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    # The loop may have ended meanwhile.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(callback)


@asynccontextmanager
async def in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run a coroutine during the body of the context, and cancel it afterwards."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def wait_first(seconds: float, notifier: Notifier, clock: Clock, deadline: Micros | None) -> bool:
    """Wait for a notification or for the clock to reach the deadline; false after `seconds` of wall time."""
    waits: list[asyncio.Future[Any]] = [notifier.subscribe()]
    if deadline is not None:
        waits.append(asyncio.ensure_future(_slept(clock, deadline)))
    return await _first_within(seconds, waits)


async def _first_within(seconds: float, waits: list[asyncio.Future[Any]]) -> bool:
    """Wait for one of several futures, and cancel the others; false after `seconds` of wall time."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    timer = None
    if _time_is_replaced():
        timer = call_later(seconds, lambda: None if over.done() else over.set_result(None))
    try:
        done, _ = await asyncio.wait(
            [*waits, over], timeout=None if timer else seconds, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        if timer is not None:
            timer.cancel()
        for wait in (*waits, over):
            wait.cancel()
    return any(wait in done for wait in waits)


async def _slept(clock: Clock, deadline: Micros) -> bool:
    await clock.sleep_until(deadline)
    return True


def wall_micros() -> Micros:
    """`monotonic` in whole microseconds, to measure durations."""
    return _monotonic_ns() // 1000


def monotonic() -> float:
    """Seconds of a clock that never jumps; only differences between two readings mean anything."""
    return _monotonic_ns() / 1e9


_last_date = (0, b"")


def http_date(instant: Micros) -> bytes:
    """The value of the `Date` header for an instant."""
    global _last_date
    second = instant // SECOND
    if _last_date[0] != second:
        _last_date = (second, formatdate(second, usegmt=True).encode())
    return _last_date[1]


def iso_date(instant: Micros) -> str:
    """An instant as the file endpoints show it, to the second and eight hours east of UTC (S1d)."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(instant // SECOND + 8 * 3600))
