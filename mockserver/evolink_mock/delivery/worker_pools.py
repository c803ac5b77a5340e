"""Receivers beside one another: each has a few attempts at once, and one that is slow delays no other."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

from evolink_mock.clock import call_later, monotonic
from evolink_mock.delivery.throttle import Throttle

log = logging.getLogger("evolink_mock")

_QUICK = 32
"""Attempts at once that a receiver can have without showing that it is slow. For a quick one more would only be more
sockets to look after: with 256 an attempt costs a third more."""
_FEW = 4
"""Attempts at once with which a receiver gets a connection for each."""
_PATIENCE = 0.02
"""Seconds in which a quick receiver answers each of the attempts that are under way."""
_REST = 1.0
"""Seconds for which workers stay when a receiver has nothing more to get."""

Job = TypeVar("Job")


class _Pool(Generic[Job]):
    """One receiver: the attempts it is busy with, at most `width`, and those that wait for one of them to end.

    Workers that have nothing to do rest for a moment, since a new one costs as much as a tenth of an attempt.
    """

    def __init__(self, receiver: Hashable, width: int) -> None:
        self.receiver = receiver
        self.width = width
        self.busy = 0
        self.waiting: deque[Job] = deque()
        self.resting: list[asyncio.Future[Job | None]] = []
        self.closing = False
        self.finished = 0
        self.since = 0.0
        """A reading of the wall's seconds: `finished` counts from then."""

    def maybe_widen(self, now: float, most: int) -> None:
        """Widen the lane of a receiver that takes its time, so that no attempt there waits for another."""
        if now - self.since < _PATIENCE:
            return
        if self.finished < self.busy and now - self.since < 2 * _PATIENCE:
            self.width = min(2 * self.width, most)
        self.finished, self.since = 0, now

    def release_idle(self) -> None:
        """Let the workers go that rest."""
        for worker in self.resting:
            if not worker.done():
                worker.set_result(None)
        self.resting.clear()


class WorkerPools(Generic[Job]):
    """A lane for each receiver, with at most `most` attempts at once; one that is quick gets along with fewer.

    `attempt` carries out a job; its second argument says whether the receiver has many at once.
    """

    def __init__(self, most: int, pace: Throttle, attempt: Callable[[Job, bool], Awaitable[None]]) -> None:
        self._most = most
        self._pace = pace
        self._attempt = attempt
        self._lanes: dict[Hashable, _Pool[Job]] = {}
        self._queues: dict[_Pool[Job], None] = {}
        """The lanes in which jobs wait, in the order in which they get their turn."""
        self._workers: set[asyncio.Task[None]] = set()
        self._stopped = False

    def put(self, receiver: Hashable, job: Job) -> bool:
        """Begin a job, or let it wait for its turn at its receiver; whether it waits."""
        if self._stopped:
            return False
        lane = self._lanes.get(receiver)
        if lane is None:
            lane = self._lanes[receiver] = _Pool(receiver, min(_QUICK, self._most))
        if lane.busy < lane.width and not lane.waiting:
            self._start(lane, job)
            return False
        lane.waiting.append(job)
        self._queues[lane] = None
        return True

    def start_waiting(self) -> bool:
        """Begin jobs that waited; whether some still do. A lane that had its turn is behind the others in the next."""
        now, pace = monotonic(), self._pace
        for lane in list(self._queues):
            lane.maybe_widen(now, self._most)
            begun = False
            while lane.waiting and lane.busy < lane.width and pace.left > 0:
                self._start(lane, lane.waiting.popleft())
                begun = True
            if begun or not lane.waiting:
                del self._queues[lane]
                if lane.waiting:
                    self._queues[lane] = None
        return bool(self._queues)

    def _start(self, lane: _Pool[Job], job: Job) -> None:
        self._pace.left -= 1
        lane.busy += 1
        if lane.resting:
            lane.resting.pop().set_result(job)
            return
        worker = asyncio.create_task(self._work(lane, job))
        self._workers.add(worker)
        worker.add_done_callback(self._workers.discard)

    async def _work(self, lane: _Pool[Job], first: Job) -> None:
        job: Job | None = first
        while job is not None:
            try:
                await self._attempt(job, lane.busy > _FEW)
            except Exception:  # The others wait for this worker.
                log.exception("an attempt to call back failed")
            lane.finished += 1
            if lane.waiting and self._pace.left > 0:
                self._pace.left -= 1
                job = lane.waiting.popleft()
                continue
            lane.busy -= 1
            if self._stopped:
                return
            if not lane.busy and not lane.closing:
                lane.closing = True
                call_later(_REST, partial(self._close, lane))
            called: asyncio.Future[Job | None] = asyncio.get_running_loop().create_future()
            lane.resting.append(called)
            job = await called

    def _close(self, lane: _Pool[Job]) -> None:
        lane.closing = False
        if not lane.busy and not lane.waiting:
            lane.release_idle()
            self._lanes.pop(lane.receiver, None)

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopped = True
        for lane in self._lanes.values():
            lane.waiting.clear()
            lane.release_idle()
        self._queues.clear()

    async def drain(self, seconds: float) -> None:
        """Let the attempts that are under way end, and cut off those that take longer."""
        self.stop()
        if self._workers:
            await asyncio.wait(self._workers, timeout=seconds)
        cut_off = list(self._workers)
        for worker in cut_off:
            worker.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)
