"""Sends what is due: wakes for every world's next attempt, makes it, and notes what became of it."""

import asyncio
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from evolink_contracts.spec.timing import EVOLINK_CALLBACKS, CallbackPolicy
from evolink_mock.clock import LAST_INSTANT, Notifier, monotonic, sleep_wall, wait_first, yield_to_loop
from evolink_mock.core.callback_routes import CallbackRoutes, Destination, Kind
from evolink_mock.core.delivery import AttemptResult, Delivery, Stage, finished_at, record_attempt, timed_out
from evolink_mock.core.duration import LONGEST, SECOND, Micros, to_seconds
from evolink_mock.core.task import Task
from evolink_mock.core.url_policy import Scope, check_callback_url
from evolink_mock.delivery.attempts import callback_body, callback_url, next_attempt, record
from evolink_mock.delivery.deadline import Deadline
from evolink_mock.delivery.throttle import SLICE, Throttle
from evolink_mock.delivery.transport import AttemptRequest, Transport
from evolink_mock.delivery.worker_pools import WorkerPools
from evolink_mock.worlds.ready_queue import ReadyQueue
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.world import World

log = logging.getLogger("evolink_mock")

_TICK = 0.001
"""Seconds between looks at what waits for its turn, while no request comes."""
_LONGEST_TRAVEL = 30.0
"""Seconds of wall time for the attempts on the way of a clock that an answer's latency moves."""
_RECOVERY = 1.0
"""Seconds before the next turn after one that failed as a whole: the disk may be full, say."""


class _PendingAttempt(NamedTuple):
    """An attempt that has begun, on the clock."""

    world: World
    generation: int
    number: int
    delivery: Delivery
    task: Task
    way: Destination


