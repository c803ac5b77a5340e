"""Per-receiver worker pools: a slow receiver cannot starve the others."""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

from evolink_mock.clock import call_later, monotonic
from evolink_mock.delivery.throttle import Throttle

log = logging.getLogger("evolink_mock")

_INITIAL_WIDTH = 32
"""Attempts at once that a receiver may have before it has shown that it is slow. More would only be more sockets to
look after for a quick one: with 256 an attempt costs a third more."""
_FEW = 4
"""Attempts at once up to which a receiver gets a connection for each."""
_PATIENCE = 0.02
"""Seconds in which a quick receiver answers every attempt that is under way."""
_IDLE_TIME = 1.0
"""Seconds for which idle workers stay after the last attempt at a receiver."""

Job = TypeVar("Job")


class _Pool(Generic[Job]):
    """The attempts under way at one receiver, at most `width`, and those that wait for one of them to end.

    Idle workers stay for a moment, since a new one costs as much as a tenth of an attempt.
    """

    def __init__(self, receiver: Hashable, width: int) -> None:
        self.receiver = receiver
        self.width = width
        self.busy = 0
        self.waiting: deque[Job] = deque()
        self.idle: list[asyncio.Future[Job | None]] = []
        self.closing = False
        self.finished = 0
        self.since = 0.0
        """A reading of `monotonic()`: `finished` counts from then."""

    def maybe_widen(self, now: float, limit: int) -> None:
        """Allow a slow receiver more attempts at once, up to `limit`, so that none there waits for another."""
        if now - self.since < _PATIENCE:
            return
        if self.finished < self.busy and now - self.since < 2 * _PATIENCE:
            self.width = min(2 * self.width, limit)
        self.finished, self.since = 0, now

    def release_idle(self) -> None:
        """End the workers that are idle."""
        for worker in self.idle:
            if not worker.done():
                worker.set_result(None)
        self.idle.clear()


class WorkerPools(Generic[Job]):
    """A pool for each receiver, with at most `limit` attempts at once, and at most `most` at all receivers.

    `attempt` carries out a job; its second argument says whether the receiver has many at once.
    """

    def __init__(
        self,
        limit: int,
        throttle: Throttle,
        attempt: Callable[[Job, bool], Awaitable[None]],
        most: int = sys.maxsize,
    ) -> None:
        self._limit = limit
        self._most = most
        self._busy = 0
        """Attempts under way at all receivers."""
        self._full = False
        """Whether jobs wait since all places at all receivers were taken."""
        self._throttle = throttle
        self._attempt = attempt
        self._pools: dict[Hashable, _Pool[Job]] = {}
        self._queues: dict[_Pool[Job], None] = {}
        """The pools in which jobs wait, in the order of their turns."""
        self._workers: set[asyncio.Task[None]] = set()
        self._stopped = False

    def put(self, receiver: Hashable, job: Job) -> bool:
        """Start a job, or queue it behind others at its receiver; whether it waits."""
        if self._stopped:
            return False
        pool = self._pools.get(receiver)
        if pool is None:
            pool = self._pools[receiver] = _Pool(receiver, min(_INITIAL_WIDTH, self._limit))
        if pool.busy < pool.width and not pool.waiting and self._busy < self._most:
            self._start(pool, job)
            return False
        pool.waiting.append(job)
        self._queues[pool] = None
        self._full = self._full or self._busy >= self._most
        return True

    def start_waiting(self) -> bool:
        """Start jobs that waited; whether some still do. A pool that had its turn comes last in the next."""
        now, throttle = monotonic(), self._throttle
        for pool in list(self._queues):
            pool.maybe_widen(now, self._limit)
            begun = False
            while pool.waiting and pool.busy < pool.width and throttle.left > 0 and self._busy < self._most:
                self._start(pool, pool.waiting.popleft())
                begun = True
            if begun or not pool.waiting:
                del self._queues[pool]
                if pool.waiting:
                    self._queues[pool] = None
        self._full = self._busy >= self._most
        return bool(self._queues)

    def _start(self, pool: _Pool[Job], job: Job) -> None:
        self._throttle.left -= 1
        pool.busy += 1
        self._busy += 1
        if pool.idle:
            pool.idle.pop().set_result(job)
            return
        worker = asyncio.create_task(self._work(pool, job))
        self._workers.add(worker)
        worker.add_done_callback(self._workers.discard)

    async def _work(self, pool: _Pool[Job], first: Job) -> None:
        job: Job | None = first
        while job is not None:
            try:
                await self._attempt(job, pool.busy > _FEW)
            except Exception:  # The jobs that wait still need this worker.
                log.exception("an attempt of a callback failed")
            except BaseException:  # It ends this worker, and must not hold its place.
                pool.busy -= 1
                self._busy -= 1
                raise
            pool.finished += 1
            # Where all places are taken, the receivers take turns.
            shares = self._full and len(self._queues) > 1
            if pool.waiting and self._throttle.left > 0 and not shares:
                self._throttle.left -= 1
                job = pool.waiting.popleft()
                continue
            pool.busy -= 1
            self._busy -= 1
            if self._stopped:
                return
            if not pool.busy and not pool.closing:
                pool.closing = True
                call_later(_IDLE_TIME, partial(self._close, pool))
            next_job: asyncio.Future[Job | None] = asyncio.get_running_loop().create_future()
            pool.idle.append(next_job)
            job = await next_job

    def _close(self, pool: _Pool[Job]) -> None:
        pool.closing = False
        if not pool.busy and not pool.waiting:
            pool.release_idle()
            self._pools.pop(pool.receiver, None)

    def stop(self) -> None:
        """Start nothing more."""
        self._stopped = True
        for pool in self._pools.values():
            pool.waiting.clear()
            pool.release_idle()
        self._queues.clear()

    async def drain(self, seconds: float) -> None:
        """Let the attempts that are under way end, and cancel those that take longer than `seconds`."""
        self.stop()
        if self._workers:
            await asyncio.wait(self._workers, timeout=seconds)
        remaining = list(self._workers)
        for worker in remaining:
            worker.cancel()
        await asyncio.gather(*remaining, return_exceptions=True)
