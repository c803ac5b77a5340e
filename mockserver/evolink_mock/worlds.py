"""What belongs to one API key: clock, tasks, credits, luck, journal. And the bounded collection of all such worlds."""

from collections import OrderedDict
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

import msgspec

from evolink_mock.clock import Clock, ClockFactory
from evolink_mock.core.choices import Choices
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.generation import Generation
from evolink_mock.core.identity import derive_seed, request_id, task_id, world_token
from evolink_mock.core.lifecycle import observe, plan
from evolink_mock.core.render import shown_status
from evolink_mock.core.scenario import Scenario
from evolink_mock.core.task import Door, Event, State, Task, Units
from evolink_mock.core.validation import Request
from evolink_mock.due_queue import Due
from evolink_mock.journal import Entry, Happening, Log
from evolink_mock.store import MemoryStore, Store

_encode = msgspec.json.Encoder().encode

_PURGE_EVERY: Micros = 3600 * SECOND
_REMEMBERED = 10
"""Evicted worlds whose resets are remembered, for each world there may be."""


class Rules(NamedTuple):
    """What all worlds of one server have in common."""

    choices: Choices
    law: Generation
    server_seed: int
    make_clock: ClockFactory
    public_url: str
    journal_limit: int
    task_limit: int


class Grant(NamedTuple):
    """What a key may spend and use; `None` means no limit."""

    balance: Units | None = None
    models: frozenset[str] | None = None


class World:
    """Everything one API key can see or change. Its methods are what can happen in it; the rules are in `core`."""

    def __init__(self, key: str, rules: Rules, grant: Grant, generation: int = 0) -> None:
        self.key = key
        self.rules = rules
        self.grant = grant
        self.generation = generation
        self.journal: Log[Entry] = Log(rules.journal_limit)
        self.events: Log[Happening] = Log(rules.journal_limit)
        self._begin(rules.server_seed)

    def _begin(self, server_seed: int) -> None:
        self.server_seed = server_seed
        self.seed = derive_seed(server_seed, self.key)
        self.token = world_token(self.seed, self.generation)
        self.clock: Clock = self.rules.make_clock()
        self.store: Store = MemoryStore(self.grant.balance)
        self._created = 0
        self._requests = 0
        self._purge_at = self.clock.now() + _PURGE_EVERY

    def reset(self, server_seed: int | None = None) -> None:
        """Forget everything, start the clock anew, and let every old link die."""
        self.generation += 1
        self.journal.clear()
        self.events.clear()
        self._begin(self.server_seed if server_seed is None else server_seed)
        self.note("world.reset")

    def reseed(self, server_seed: int) -> None:
        """Draw the ids and the luck of tasks to come from another seed; links already given stay valid."""
        self.server_seed = server_seed
        self.seed = derive_seed(server_seed, self.key)
        self.note("world.seeded", str(server_seed))

    def note(self, event: str, detail: str | None = None) -> None:
        """Add what was done to the world to its events, behind all that happened by itself before."""
        now = self.clock.now()
        self.settle(now)
        self.events.append(Happening(now, event, None, detail))

    def ring(self) -> None:
        """Wake everybody who waits for something to happen here."""
        self.journal.bell.ring()
        self.events.bell.ring()

    def next_request_id(self) -> str:
        self._requests = n = self._requests + 1
        return request_id(self.seed, n)

    # Tasks

    def may_use(self, model: str) -> bool:
        return self.grant.models is None or model in self.grant.models

    def create(self, request: Request, scenario: Scenario, door: Door, now: Micros) -> tuple[str, Task] | None:
        """A new task with its credits reserved, or `None` where they do not suffice."""
        rules = self.rules
        if now >= self._purge_at:
            self._purge(now)
        if self.grant.balance is not None:
            self.settle(now)  # A refund that is due counts before the next task is refused.
        luck = self._created
        future = plan(request, scenario, rules.law, self.seed, luck, rules.choices)
        if not self.store.ledger.affords(future.reserved):
            return None
        name = task_id(self.seed, luck, now)
        while name in self.store:  # Only after a reseed that returns to an earlier seed.
            luck += 1
            name = task_id(self.seed, luck, now)
        self._created = luck + 1
        task = Task(now, request.model.name, future, _encode(request.values), door)
        store = self.store
        store.add(name, task)
        store.ledger = store.ledger.reserve(future.reserved)
        store.push_due(Due(name, now, now + future.starts, now + future.ends))
        self.events.bell.ring()
        return name, task

    def is_full(self, now: Micros) -> bool:
        """Whether no further task fits in, even after those are forgotten that nobody can ask for any more."""
        if len(self.store) < self.rules.task_limit:
            return False
        self._purge(now)
        return len(self.store) >= self.rules.task_limit

    def find(self, name: str, now: Micros) -> Task | None:
        """A task of this world that can still be asked for."""
        task = self.store.get(name)
        if task is None or now - task.created >= self.rules.choices.task_retention * SECOND:
            return None
        return task

    def look(self, task: Task, now: Micros) -> State:
        """The state of a task; on an automatic clock, asking about an unfinished one brings on the next event."""
        state = observe(task.plan, now - task.created, task.events)
        if state.ended is None and self.clock.mode == "auto":
            state = observe(task.plan, self.jump() - task.created, task.events)
        return state

    def link(self, name: str) -> str:
        return f"{self.rules.public_url}/media/{self.token}/{name}.mp4"

    def end(self, name: str, task: Task, event: Event) -> Task:
        """Let an unfinished task end now, and settle it. Whoever calls has settled what was due before."""
        ended = task._replace(events=(*task.events, event))
        self.store.replace(name, ended)
        self.store.drop_due(name)
        self._finish(name, ended, task.created + event.at)
        return ended

    # Time

    @property
    def idle(self) -> bool:
        """Whether nothing is going to happen by itself."""
        return self.next_event() is None

    def next_event(self) -> Micros | None:
        """When something happens next of what has not happened yet: a transition of a task, never an expiry."""
        self.settle(self.clock.now())
        due = self.store.peek_due()
        return None if due is None else due.at

    def jump(self) -> Micros:
        """Move the clock to the next event, if there is one; what it says then."""
        if (due := self.next_event()) is not None:
            self.clock.move_to(due)
            self.settle(due)
        return self.clock.now()

    def settle(self, until: Micros, at_most: int | None = None) -> bool:
        """Carry out what is due by `until`, in the order of time; whether some of it is left."""
        done = 0
        while done != at_most:
            due = self.store.pop_due(until)
            if due is None:
                return False
            done += 1
            if due.then:
                event = "task.created" if due.last else "task.processing"
                self.events.append(Happening(due.at, event, due.task_id))
                self.store.push_due(Due(due.task_id, due.then, due.last))
            elif (task := self.store.get(due.task_id)) is not None:
                self._finish(due.task_id, task, due.at)
        return True

    def _finish(self, name: str, task: Task, at: Micros) -> None:
        plan = task.plan
        state = observe(plan, at - task.created, task.events)
        failure = state.failure
        self.store.ledger = self.store.ledger.settle(plan.reserved, plan.charged if failure is None else 0)
        event = f"task.{shown_status(state, self.rules.choices)}"
        self.events.append(Happening(at, event, name, None if failure is None else failure.code))

    def change_clock(self, clock: Clock) -> None:
        self.clock = clock
        self.note("clock.mode", clock.mode)

    def _purge(self, now: Micros) -> None:
        """Forget the tasks that cannot be asked for any more; one that has not ended still holds its credits."""
        self.settle(now)
        limit = now - self.rules.choices.task_retention * SECOND
        old = takewhile(lambda row: row[1].created <= limit, self.store.oldest_first())
        self.store.drop({name for name, task in old if observe(task.plan, now - task.created, task.events).ended})
        self._purge_at = now + _PURGE_EVERY


