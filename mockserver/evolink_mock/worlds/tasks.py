"""Tasks of one world: creation, queries, early ends, and the transitions that fall due as its clock moves."""

from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import NamedTuple

import msgspec

from evolink_mock.core.bodies import public_status
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.grant import Grant
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.seed import Seed, random_unit
from evolink_mock.core.task import NEVER, EarlyEnd, InputFile, Task
from evolink_mock.core.validation import CreateRequest
from evolink_mock.scenarios import outcome
from evolink_mock.scenarios.delivery_faults import initial_deliveries
from evolink_mock.scenarios.language import parse_scenario
from evolink_mock.scenarios.precedence import BUILT_IN, Decision
from evolink_mock.worlds.account import Account
from evolink_mock.worlds.config import WorldConfig
from evolink_mock.worlds.due_queue import Due
from evolink_mock.worlds.idempotency import IdempotencyKeys
from evolink_mock.worlds.journal import WorldEvent
from evolink_mock.worlds.log import Log
from evolink_mock.worlds.outbox import Outbox
from evolink_mock.worlds.rate_limits import RateLimits
from evolink_mock.worlds.storage.rollback import AppliedTransitions
from evolink_mock.worlds.store import Store

_encode = msgspec.json.Encoder().encode

_PURGE_EVERY: Micros = 3600 * SECOND


class Records(NamedTuple):
    """The parts of a world that its tasks write to."""

    store: Store
    outbox: Outbox
    events: Log[WorldEvent]
    account: Account


class NewTask(NamedTuple):
    """A create that was validated, and the decision about its scenario."""

    request: CreateRequest
    decision: Decision = BUILT_IN
    idempotency: tuple[str, bytes] | None = None
    """The idempotency key, and the digest of the request."""
    inputs: tuple[InputFile, ...] = ()
    base: str = ""
    """Base URL by which it came, where no public URL is set."""