class Dispatcher:
    """Delivers for all worlds. At most `concurrency` attempts are under way at one receiver; none waits for others'.

    One that is slow has all of those at once, and one that is quick needs fewer.
    """

    def __init__(
        self,
        worlds: WorldRegistry,
        routing: CallbackRoutes,
        transports: Mapping[Kind, Transport],
        agenda: ReadyQueue[World],
        throttle: Throttle,
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
        self._pace = throttle
        self._lanes: WorkerPools[_PendingAttempt] = WorkerPools(concurrency, self._pace, self._attempt)
        self._waited_first = False
        self._stopping = Notifier()

        @lru_cache(maxsize=1024)
        def way_of(url: str) -> Destination | str:
            """Where a URL leads, or why it leads nowhere; an empty reason is that there is no route."""
            objection = check_callback_url(url, scope=scope)
            if objection is not None:
                return objection.message
            return routing.destination(url) or ""

        self._way_of = way_of
        self._routing = routing

    async def run(self) -> None:
        """Until stopped or cancelled: begin what is due in any world, and sleep until something is."""
        while not self._agenda.closed:
            try:
                left, waiting, pause = self._turn()
                self._worlds.commit()
            except Exception:
                log.exception("no callback could be begun; trying again in %g s", _RECOVERY)
                await sleep_wall(_RECOVERY)
                continue
            if left or (waiting and self._pace.throttled):
                await yield_to_loop()
            elif waiting:
                await sleep_wall(_TICK)
            else:
                await self._agenda.changed.wait(pause)

    def _turn(self) -> tuple[bool, bool, float | None]:
        """Whether more is due, whether jobs wait for their receivers, and in how many seconds something will be due."""
        self._pace.begin_tick()
        # Each goes first in every other turn, since the first may leave nothing for the second.
        self._waited_first = not self._waited_first
        if self._waited_first:
            self._lanes.start_waiting()
        left, pause = False, None
        for world in list(self._agenda.owners):
            has_turn = self._pace.left > 0
            if self.begin_due(world):
                left = True
                if has_turn:
                    world.registration.requeue()
            due = world.outbox.next_due()
            if due is None:
                world.registration.remove()
            elif world.clock.speed:
                wait = max(due - world.clock.now(), 0) / SECOND / world.clock.speed
                pause = wait if pause is None else min(pause, wait)
        return left, self._lanes.start_waiting(), pause

    def begin_due(self, world: World) -> bool:
        """Begin some attempts that are due in a world; whether more of them are."""
        now = world.clock.now()
        for _ in range(SLICE):
            if self._agenda.closed:
                return False
            if self._pace.left <= 0:
                return True
            number = next_attempt(world, now)
            if number is None:
                return False
            if number == "later":
                return True
            try:
                waits = self._begin(world, number, now)
            except Exception:  # Whatever one callback brings about, all others go on.
                self._fail(world, number)
                continue
            # At a receiver that is busy, one world's would else stand before all of another's.
            if waits and self._pace.throttled and len(self._agenda.owners) > 1:
                return True
        return True

    async def travel(self, world: World, target: Micros, until: float) -> bool:
        """Move a world's clock to an instant, stopping at every attempt due on the way until it is over.

        False if one is still under way at `until`, a reading of the wall's seconds: then the clock stays there; and
        if the world is reset meanwhile, whose clock begins anew.
        """
        generation = world.epoch
        while await self._finish_due(world, until):
            if world.epoch != generation:
                return False
            due = world.outbox.next_due()
            if due is None or due > target:
                world.clock.move_to(target)
                return True
            world.clock.move_to(due)
            world.store.mark_dirty()
        return False

    async def let_pass(self, world: World, time: Micros) -> None:
        """Let so much time pass in a world: its clock is waited for if it runs, and moved at once if it does not."""
        if self._agenda.closed:
            return
        clock = world.clock
        if clock.speed:
            # Who is being waited for when the emulator stops has waited long enough.
            await wait_first(to_seconds(LONGEST), self._stopping, clock, min(clock.now() + time, LAST_INSTANT))
            return
        async with world.clock_lock:
            # What the lock had to be waited for comes on top of it.
            await self.travel(world, min(world.clock.now() + time, LAST_INSTANT), monotonic() + _LONGEST_TRAVEL)

    async def _finish_due(self, world: World, until: float) -> bool:
        outbox = world.outbox
        while True:
            more = True
            while more:
                more = self.begin_due(world)
                self._worlds.commit()  # What is sent has been kept before.
                if more:
                    self._agenda.changed.notify_all()
                    await yield_to_loop()
            under_way = outbox.under_way
            begun = set(under_way)
            while begun & under_way.keys():
                left = until - monotonic()
                if left <= 0 or outbox is not world.outbox or self._agenda.closed:
                    return False
                await outbox.changed.wait(left)
            # On a running clock others may begin all the time; on one that stands still what is begun ends first.
            if world.clock.speed or not under_way:
                return not self._agenda.closed

    def stop(self) -> None:
        """Begin nothing more; whoever waits for attempts has to be rung."""
        self._agenda.closed = True
        self._agenda.changed.notify_all()
        self._stopping.notify_all()
        self._lanes.stop()

    async def drain(self, seconds: float) -> None:
        """Let the attempts that are under way end, and cut off those that take longer."""
        self.stop()
        await self._lanes.drain(seconds)
        for transport in set(self._transports.values()):
            await transport.close()

    def _begin(self, world: World, number: int, now: Micros) -> bool:
        """Whether it waits for its receiver."""
        delivery = world.outbox.begin(number, now)
        if delivery is None:
            return False
        task = world.store.get(delivery.task)
        if task is None:
            self._give_up(world, number, "its task is forgotten")
            return False
        url = callback_url(task)
        way = self._way_of(url)
        if not isinstance(way, Destination):
            # `forbidden`, because production would call it as little as the emulator does.
            stage: Stage = "forbidden" if way else "unrouted"
            note = f"callback_url {way}" if way else self._routing.hint(url)
            record(world, number, delivery._replace(stage=stage, due=None, note=note, hold=""))
            return False
        job = _PendingAttempt(world, world.epoch, number, delivery, task, way)
        waits = self._lanes.put((way.kind, way.place), job)
        if waits:
            self._agenda.changed.notify_all()
        return waits

    def _give_up(self, world: World, number: int, note: str) -> None:
        delivery = world.outbox.get(number)
        if delivery is not None:
            given_up = delivery._replace(stage="lost", due=None, started=None, note=note, hold="")
            record(world, number, given_up)

    def _fail(self, world: World, number: int) -> None:
        log.exception("delivery %d could not be sent", number)
        self._give_up(world, number, "the emulator failed to send it; its log says why")

    async def _attempt(self, job: _PendingAttempt, keep_open: bool) -> None:
        if job.world.epoch != job.generation:
            return
        try:
            await self._run_attempt(job, keep_open)
        except Exception:
            self._fail(job.world, job.number)
        self._worlds.commit()

    async def _run_attempt(self, job: _PendingAttempt, keep_open: bool) -> None:
        world, generation, number, delivery, task, way = job
        started = world.clock.now()
        body = callback_body(world, delivery, task)
        posting = AttemptRequest(way, body, delivery.task, len(delivery.attempts) + 1, world, keep_open)
        worker = asyncio.current_task()
        assert worker is not None
        self._deadline.start(worker)
        try:
            outcome = await self._transports[way.kind].send(posting)
        except asyncio.CancelledError:
            if not self._deadline.finish(worker):
                raise
            outcome = timed_out(self.policy)
        except Exception as error:
            log.exception("an attempt to call back failed")
            outcome = AttemptResult(error="crashed", detail=repr(error)[:200])
        finally:
            self._deadline.finish(worker)
        if world.epoch != generation:
            return
        finished = finished_at(world.clock.mode, started, world.clock.now(), outcome, self.policy)
        record(world, number, record_attempt(delivery, way.url, started, finished, outcome, self.policy))
