"""The callbacks of one world: put down when a task ends, tried when due, and kept as a record when done."""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import takewhile
from typing import Protocol

from evolink_mock.clock import Notifier, monotonic
from evolink_mock.core.delivery import Delivery
from evolink_mock.core.duration import Micros
from evolink_mock.worlds.due_queue import Due
from evolink_mock.worlds.store import Store


class Registration(Protocol):
    """The place of an outbox among those that have deliveries due."""

    @property
    def closed(self) -> bool:
        """Whether no further attempt begins, since the emulator is about to stop."""

    def enqueue(self) -> None: ...


class DeliveryReader(Protocol):
    """The deliveries of a world, read-only. Settled views give it out."""

    changed: Notifier

    @property
    def under_way(self) -> Mapping[int, Micros]:
        """Attempts under way, with the instant they began."""

    @property
    def waiting(self) -> int:
        """How many deliveries are not done."""

    def get(self, number: int) -> Delivery | None: ...
    def numbers(self) -> list[int]: ...
    def of_task(self, task_id: str) -> list[int]: ...
    def next_due(self) -> Micros | None: ...
    def watched(self) -> AbstractContextManager[list[int]]:
        """The numbers of all deliveries that change meanwhile."""


class DeliveryQueue(Protocol):
    """The deliveries of a world, for the dispatcher and for requests that put down or release one."""

    changed: Notifier

    @property
    def under_way(self) -> Mapping[int, Micros]:
        """Attempts under way, with the instant they began."""

    def put(self, delivery: Delivery) -> int: ...
    def next_due(self) -> Micros | None: ...
    def take(self, now: Micros) -> Due[str | int] | None: ...
    def put_back(self, due: Due[str | int]) -> None: ...
    def begin(self, number: int, now: Micros) -> Delivery | None: ...
    def given_up(self, number: int, note: str) -> Delivery | None: ...
    def release_on_query(self, task_id: str, at: Micros) -> None: ...
    async def first_attempt(self, task_id: str, seconds: float) -> None: ...