class Tasks:
    """Tasks by id, in the order of their creation. `created` is the number of tasks created so far."""

    def __init__(
        self,
        key: str,
        config: WorldConfig,
        grant: Grant,
        seed: Seed,
        records: Records,
        now: Micros,
        created: int = 0,
    ) -> None:
        self.seed = seed
        self.created = created
        self.idempotency = IdempotencyKeys()
        self._config = config
        self._key = key
        self._behaviour = config.behaviour
        self._store, self._outbox, self._events, self._account = records
        limited = grant.per_minute is not None or grant.at_once is not None
        self._rate_limits = RateLimits(grant.per_minute, grant.at_once) if limited else None
        self._purge_at = now + _PURGE_EVERY

    def take_up(self, now: Micros, applied: AppliedTransitions | None = None) -> None:
        """Put the unfinished tasks of a store that was loaded among what is due.

        Transitions of theirs that are not `applied` are; without it, those that are over have been.
        """
        for name, task in self._store.oldest_first():
            self._config.owners[name] = self._key
            if task.idempotency is not None:
                self.idempotency.bind(task.idempotency[0], name)
            if self._rate_limits is not None:
                ends = None if state_of(task, now).ended is not None else task.created + task.plan.ends
                self._rate_limits.acquire(self._behaviour.models[task.model].family, name, task.created, ends)
        for name in self._store.unfinished():
            if (unfinished := self._store.get(name)) is None:
                continue
            starts, ends = _instants(unfinished)
            if applied is not None and not applied.has("task.created", name, unfinished.created):
                self._expect(Due(name, unfinished.created, starts, ends))
            elif now < starts if applied is None else not applied.has("task.processing", name, starts):
                self._expect(Due(name, starts, ends))
            else:
                self._expect(Due(name, ends))
            if unfinished.has_callback and ends < NEVER:
                self._outbox.expect(name, ends)

    # Reading. A task's record and the instant determine its state, so nothing has to be applied before.

    def get(self, name: str) -> Task | None:
        """The record of a task, also of one that is too old for a query."""
        return self._store.get(name)

    def find(self, name: str, now: Micros) -> Task | None:
        """A task that can still be queried."""
        task = self._store.get(name)
        if task is None or now - task.created >= self._config.choices.task_retention * SECOND:
            return None
        return task

    def ids(self) -> list[str]:
        """The ids of all tasks, oldest first."""
        return self._store.task_ids()

    def newest_first(self) -> Iterator[tuple[str, Task]]:
        return self._store.newest_first()

    def __len__(self) -> int:
        return len(self._store)

    def __contains__(self, name: str) -> bool:
        return name in self._store

    # Creation

    def create(self, new: NewTask, now: Micros) -> tuple[str, Task] | None:
        """A new task with its credits reserved, or `None` where they do not suffice."""
        request, (source, scenario, text, rule), idempotency, inputs, base = new
        config = self._config
        if now >= self._purge_at:
            self._purge(now)
        if self._account.ledger.balance is not None:
            self.apply_due(now)  # A refund that is due counts before the next task is refused.
        number = self.created
        drawn = self._behaviour.plan(request, config.distribution, self.seed, number, config.choices)
        if text is not None:
            drawn = outcome.apply(drawn, request, scenario, config.choices)
        if not self._behaviour.affords(self._account.ledger, drawn.reserved):
            return None
        name = self._behaviour.task_id(self.seed, number, now)
        while name in self._store:  # Only after a reseed that returns to an earlier seed.
            number += 1
            name = self._behaviour.task_id(self.seed, number, now)
        self.created = number + 1
        model, values = request.model, request.values
        has_callback = "callback_url" in values
        sent = _encode(values)
        task = Task(now, model.name, drawn, sent, source, (), has_callback, text, rule, 0, idempotency, inputs, base)
        self._add(name, task, model.family)
        return name, task

    def _add(self, name: str, task: Task, family: str) -> None:
        now, drawn = task.created, task.plan
        ends = now + drawn.ends
        self._store.add(name, task)
        self._config.owners[name] = self._key
        self._account.reserve(drawn.reserved)
        self._store.transitions.push(Due(name, now, now + drawn.starts, ends))
        if task.has_callback and drawn.ends < NEVER:
            self._outbox.expect(name, ends)
        if self._rate_limits is not None:
            self._rate_limits.acquire(family, name, now, ends)
        if task.idempotency is not None:
            self.idempotency.bind(task.idempotency[0], name)
        self._events.changed.notify_all()

    def is_full(self, now: Micros) -> bool:
        """Whether no further task fits in, even after those are forgotten that can no longer be queried."""
        if len(self._store) < self._config.task_limit:
            return False
        self._purge(now)
        return len(self._store) >= self._config.task_limit

    def limit_reached(self, family: str, now: Micros) -> tuple[str, int] | None:
        """The rate limit that refuses a create, and the seconds after which one is accepted."""
        if self._rate_limits is None:
            return None
        self.apply_due(now)
        return self._rate_limits.check(family, now)

    def _purge(self, now: Micros) -> None:
        """Forget the tasks that can no longer be queried; one that has not ended still holds its credits."""
        self.apply_due(now)
        limit = now - self._config.choices.task_retention * SECOND
        old = takewhile(lambda row: row[1].created <= limit, self._store.oldest_first())
        ended = {name for name, task in old if state_of(task, now).ended is not None}
        # A callback that is still to be sent needs its task.
        forgotten = ended - self._outbox.tasks_waiting() if ended else ended
        self._store.drop(forgotten)
        self._disown(forgotten)
        self.idempotency.forget(forgotten)
        self._purge_at = now + _PURGE_EVERY

    def close(self) -> None:
        """Give up the tasks, since the world begins anew."""
        self._disown(self._store.task_ids())

    def _disown(self, names: Iterable[str]) -> None:
        for name in names:
            self._config.owners.pop(name, None)

    # Early ends

    def count_query(self, name: str, task: Task, now: Micros) -> Task:
        """Count a query of a task that ends after a number of them."""
        if state_of(task, now).ended is not None:
            return task
        queried = task._replace(query_count=task.query_count + 1)
        self.apply_due(now)
        if queried.query_count >= task.plan.queries_to_end:
            return self.end(name, queried, EarlyEnd("read", now - task.created, task.plan.failure))
        self._store.replace(name, queried)
        return queried

    def end(self, name: str, task: Task, event: EarlyEnd) -> Task:
        """End an unfinished task now, and settle it. The caller has applied what was due before."""
        ended = task._replace(early_ends=(*task.early_ends, event))
        self._store.replace(name, ended)
        starts, ends = _instants(task)
        following = starts if event.at < task.plan.starts else ends
        if following < NEVER:
            self._store.transitions.drop(name, following)
        if task.has_callback and ends < NEVER:
            self._outbox.give_up(name, ends)
        self._finish(name, ended, task.created + event.at)
        return ended

    # Transitions

    def apply_due(self, until: Micros, at_most: int | None = None) -> bool:
        """Apply the transitions due by `until`, in the order of time; whether some are left."""
        done = 0
        transitions = self._store.transitions
        while done != at_most:
            due = transitions.pop(until)
            if due is None:
                return False
            done += 1
            if due.next_at:
                event = "task.created" if due.end_at else "task.processing"
                self._events.append(WorldEvent(due.at, event, due.key))
                self._expect(Due(due.key, due.next_at, due.end_at))
            elif (task := self._store.get(due.key)) is not None:
                self._finish(due.key, task, due.at)
        return True

    def _expect(self, due: Due[str]) -> None:
        if due.at < NEVER:
            self._store.transitions.push(due)

    def _finish(self, name: str, task: Task, at: Micros) -> None:
        state = state_of(task, at)
        failure = state.failure
        self._account.settle(task.plan.reserved, task.plan.charged if failure is None else 0)
        event = f"task.{public_status(state, self._config.choices)}"
        self._events.append(WorldEvent(at, event, name, None if failure is None else failure.code))
        self._store.close(name)
        if self._rate_limits is not None:
            self._rate_limits.release(self._behaviour.models[task.model].family, name)
        if self._behaviour.announces(task, state):
            self._call_back(name, task, at)

    def _call_back(self, name: str, task: Task, at: Micros) -> None:
        """Put down the callbacks of a task that has ended."""
        fault = None if task.scenario is None else parse_scenario(task.scenario).delivery
        draw = 0.0 if fault is None else random_unit(self.seed, name)
        for delivery in initial_deliveries(name, fault, at, draw):
            self._outbox.put(delivery)
            if delivery.ended:
                self._events.append(WorldEvent(at, f"callback.{delivery.stage}", name, delivery.note))


def _instants(task: Task) -> tuple[Micros, Micros]:
    """When a task starts and ends by its plan."""
    return task.created + task.plan.starts, task.created + task.plan.ends
