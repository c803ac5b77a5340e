"""Sends what is due: wakes for every world's next attempt, keeps slow receivers apart, notes what became of each."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from evolink_contracts.spec.timing import EVOLINK_CALLBACKS, CallbackPolicy
from evolink_mock.clock import Bell, breathe, wall_seconds
from evolink_mock.core.deliveries import Delivery, Outcome, Stage, after, finished_at
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.routing import Kind, Routing, Way
from evolink_mock.core.verdict import Scope, judge_callback
from evolink_mock.transport import Posting, Transport
from evolink_mock.world import World
from evolink_mock.worlds import Worlds

log = logging.getLogger("evolink_mock")

_SLICE = 16
"""Attempts begun before requests get their turn: about as much work as the requests of 32 busy connections."""


class _Job(NamedTuple):
    """An attempt that has begun, on the clock."""

    world: World
    generation: int
    number: int
    delivery: Delivery
    way: Way


class _Lane:
    """One receiver: the attempts it is busy with, and those that wait because it is busy with too many."""

    def __init__(self) -> None:
        self.busy = 0
        self.waiting: deque[_Job] = deque()


class Dispatcher:
    """Delivers for all worlds. At most `concurrency` attempts are under way at one receiver; none waits for others'."""

    def __init__(
        self,
        worlds: Worlds,
        routing: Routing,
        transports: Mapping[Kind, Transport],
        started: Bell,
        *,
        concurrency: int,
        scope: Scope,
        policy: CallbackPolicy = EVOLINK_CALLBACKS,
    ) -> None:
        self.policy = policy
        self._worlds = worlds
        self._transports = transports
        self._started = started
        self._concurrency = concurrency
        self._lanes: dict[tuple[Kind, str], _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()

        @lru_cache(maxsize=1024)
        def way_of(url: str) -> Way | str:
            """Where a URL leads, or why it leads nowhere; an empty reason is that there is no route."""
            objection = judge_callback(url, scope=scope)
            if objection is not None:
                return objection.message
            return routing.way(url) or ""

        self._way_of = way_of
        self._routing = routing

    async def run(self) -> None:
        """Until cancelled: begin what is due in any world, and sleep until something is."""
        while True:
            left = False
            pause: float | None = None
            for world in list(self._worlds):
                left |= self.begin_due(world)
                due = world.outbox.next_due()
                if due is not None and world.clock.speed:
                    wait = max(due - world.clock.now(), 0) / SECOND / world.clock.speed
                    pause = wait if pause is None else min(pause, wait)
            self._worlds.commit()
            if left:
                await breathe()
            else:
                await self._started.wait(pause)

    def begin_due(self, world: World) -> bool:
        """Begin some attempts that are due in a world; whether more of them are."""
        now = world.clock.now()
        for _ in range(_SLICE):
            number = world.next_attempt(now)
            if number is None:
                return False
            if number == "later":
                return True
            self._begin(world, number)
        return True

    async def travel(self, world: World, target: Micros, until: float) -> bool:
        """Move a world's clock to an instant, stopping at every attempt due on the way until it is over.

        False if one is still under way at `until`, a reading of the wall's seconds: then the clock stays there.
        """
        while await self._finish_due(world, until):
            due = world.outbox.next_due()
            if due is None or due > target:
                world.clock.move_to(target)
                return True
            world.clock.move_to(due)
        return False

    async def _finish_due(self, world: World, until: float) -> bool:
        while self.begin_due(world):
            await breathe()
        begun = set(world.outbox.under_way)
        while begun & world.outbox.under_way.keys():
            left = until - wall_seconds()
            if left <= 0:
                return False
            await world.outbox.bell.wait(left)
        return True

    async def drain(self, seconds: float) -> None:
        """Let the attempts that are under way end, and cut off those that take longer."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in list(self._tasks):
            task.cancel()
        for transport in set(self._transports.values()):
            await transport.close()

    def _begin(self, world: World, number: int) -> None:
        delivery = world.outbox.get(number)
        if delivery is None:
            return
        url = world.callback_url(delivery)
        way = "its task is forgotten" if url is None else self._way_of(url)
        if not isinstance(way, Way):
            # `refused`, because production would call it as little as the emulator does.
            stage: Stage = "refused" if way else "unrouted"
            note = f"callback_url {way}" if way or url is None else self._routing.advice(url)
            world.attempted(number, delivery._replace(stage=stage, due=None, note=note, hold=""))
            return
        lane = self._lanes.setdefault((way.kind, way.place), _Lane())
        job = _Job(world, world.generation, number, delivery, way)
        if lane.busy >= self._concurrency:
            lane.waiting.append(job)
            return
        lane.busy += 1
        task = asyncio.create_task(self._work(lane, job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, lane: _Lane, job: _Job) -> None:
        try:
            while True:
                await self._attempt(job)
                if not lane.waiting:
                    return
                job = lane.waiting.popleft()
        finally:
            lane.busy -= 1
            if not lane.busy and not lane.waiting:
                self._lanes.pop((job.way.kind, job.way.place), None)

    async def _attempt(self, job: _Job) -> None:
        world, generation, number, delivery, way = job
        if world.generation != generation:
            return
        started = world.clock.now()
        posting = Posting(way, world.callback_body(delivery), delivery.task, len(delivery.attempts) + 1, world)
        try:
            async with asyncio.timeout(self.policy.timeout):
                outcome = await self._transports[way.kind].send(posting)
        except TimeoutError:
            outcome = Outcome(
                fault="timeout",
                detail=f"no whole answer within {self.policy.timeout:g} s",
                latency=round(self.policy.timeout * SECOND),
            )
        except Exception as error:
            log.exception("an attempt to call back failed")
            outcome = Outcome(fault="crashed", detail=repr(error)[:200])
        if world.generation != generation:
            return
        finished = finished_at(world.clock.mode, started, world.clock.now(), outcome, self.policy)
        world.attempted(number, after(delivery, way.url, started, finished, outcome, self.policy))
        self._worlds.commit()
