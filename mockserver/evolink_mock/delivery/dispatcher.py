"""Dispatcher: starts the attempts that are due in all worlds, and records their results."""

import asyncio
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from evolink_mock.clock import Notifier, sleep_wall, yield_to_loop
from evolink_mock.core.behaviour import Behaviour
from evolink_mock.core.callback_routes import CallbackRoutes, Destination, Kind
from evolink_mock.core.delivery import AttemptResult, Delivery, Stage, finished_at, timed_out
from evolink_mock.core.duration import Micros
from evolink_mock.core.task import Task
from evolink_mock.core.url_policy import Scope
from evolink_mock.delivery.attempts import callback_body, callback_url, next_attempt, record
from evolink_mock.delivery.callback_log import CallbackLog
from evolink_mock.delivery.deadline import Deadline
from evolink_mock.delivery.throttle import SLICE, Throttle
from evolink_mock.delivery.transport import AttemptRequest, ResourcesExhausted, Transport
from evolink_mock.delivery.worker_pools import WorkerPools
from evolink_mock.worlds.outbox import DeliveryQueue
from evolink_mock.worlds.ready_queue import ReadyQueue
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.store import StorageError
from evolink_mock.worlds.world import World

log = logging.getLogger("evolink_mock")

_TICK = 0.001
"""Seconds between two turns while attempts wait for their receivers and no request comes."""
_RECOVERY = 1.0
"""Seconds before the next turn after one that failed as a whole, since the disk may be full for example, and before an
attempt is made again for which no descriptor was free."""


class _PendingAttempt(NamedTuple):
    """An attempt that has begun on the world's clock."""

    world: World
    epoch: int
    outbox: DeliveryQueue
    number: int
    delivery: Delivery
    task: Task
    destination: Destination


