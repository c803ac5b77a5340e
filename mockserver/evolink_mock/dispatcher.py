"""Sends what is due: wakes for every world's next attempt, keeps slow receivers apart, notes what became of each."""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import NamedTuple

from evolink_contracts.spec.timing import EVOLINK_CALLBACKS, CallbackPolicy
from evolink_mock.agenda import Agenda
from evolink_mock.callbacks import attempted, callback_body, callback_url, next_attempt
from evolink_mock.clock import breathe, later, rest, wall_seconds
from evolink_mock.core.deliveries import Delivery, Outcome, Stage, after, finished_at, timed_out
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.routing import Kind, Routing, Way
from evolink_mock.core.task import Task
from evolink_mock.core.verdict import Scope, judge_callback
from evolink_mock.deadline import Deadline
from evolink_mock.transport import Posting, Transport
from evolink_mock.world import World
from evolink_mock.worlds import Worlds

log = logging.getLogger("evolink_mock")

_SLICE = 16
"""Attempts begun at most before others get their turn."""
_SHARE = 5
"""Requests that take as long as one attempt: for each so many that were answered in a turn of the loop, one attempt may
begin in the next, which leaves requests half of the time."""
_TICK = 0.001
"""Seconds between looks at what waits for its turn, while no request comes."""
_QUICK = 32
"""Attempts at once that a receiver can have without showing that it is slow. For a quick one more would only be more
sockets to look after: with 256 an attempt costs a third more."""
_FEW = 4
"""Attempts at once with which a receiver gets a connection for each."""
_PATIENCE = 0.02
"""Seconds in which a quick receiver answers each of the attempts that are under way."""
_REST = 1.0
"""Seconds for which workers stay when a receiver has nothing more to get."""


class _Job(NamedTuple):
    """An attempt that has begun, on the clock."""

    world: World
    generation: int
    number: int
    delivery: Delivery
    task: Task
    way: Way


class _Lane:
    """One receiver: the attempts it is busy with, at most `width`, and those that wait for one of them to end.

    Workers that have nothing to do rest for a moment, since a new one costs as much as a tenth of an attempt.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.busy = 0
        self.waiting: deque[_Job] = deque()
        self.resting: list[asyncio.Future[_Job | None]] = []
        self.closing = False
        self.finished = 0
        self.since = 0.0
        """A reading of the wall's seconds: `finished` counts from then."""

    def look(self, now: float, most: int) -> None:
        """Widen the lane of a receiver that takes its time, so that no attempt there waits for another."""
        if now - self.since < _PATIENCE:
            return
        if self.finished < self.busy and now - self.since < 2 * _PATIENCE:
            self.width = min(2 * self.width, most)
        self.finished, self.since = 0, now

    def dismiss(self) -> None:
        """Let the workers go that rest."""
        for worker in self.resting:
            if not worker.done():
                worker.set_result(None)
        self.resting.clear()