class Outbox:
    """Deliveries by number, from 1. At most `limit` of those that are done are kept; one that is not is never let go.

    `last` is the number given last: no number comes twice, even where what had it is forgotten. `bell` rings with every
    change here, `started` with what may have to be done sooner than anything before it.
    """

    def __init__(self, store: Store, limit: int, started: Registration, last: int = 0) -> None:
        self._store = store
        self._limit = limit
        self._started = started
        self.changed = Notifier()
        self.under_way: dict[int, Micros] = {}
        """Attempts that are being made, or wait for their turn at their receiver, with the instant they began."""
        self._until_next: dict[int, None] = {}
        """Held until the callback of a later task is sent; the earliest first."""
        self._until_read: dict[str, int] = {}
        """Held until a query sees the end of the task."""
        self._done: deque[int] = deque()
        # By identity: two lists that nothing has changed for yet are equal.
        self._watchers: dict[int, list[int]] = {}
        self.last = last
        self.closed = False
        for number in store.delivery_numbers():
            self.last = max(self.last, number)
            self._file(number, store.get_delivery(number))

    # What is put down

    def expect(self, task_id: str, ends: Micros) -> None:
        """A task with a callback will end then."""
        self._call(Due(task_id, ends))

    def give_up(self, task_id: str, ends: Micros) -> None:
        """It ended before."""
        self._store.callbacks.drop(task_id, ends)

    def put(self, delivery: Delivery) -> int:
        """A new delivery; its number."""
        self.last = number = self.last + 1
        self._keep(number, delivery)
        return number

    def keep(self, number: int, delivery: Delivery) -> None:
        """A delivery after an attempt, or after the decision to make none."""
        self.under_way.pop(number, None)
        self._keep(number, delivery)

    def release_overtaken(self, by: int, at: Micros) -> None:
        """The callback of a task was sent, which lets go those of tasks that ended before it and were held for it."""
        held = list(takewhile(by.__gt__, self._until_next))
        overtaking = self._store.get_delivery(by) if held else None
        if overtaking is not None and overtaking.origin in ("ended", "duplicate"):
            for number in held:
                self._let_go(number, at)

    def release_on_query(self, task_id: str, at: Micros) -> None:
        """A query saw the end of a task, which lets go its callback if it was held for that."""
        if (number := self._until_read.get(task_id)) is not None:
            self._let_go(number, at)

    def _let_go(self, number: int, at: Micros) -> None:
        delivery = self._store.get_delivery(number)
        if delivery is None or delivery.due is None:
            return
        self._held_no_more(number, delivery)
        if delivery.due > at:
            self._store.callbacks.drop(number, delivery.due)
            self._keep(number, delivery._replace(due=at, hold=""))

    def _held_no_more(self, number: int, delivery: Delivery) -> None:
        if delivery.hold == "next":
            self._until_next.pop(number, None)
        elif delivery.hold == "read":
            self._until_read.pop(delivery.task, None)

    # What is due

    def next_due(self) -> Micros | None:
        due = self._store.callbacks.peek()
        return None if due is None else due.at

    def take(self, now: Micros) -> Due[str | int] | None:
        """Take out what falls due first by now: the end of a task, by its id, or an attempt, by its number."""
        return self._store.callbacks.pop(now)

    def put_back(self, due: Due[str | int]) -> None:
        self._call(due)

    def begin(self, number: int, now: Micros) -> Delivery | None:
        """The delivery of which an attempt begins."""
        delivery = self._store.get_delivery(number)
        if delivery is not None:
            self.under_way[number] = now
            self._held_no_more(number, delivery)
            self._changed(number)
        return delivery

    def given_up(self, number: int, note: str) -> Delivery | None:
        """A delivery as it is recorded when no attempt can be made; the note says why."""
        delivery = self.get(number)
        return delivery and delivery._replace(stage="lost", due=None, started=None, note=note, hold="")

    # What is kept

    @property
    def waiting(self) -> int:
        """How many deliveries are not done."""
        return self._store.delivery_count() - len(self._done)

    def tasks_waiting(self) -> set[str]:
        """The tasks of deliveries that are not done."""
        found = map(self._store.get_delivery, self.numbers())
        return {delivery.task for delivery in found if delivery is not None and not delivery.ended}

    def get(self, number: int) -> Delivery | None:
        delivery = self._store.get_delivery(number)
        started = self.under_way.get(number)
        return delivery if delivery is None or started is None else delivery._replace(started=started)

    def numbers(self) -> list[int]:
        return self._store.delivery_numbers()

    def of_task(self, task_id: str) -> list[int]:
        found = ((number, self._store.get_delivery(number)) for number in self.numbers())
        return [number for number, delivery in found if delivery is not None and delivery.task == task_id]

    async def first_attempt(self, task_id: str, seconds: float) -> None:
        """Wait until the first attempt of a task's callback is over, for at most `seconds` of wall time."""
        until = monotonic() + seconds
        with self.watched() as changed:
            numbers = self.of_task(task_id)
            while not (self.closed or self._started.closed) and (left := until - monotonic()) > 0:
                deliveries = (self.get(number) for number in (*numbers, *changed))
                if any(d is not None and d.task == task_id and (d.attempts or d.ended) for d in deliveries):
                    return
                changed.clear()
                await self.changed.wait(left)

    def close(self) -> None:
        """Let go of those that wait here: another outbox takes the place of this one."""
        self.closed = True
        self.changed.notify_all()

    @contextmanager
    def watched(self) -> Iterator[list[int]]:
        """The numbers of all deliveries that change meanwhile, for whoever waits for one."""
        changed: list[int] = []
        self._watchers[id(changed)] = changed
        try:
            yield changed
        finally:
            del self._watchers[id(changed)]

    def _keep(self, number: int, delivery: Delivery) -> None:
        self._store.put_delivery(number, delivery)
        self._file(number, delivery)
        self._changed(number)

    def _file(self, number: int, delivery: Delivery | None) -> None:
        if delivery is None:
            return
        if delivery.due is not None:
            self._call(Due(number, delivery.due))
            if delivery.hold == "next":
                self._until_next[number] = None
            elif delivery.hold == "read":
                self._until_read[delivery.task] = number
        elif delivery.ended:
            self._done.append(number)
            if len(self._done) > self._limit:
                self._store.drop_delivery(self._done.popleft())

    def _call(self, due: Due[str | int]) -> None:
        first = self.next_due()
        self._store.callbacks.push(due)
        if first is None or due.at < first:
            self._started.enqueue()

    def _changed(self, number: int) -> None:
        for changed in self._watchers.values():
            changed.append(number)
        self.changed.notify_all()