class Worlds:
    """All worlds by key and by link token: at most `limit`, of which the least recently used goes, idle ones first."""

    def __init__(self, rules: Rules, limit: int, grants: dict[str, Grant], default: Grant) -> None:
        self._rules = rules
        self._limit = limit
        self._grants = grants
        self._default = default
        self._worlds: OrderedDict[str, World] = OrderedDict()
        self._by_token: dict[str, World] = {}
        self._generations: OrderedDict[str, int] = OrderedDict()
        """Of worlds that were reset and then evicted, so that no link given before comes back to life."""
        self.evicted = 0
        self.outside = World("", rules, default)
        """Where requests are noted that belong to no key."""

    def of(self, key: str) -> World:
        """The world of a key, made on first use."""
        world = self._worlds.get(key)
        if world is None:
            if len(self._worlds) >= self._limit:
                self._evict()
            grant = self._grants.get(key, self._default)
            world = self._worlds[key] = World(key, self._rules, grant, self._generations.get(key, 0))
            self._by_token[world.token] = world
        else:
            self._worlds.move_to_end(key)
        return world

    def known(self, key: str) -> World | None:
        """The world of a key that has one already."""
        return self._worlds.get(key)

    def by_token(self, token: str) -> World | None:
        return self._by_token.get(token)

    def reset(self, world: World, server_seed: int | None = None) -> None:
        self._by_token.pop(world.token, None)
        world.reset(server_seed)
        self._by_token[world.token] = world

    def holding(self, task: str, but: World) -> World | None:
        """Another key's world that has the task, and would still answer for it."""
        return next(
            (world for world in self if world is not but and world.find(task, world.clock.now()) is not None), None
        )

    def ring(self) -> None:
        """Wake everybody who waits on a log."""
        for world in (*self._worlds.values(), self.outside):
            world.ring()

    def _evict(self) -> None:
        idle = (key for key, world in self._worlds.items() if world.idle)
        key = next(idle, None) or next(iter(self._worlds))
        world = self._worlds.pop(key)
        self._by_token.pop(world.token, None)
        if world.generation:
            self._generations[key] = world.generation
            if len(self._generations) > _REMEMBERED * self._limit:
                self._generations.popitem(last=False)
        self.evicted += 1
        world.ring()

    def __iter__(self) -> Iterator[World]:
        return iter(self._worlds.values())

    def __len__(self) -> int:
        return len(self._worlds)
