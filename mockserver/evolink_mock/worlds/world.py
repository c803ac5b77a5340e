"""What belongs to one API key: clock, tasks, callbacks, credits, luck, journal."""

import asyncio
from collections.abc import Callable
from itertools import takewhile
from typing import NamedTuple

import msgspec

from evolink_contracts.spec.models import MODELS
from evolink_mock.clock import Clock, ClockFactory, Mode, unix_micros
from evolink_mock.core.billing import Ledger
from evolink_mock.core.bodies import public_status, task_body
from evolink_mock.core.choices import Choices
from evolink_mock.core.distribution import Distribution
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.grant import Grant
from evolink_mock.core.lifecycle import plan, state_of
from evolink_mock.core.seed import derive_seed, random_unit, request_id, task_id, world_token
from evolink_mock.core.task import NEVER, EarlyEnd, InputFile, ScenarioSource, State, Task, to_credits
from evolink_mock.core.upload import Upload
from evolink_mock.core.validation import CreateRequest
from evolink_mock.scenarios import outcome
from evolink_mock.scenarios.delivery_faults import initial_deliveries
from evolink_mock.scenarios.language import parse_scenario
from evolink_mock.scenarios.state import ScenarioState
from evolink_mock.worlds.due_queue import Due
from evolink_mock.worlds.journal import InboxEntry, JournalEntry, Log, WorldEvent
from evolink_mock.worlds.outbox import Outbox
from evolink_mock.worlds.rate_limits import RateLimits
from evolink_mock.worlds.ready_queue import ReadyQueue
from evolink_mock.worlds.store import MemoryStore, SavedWorld, StorageBackend, Store

_encode = msgspec.json.Encoder().encode


_PURGE_EVERY: Micros = 3600 * SECOND
_UNSAVED_REQUESTS = 1 << 20
"""More than there may have been since the last time that their number was saved, so that no request id comes twice."""


class WorldConfig(NamedTuple):
    """What all worlds of one server have in common."""

    choices: Choices
    distribution: Distribution
    server_seed: int
    make_clock: ClockFactory
    public_url: str
    journal_limit: int
    task_limit: int
    delivery_limit: int
    mode: Mode
    speed: float
    """Of the clocks that `make_clock` makes, as `mode` is."""
    resume: Callable[[SavedWorld], Clock]
    backend: StorageBackend
    ready_queue: "ReadyQueue[World]"