class Dispatcher:
    """Delivers for all worlds. At most `concurrency` attempts are under way at one receiver; none waits for others'.

    One that is slow has all of those at once, and one that is quick needs fewer.
    """

    def __init__(
        self,
        worlds: Worlds,
        routing: Routing,
        transports: Mapping[Kind, Transport],
        agenda: Agenda[World],
        *,
        concurrency: int,
        scope: Scope,
        policy: CallbackPolicy = EVOLINK_CALLBACKS,
    ) -> None:
        self.policy = policy
        self._deadline = Deadline(policy.timeout)
        self._worlds = worlds
        self._transports = transports
        self._agenda = agenda
        self._asked = 0
        self._allowed = sys.maxsize
        self._concurrency = concurrency
        self._lanes: dict[tuple[Kind, str], _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False

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
            self._turn()
            left, pause = False, None
            for world in list(self._agenda.owners):
                left |= self.begin_due(world)
                due = world.outbox.next_due()
                if due is None:
                    world.entry.strike()
                elif world.clock.speed:
                    wait = max(due - world.clock.now(), 0) / SECOND / world.clock.speed
                    pause = wait if pause is None else min(pause, wait)
            waiting = self._begin_waiting()
            self._worlds.commit()
            if left or (waiting and self._allowed < _SLICE):
                await breathe()
            elif waiting:
                await rest(_TICK)
            else:
                await self._agenda.bell.wait(pause)

    def _turn(self) -> None:
        """Say how many attempts may begin before the next turn, by how many requests came since the last."""
        asked = self._agenda.asked
        since, self._asked = asked - self._asked, asked
        self._allowed = max(since // _SHARE, 1) if since else sys.maxsize

    def begin_due(self, world: World) -> bool:
        """Begin some attempts that are due in a world; whether more of them are."""
        now = world.clock.now()
        for _ in range(_SLICE):
            if self._allowed <= 0:
                return True
            number = next_attempt(world, now)
            if number is None:
                return False
            if number == "later":
                return True
            try:
                self._begin(world, number, now)
            except Exception:  # Whatever one callback brings about, all others go on.
                log.exception("delivery %d could not be begun", number)
                self._give_up(world, number, "the emulator failed to send it; its log says why")
        return True

    def _begin_waiting(self) -> bool:
        """Begin attempts that waited for their receiver; whether some still do."""
        now, waiting = wall_seconds(), False
        for lane in self._lanes.values():
            if lane.waiting:
                lane.look(now, self._concurrency)
                while lane.waiting and lane.busy < lane.width and self._allowed > 0:
                    self._start(lane, lane.waiting.popleft())
                waiting |= bool(lane.waiting)
        return waiting

    async def travel(self, world: World, target: Micros, until: float) -> bool:
        """Move a world's clock to an instant, stopping at every attempt due on the way until it is over.

        False if one is still under way at `until`, a reading of the wall's seconds: then the clock stays there; and
        if the world is reset meanwhile, whose clock begins anew.
        """
        generation = world.generation
        while await self._finish_due(world, until):
            if world.generation != generation:
                return False
            due = world.outbox.next_due()
            if due is None or due > target:
                world.clock.move_to(target)
                return True
            world.clock.move_to(due)
        return False

    async def _finish_due(self, world: World, until: float) -> bool:
        while True:
            while self.begin_due(world):
                self._agenda.bell.ring()
                await breathe()
            outbox = world.outbox
            under_way = outbox.under_way
            begun = set(under_way)
            while begun & under_way.keys():
                left = until - wall_seconds()
                if left <= 0 or outbox is not world.outbox:
                    return False
                await outbox.bell.wait(left)
            # On a running clock others may begin all the time; on one that stands still what is begun ends first.
            if world.clock.speed or not under_way:
                return True

    async def drain(self, seconds: float) -> None:
        """Let the attempts that are under way end, and cut off those that take longer."""
        self._draining = True
        for lane in self._lanes.values():
            lane.dismiss()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in list(self._tasks):
            task.cancel()
        for transport in set(self._transports.values()):
            await transport.close()

    def _begin(self, world: World, number: int, now: Micros) -> None:
        delivery = world.outbox.begin(number, now)
        if delivery is None:
            return
        task = world.store.get(delivery.task)
        if task is None:
            self._give_up(world, number, "its task is forgotten")
            return
        url = callback_url(task)
        way = self._way_of(url)
        if not isinstance(way, Way):
            # `refused`, because production would call it as little as the emulator does.
            stage: Stage = "refused" if way else "unrouted"
            note = f"callback_url {way}" if way else self._routing.advice(url)
            attempted(world, number, delivery._replace(stage=stage, due=None, note=note, hold=""))
            return
        receiver = way.kind, way.place
        lane = self._lanes.get(receiver)
        if lane is None:
            lane = self._lanes[receiver] = _Lane(min(_QUICK, self._concurrency))
        job = _Job(world, world.generation, number, delivery, task, way)
        if lane.busy < lane.width and not lane.waiting:
            self._start(lane, job)
            return
        lane.waiting.append(job)
        self._agenda.bell.ring()

    def _give_up(self, world: World, number: int, note: str) -> None:
        delivery = world.outbox.get(number)
        if delivery is not None:
            given_up = delivery._replace(stage="lost", due=None, started=None, note=note, hold="")
            attempted(world, number, given_up)

    def _start(self, lane: _Lane, job: _Job) -> None:
        self._allowed -= 1
        lane.busy += 1
        if lane.resting:
            lane.resting.pop().set_result(job)
            return
        task = asyncio.create_task(self._work(lane, job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, lane: _Lane, first: _Job) -> None:
        worker = asyncio.current_task()
        assert worker is not None
        job: _Job | None = first
        while job is not None:
            await self._attempt(lane, job, worker)
            lane.finished += 1
            if lane.waiting and self._allowed > 0:
                self._allowed -= 1
                job = lane.waiting.popleft()
                continue
            lane.busy -= 1
            if self._draining:
                return
            if not lane.busy and not lane.closing:
                lane.closing = True
                later(_REST, partial(self._close, (job.way.kind, job.way.place), lane))
            called: asyncio.Future[_Job | None] = asyncio.get_running_loop().create_future()
            lane.resting.append(called)
            job = await called

    def _close(self, receiver: tuple[Kind, str], lane: _Lane) -> None:
        lane.closing = False
        if not lane.busy:
            lane.dismiss()
            self._lanes.pop(receiver, None)

    async def _attempt(self, lane: _Lane, job: _Job, worker: "asyncio.Task[None]") -> None:
        world, generation, number, delivery, task, way = job
        if world.generation != generation:
            return
        started = world.clock.now()
        body = callback_body(world, delivery, task)
        posting = Posting(way, body, delivery.task, len(delivery.attempts) + 1, world, lane.busy > _FEW)
        self._deadline.begin(worker)
        try:
            outcome = await self._transports[way.kind].send(posting)
        except asyncio.CancelledError:
            if not self._deadline.end(worker):
                raise
            outcome = timed_out(self.policy)
        except Exception as error:
            log.exception("an attempt to call back failed")
            outcome = Outcome(fault="crashed", detail=repr(error)[:200])
        finally:
            self._deadline.end(worker)
        if world.generation != generation:
            return
        finished = finished_at(world.clock.mode, started, world.clock.now(), outcome, self.policy)
        attempted(world, number, after(delivery, way.url, started, finished, outcome, self.policy))
        self._worlds.commit()