class Dispatcher:
    """Delivers for all worlds, with at most `concurrency` attempts under way at one receiver, and `most` at all.

    No receiver waits for another. A slow one is given all `concurrency` attempts at once; a quick one needs fewer.
    """

    def __init__(
        self,
        worlds: WorldRegistry,
        routes: CallbackRoutes,
        transports: Mapping[Kind, Transport],
        ready_queue: ReadyQueue[World],
        throttle: Throttle,
        behaviour: Behaviour,
        *,
        concurrency: int,
        most: int,
        scope: Scope,
    ) -> None:
        policy = self._policy = behaviour.policy
        self._behaviour = behaviour
        self._deadline = Deadline(policy.timeout)
        self._log = CallbackLog(policy)
        self._worlds = worlds
        self._transports = transports
        self._ready_queue = ready_queue
        self._throttle = throttle
        self._pools: WorkerPools[_PendingAttempt] = WorkerPools(concurrency, throttle, self._attempt, most)
        self._waiting_first = False
        self.stopping = Notifier()
        """Notified when the dispatcher stops."""

        @lru_cache(maxsize=1024)
        def destination_of(url: str) -> Destination | str:
            """Where a URL leads, or why it leads nowhere; an empty reason means that there is no route."""
            violation = behaviour.check_callback_url(url, scope=scope, max_length=policy.max_url_length)
            if violation is not None:
                return violation.message
            return behaviour.destination(routes, url) or ""

        self._destination_of = destination_of
        self._routes = routes

    def forget_destinations(self) -> None:
        """Find each destination anew, after a receiver was added."""
        self._destination_of.cache_clear()

    @property
    def closed(self) -> bool:
        """Whether no further attempt begins."""
        return self._ready_queue.closed

    async def run(self) -> None:
        """Start what is due in any world, and sleep until something is, until stopped or cancelled."""
        while not self._ready_queue.closed:
            try:
                with self._worlds.transaction():
                    left, waiting, pause = self._turn()
            except StorageError:  # Logged where it was raised.
                await sleep_wall(_RECOVERY)
                continue
            except Exception:
                log.exception("no callback could be sent; trying again in %g s", _RECOVERY)
                await sleep_wall(_RECOVERY)
                continue
            if left or (waiting and self._throttle.throttled):
                await yield_to_loop()
            elif waiting:
                await sleep_wall(_TICK)
            else:
                await self._ready_queue.changed.wait(pause)

    def _turn(self) -> tuple[bool, bool, float | None]:
        """Whether more is due, whether attempts wait for their receivers, and the seconds until something is due."""
        self._throttle.begin_tick()
        # Attempts that wait and attempts that are new go first in turns: the first may leave nothing for the second.
        self._waiting_first = not self._waiting_first
        if self._waiting_first:
            self._pools.start_waiting()
        left, pause = False, None
        for world in list(self._ready_queue.owners):
            has_turn = self._throttle.left > 0
            if self.start_due(world):
                left = True
                if has_turn:
                    world.registration.requeue()
            due = world.outbox.next_due()
            if due is None:
                world.registration.remove()
            elif world.clock.speed and (wait := world.clock.seconds_until(due)) is not None:
                pause = wait if pause is None else min(pause, wait)
        return left, self._pools.start_waiting(), pause

    def start_due(self, world: World) -> bool:
        """Start some of the attempts that are due in a world; whether more of them are due."""
        now = world.clock.now()
        for _ in range(SLICE):
            if self._ready_queue.closed:
                return False
            if self._throttle.left <= 0:
                return True
            number = next_attempt(world, now)
            if number is None:
                return False
            if number == "later":
                return True
            try:
                waits = self._start(world, number, now)
            except Exception:  # Whatever is wrong with one callback, all others go on.
                self._fail(world, number)
                continue
            # At a busy receiver, the callbacks of one world would otherwise go before all of another's.
            if waits and self._throttle.throttled and len(self._ready_queue.owners) > 1:
                return True
        return True

    async def start_all_due(self, world: World) -> None:
        """Start every attempt that is due in a world, with turns for other work in between."""
        more = True
        while more:
            with self._worlds.transaction():  # A callback is kept before it is sent.
                more = self.start_due(world)
            if more:
                self._ready_queue.changed.notify_all()
                await yield_to_loop()

    def stop(self) -> None:
        """Begin nothing more. Waiters for attempts of a world have to be notified by the caller."""
        self._ready_queue.closed = True
        self._ready_queue.changed.notify_all()
        self.stopping.notify_all()
        self._pools.stop()

    async def drain(self, seconds: float) -> None:
        """Let the attempts that are under way end, and cut off those that take longer than `seconds`."""
        self.stop()
        await self._pools.drain(seconds)
        for transport in set(self._transports.values()):
            await transport.close()

    def _start(self, world: World, number: int, now: Micros) -> bool:
        """Start an attempt, or end its delivery where none can be made; whether it waits for its receiver."""
        delivery = world.outbox.begin(number, now)
        if delivery is None:
            return False
        task = world.tasks.get(delivery.task)
        if task is None:
            self._give_up(world, number, "its task was evicted")
            return False
        url = callback_url(task)
        destination = self._destination_of(url)
        if not isinstance(destination, Destination):
            # `forbidden`, because production would call it as little as the emulator does.
            stage: Stage = "forbidden" if destination else "unrouted"
            note = f"callback_url {destination}" if destination else self._routes.hint(url)
            ended = delivery._replace(stage=stage, due=None, note=note, hold="")
            record(world, number, ended)
            self._log.ended(number, ended, url, world.key)
            return False
        attempt = _PendingAttempt(world, world.epoch, world.outbox, number, delivery, task, destination)
        waits = self._pools.put((destination.kind, destination.place), attempt)
        if waits:
            self._ready_queue.changed.notify_all()
        return waits

    def _give_up(self, world: World, number: int, note: str) -> None:
        if (given_up := world.outbox.given_up(number, note)) is not None:
            record(world, number, given_up)

    def _fail(self, world: World, number: int) -> None:
        log.exception("delivery %d could not be sent", number)
        self._give_up(world, number, "the emulator failed to send it; its log has the reason")

    async def _attempt(self, attempt: _PendingAttempt, keep_open: bool) -> None:
        world = attempt.world
        if world.epoch != attempt.epoch or world.outbox is not attempt.outbox:
            return
        if self._worlds.storage_failure():
            world.outbox.postpone(attempt.number)
            return
        # What a receiver was sent cannot be undone: where its response cannot be stored, it is written later.
        with self._worlds.transaction(undo=False):
            try:
                await self._run_attempt(attempt, keep_open)
            except asyncio.CancelledError:
                raise  # It is made again, by the next process.
            except BaseException as error:
                self._fail(attempt.world, attempt.number)
                if not isinstance(error, Exception):
                    raise

    async def _run_attempt(self, attempt: _PendingAttempt, keep_open: bool) -> None:
        world, epoch, outbox, number, delivery, task, destination = attempt
        outbox.send(number)
        started = world.clock.now()
        body = self._behaviour.callback_body(callback_body(world, delivery, task))
        place = len(delivery.attempts) + 1
        request = AttemptRequest(
            destination, self._behaviour.attempt_headers(), body, delivery.task, place, world, keep_open
        )
        while (result := await self._send(request)) is None:
            await sleep_wall(_RECOVERY)
            if world.epoch != epoch:
                return
            started = world.clock.now()
        if world.epoch != epoch:
            return
        finished = finished_at(world.clock.mode, started, world.clock.now(), result, self._policy)
        after = self._behaviour.record_attempt(delivery, destination.url, started, finished, result, self._policy)
        record(world, number, after)
        if self._log.is_due(after):
            self._log.attempted(number, after, callback_url(task), world.key)

    async def _send(self, request: AttemptRequest) -> AttemptResult | None:
        """The result of an attempt; `None` where this machine could not make it, so that it is none."""
        worker = asyncio.current_task()
        assert worker is not None
        self._deadline.start(worker)
        try:
            return await self._transports[request.destination.kind].send(request)
        except asyncio.CancelledError:
            if not self._deadline.finish(worker):
                raise
            return timed_out(self._policy)
        except ResourcesExhausted as error:
            self._log.postponed(str(error))
            return None
        except Exception as error:
            log.exception("an attempt of a callback failed")
            return AttemptResult(error="crashed", detail=repr(error)[:200])
        finally:
            self._deadline.finish(worker)