class World:
    """Everything one API key can see or change. Its methods are what can happen in it; the rules are in `core`."""

    def __init__(
        self, key: str, rules: WorldConfig, grant: Grant, generation: int = 0, saved: SavedWorld | None = None
    ) -> None:
        self.key = key
        self.config = rules
        self.grant = grant
        self.epoch = generation
        self.journal: Log[JournalEntry] = Log(rules.journal_limit)
        self.events: Log[WorldEvent] = Log(rules.journal_limit)
        self.inbox: Log[InboxEntry] = Log(rules.journal_limit)
        self.registration = rules.ready_queue.register(self)
        self.clock_lock = asyncio.Lock()
        """Held by whoever moves the clock, since that takes as long as the attempts on the way."""
        self._begin(rules.server_seed if saved is None else saved.server_seed, 0, saved)

    def _begin(self, server_seed: int, last_delivery: int, saved: SavedWorld | None = None) -> None:
        self.server_seed = server_seed
        self.seed = derive_seed(server_seed, self.key)
        self.token = world_token(self.seed, self.epoch) if saved is None else saved.token
        rules = self.config
        self.clock: Clock = rules.make_clock() if saved is None else rules.resume(saved)
        self._created = self._requests = 0
        self.scenarios = ScenarioState(
            self.key, self.seed, self.grant.scenario, self._mark_dirty, None if saved is None else saved.scenarios
        )
        self._own_balance = saved is not None and saved.own_balance
        grant = self.grant
        limited = grant.per_minute is not None or grant.at_once is not None
        self.rate_limits = RateLimits(grant.per_minute, grant.at_once) if limited else None
        self.uploads: dict[str, Upload] = {}
        """Files by their ids; unlike tasks they end with the process."""
        self.uploaded = 0
        self.named: dict[str, str] = {}
        """Tasks by the idempotency key that they were created with."""
        self.unanswered: set[str] = set()
        """Idempotency keys of creates whose answer is held back."""
        self.store: Store = rules.backend.store(self.key, self.grant.balance, self.save, anew=saved is None)
        last_delivery = last_delivery if saved is None else saved.last_delivery
        self.outbox = Outbox(self.store, rules.delivery_limit, self.registration, last_delivery)
        if saved is not None:
            self._created, self._requests = saved.created, saved.requests + _UNSAVED_REQUESTS
            balance = saved.balance if saved.own_balance else self.grant.balance
            self.store.ledger = Ledger(balance, saved.reserved, saved.spent)
            self._take_up()
        self._purge_at = self.clock.now() + _PURGE_EVERY

    def _take_up(self) -> None:
        """Put what was going on when the world was saved among what is due."""
        now = self.clock.now()
        for name, kept in self.store.oldest_first():
            if kept.idempotency is not None:
                self.named[kept.idempotency[0]] = name
            if self.rate_limits is not None:
                ends = None if state_of(kept, now).ended is not None else kept.created + kept.plan.ends
                self.rate_limits.acquire(MODELS[kept.model].family, name, kept.created, ends)
        for name in self.store.unfinished():
            if (task := self.store.get(name)) is None:
                continue
            starts, ends = task.created + task.plan.starts, task.created + task.plan.ends
            if now < starts:
                self._expect(Due(name, starts, ends))
            else:
                self._expect(Due(name, ends))
            if task.has_callback and ends < NEVER:
                self.outbox.expect(name, ends)

    def save(self) -> SavedWorld:
        """All that has to be known beside the rows of the store to go on from here."""
        ledger, clock = self.store.ledger, self.clock
        return SavedWorld(
            self.epoch,
            self.token,
            self.server_seed,
            self._created,
            self._requests,
            self.outbox.last,
            ledger.reserved,
            ledger.spent,
            self.config.mode,
            self.config.speed,
            clock.mode,
            clock.speed or 1.0,
            clock.now(),
            unix_micros(),
            self.scenarios.snapshot(),
            ledger.balance,
            self._own_balance,
        )

    def reset(self, server_seed: int | None = None) -> None:
        """Forget everything, start the clock anew, and let every old link die. No number of a row comes again."""
        self.epoch += 1
        self.journal.clear()
        self.events.clear()
        self.inbox.clear()
        self.outbox.close()
        self._begin(self.server_seed if server_seed is None else server_seed, self.outbox.last)
        self.record_event("world.reset")

    def evict(self) -> None:
        """Be evicted: whoever still has a hold of it finds it empty, and nothing that happens in it lasts."""
        self.epoch = -1
        self.registration.remove()
        self.registration = ReadyQueue[World]().register(self)
        self.outbox.close()
        self.store = MemoryStore(self.grant.balance)
        self.outbox = Outbox(self.store, self.config.delivery_limit, self.registration, self.outbox.last)
        self.notify_all()

    def reseed(self, server_seed: int) -> None:
        """Draw the ids and the luck of tasks to come from another seed; links already given stay valid."""
        self.server_seed = server_seed
        self.seed = self.scenarios.seed = derive_seed(server_seed, self.key)
        self.record_event("world.seeded", str(server_seed))

    def change_balance(self, ledger: Ledger) -> None:
        """Set or top up the credits, whatever the key was granted."""
        self._own_balance = True
        self.store.ledger = ledger
        self.record_event("credits.changed", None if ledger.balance is None else str(to_credits(ledger.remaining)))

    def record_event(self, event: str, detail: str | None = None) -> None:
        """Add what was done to the world to its events, behind all that happened by itself before."""
        now = self.clock.now()
        self.apply_due(now)
        self.events.append(WorldEvent(now, event, None, detail))
        self.store.mark_dirty()

    def _mark_dirty(self) -> None:
        self.store.mark_dirty()

    def notify_all(self) -> None:
        """Wake everybody who waits for something to happen here."""
        self.journal.changed.notify_all()
        self.events.changed.notify_all()
        self.inbox.changed.notify_all()
        self.outbox.changed.notify_all()

    @property
    def requests(self) -> int:
        """How many were answered."""
        return self._requests

    def next_request_id(self) -> str:
        self._requests = n = self._requests + 1
        return request_id(self.seed, n)

    # Tasks

    def may_use(self, model: str) -> bool:
        return self.grant.models is None or model in self.grant.models

    def create(
        self,
        request: CreateRequest,
        now: Micros,
        door: ScenarioSource = "default",
        scenario: str | None = None,
        rule: str = "",
        idempotency: tuple[str, bytes] | None = None,
        inputs: tuple[InputFile, ...] = (),
    ) -> tuple[str, Task] | None:
        """A new task with its credits reserved, or `None` where they do not suffice."""
        rules = self.config
        if now >= self._purge_at:
            self._purge(now)
        if self.store.ledger.balance is not None:
            self.apply_due(now)  # A refund that is due counts before the next task is refused.
        luck = self._created
        future = plan(request, rules.distribution, self.seed, luck, rules.choices)
        if scenario is not None:
            future = outcome.apply(future, request, parse_scenario(scenario), rules.choices)
        if not self.store.ledger.affords(future.reserved):
            return None
        name = task_id(self.seed, luck, now)
        while name in self.store:  # Only after a reseed that returns to an earlier seed.
            luck += 1
            name = task_id(self.seed, luck, now)
        self._created = luck + 1
        calls = "callback_url" in request.values
        values = _encode(request.values)
        task = Task(now, request.model.name, future, values, door, (), calls, scenario, rule, 0, idempotency, inputs)
        store = self.store
        store.add(name, task)
        store.ledger = store.ledger.reserve(future.reserved)
        store.transitions.push(Due(name, now, now + future.starts, now + future.ends))
        if calls and future.ends < NEVER:
            self.outbox.expect(name, now + future.ends)
        if self.rate_limits is not None:
            self.rate_limits.acquire(request.model.family, name, now, now + future.ends)
        if idempotency is not None:
            self.named[idempotency[0]] = name
        self.events.changed.notify_all()
        return name, task

    def is_full(self, now: Micros) -> bool:
        """Whether no further task fits in, even after those are forgotten that nobody can ask for any more."""
        if len(self.store) < self.config.task_limit:
            return False
        self._purge(now)
        return len(self.store) >= self.config.task_limit

    def find(self, name: str, now: Micros) -> Task | None:
        """A task of this world that can still be asked for."""
        task = self.store.get(name)
        if task is None or now - task.created >= self.config.choices.task_retention * SECOND:
            return None
        return task

    def observe(self, task: Task, now: Micros) -> State:
        """The state of a task; on an automatic clock, asking about an unfinished one brings on the next event."""
        state = state_of(task, now)
        if state.ended is None and self.clock.mode == "auto" and not task.plan.queries_to_end:
            state = state_of(task, self.advance_to_next_event())
        return state

    def count_query(self, name: str, task: Task, now: Micros) -> Task:
        """Count a query of a task that ends by them."""
        if state_of(task, now).ended is not None:
            return task
        read = task._replace(query_count=task.query_count + 1)
        self.apply_due(now)
        if read.query_count >= task.plan.queries_to_end:
            return self.end(name, read, EarlyEnd("read", now - task.created, task.plan.failure))
        self.store.replace(name, read)
        return read

    def shown(self, name: str, task: Task, state: State) -> bytes:
        """The body of a query."""
        links = (self.link(name),) if state.status == "completed" else ()
        return _encode(task_body(name, task, state, links, self.config.choices))

    def link(self, name: str) -> str:
        return f"{self.config.public_url}/media/{self.token}/{name}.mp4"

    def end(self, name: str, task: Task, event: EarlyEnd) -> Task:
        """Let an unfinished task end now, and settle it. Whoever calls has settled what was due before."""
        ended = task._replace(early_ends=(*task.early_ends, event))
        self.store.replace(name, ended)
        starts, ends = task.created + task.plan.starts, task.created + task.plan.ends
        following = starts if event.at < task.plan.starts else ends
        if following < NEVER:
            self.store.transitions.drop(name, following)
        if task.has_callback and ends < NEVER:
            self.outbox.give_up(name, ends)
        self._finish(name, ended, task.created + event.at)
        return ended

    # Time

    @property
    def idle(self) -> bool:
        """Whether nothing is going to happen by itself."""
        return self.next_event() is None and not self.outbox.under_way

    def next_event(self) -> Micros | None:
        """When something happens next of what has not happened yet: a transition or an attempt, never an expiry."""
        self.apply_due(self.clock.now())
        transition, call = self.store.transitions.peek(), self.outbox.next_due()
        if transition is None:
            return call
        return transition.at if call is None else min(transition.at, call)

    def advance_to_next_event(self) -> Micros:
        """Move the clock to the next event, if there is one; what it says then. No time passes during an attempt."""
        if not self.outbox.under_way and (due := self.next_event()) is not None:
            self.move_clock(due)
            self.apply_due(due)
            self.registration.enqueue()
        return self.clock.now()

    def move_clock(self, to: Micros) -> None:
        """Move the clock forward to an instant; one that has passed already changes nothing."""
        self.clock.move_to(to)
        self.store.mark_dirty()

    def apply_due(self, until: Micros, at_most: int | None = None) -> bool:
        """Carry out what is due by `until`, in the order of time; whether some of it is left."""
        done = 0
        transitions = self.store.transitions
        while done != at_most:
            due = transitions.pop(until)
            if due is None:
                return False
            done += 1
            if due.next_at:
                event = "task.created" if due.end_at else "task.processing"
                self.events.append(WorldEvent(due.at, event, due.name))
                self._expect(Due(due.name, due.next_at, due.end_at))
            elif (task := self.store.get(due.name)) is not None:
                self._finish(due.name, task, due.at)
        return True

    def _expect(self, due: Due) -> None:
        if due.at < NEVER:
            self.store.transitions.push(due)

    def _finish(self, name: str, task: Task, at: Micros) -> None:
        plan = task.plan
        state = state_of(task, at)
        failure = state.failure
        self.store.ledger = self.store.ledger.settle(plan.reserved, plan.charged if failure is None else 0)
        event = f"task.{public_status(state, self.config.choices)}"
        self.events.append(WorldEvent(at, event, name, None if failure is None else failure.code))
        self.store.close(name)
        if self.rate_limits is not None:
            self.rate_limits.release(MODELS[task.model].family, name)
        if task.has_callback:
            chaos = None if task.scenario is None else parse_scenario(task.scenario).delivery
            luck = 0.0 if chaos is None else random_unit(self.seed, name)
            for delivery in initial_deliveries(name, chaos, at, luck):
                self.outbox.put(delivery)
                if delivery.ended:
                    self.events.append(WorldEvent(at, f"callback.{delivery.stage}", name, delivery.note))

    # Clocks

    def change_clock(self, clock: Clock) -> None:
        self.clock = clock
        self.registration.enqueue()
        self.record_event("clock.mode", clock.mode)

    def _purge(self, now: Micros) -> None:
        """Forget the tasks that cannot be asked for any more; one that has not ended still holds its credits."""
        self.apply_due(now)
        limit = now - self.config.choices.task_retention * SECOND
        old = takewhile(lambda row: row[1].created <= limit, self.store.oldest_first())
        ended = {name for name, task in old if state_of(task, now).ended is not None}
        # A callback that is still to be sent needs its task.
        gone = ended - self.outbox.tasks_waiting() if ended else ended
        self.store.drop(gone)
        self.named = {key: name for key, name in self.named.items() if name not in gone}
        self._purge_at = now + _PURGE_EVERY
