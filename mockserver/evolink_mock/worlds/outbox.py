"""Transactional outbox of one world: its deliveries, queued as tasks end, attempted when due, kept as a record."""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import takewhile
from typing import Protocol

from evolink_mock.clock import Notifier, monotonic
from evolink_mock.core.delivery import Delivery, DeliveryTally
from evolink_mock.core.duration import Micros
from evolink_mock.worlds.due_queue import Due
from evolink_mock.worlds.store import Store


class Registration(Protocol):
    """The place of an outbox in the ready queue."""

    @property
    def closed(self) -> bool:
        """Whether no further attempt begins, since the emulator is about to stop."""

    def enqueue(self) -> None: ...


class DeliveryReader(Protocol):
    """The deliveries of a world, read-only. Settled views give it out."""

    changed: Notifier
    last: int
    """The newest number, also of a delivery that is no longer kept; 0 where there is none yet."""

    @property
    def dropped(self) -> DeliveryTally:
        """Those that ended, and are no longer kept."""

    @property
    def under_way(self) -> Mapping[int, Micros]:
        """Attempts under way, with the instant they began."""

    @property
    def waiting(self) -> int:
        """The number of deliveries that have not ended."""

    def get(self, number: int) -> Delivery | None: ...
    def numbers(self) -> list[int]: ...
    def of_task(self, task_id: str) -> list[int]: ...
    def next_due(self) -> Micros | None: ...
    def watched(self) -> AbstractContextManager[list[int]]:
        """The numbers of all deliveries that change meanwhile."""


class DeliveryQueue(Protocol):
    """The deliveries of a world, for the dispatcher and for requests that add or release one."""

    changed: Notifier

    @property
    def under_way(self) -> Mapping[int, Micros]:
        """Attempts under way, with the instant they began."""

    def put(self, delivery: Delivery) -> int: ...
    def next_due(self) -> Micros | None: ...
    def take(self, now: Micros) -> Due[str | int] | None: ...
    def put_back(self, due: Due[str | int]) -> None: ...
    def send(self, number: int) -> None: ...
    def postpone(self, number: int) -> None: ...
    def begin(self, number: int, now: Micros) -> Delivery | None: ...
    def given_up(self, number: int, note: str) -> Delivery | None: ...
    def release_on_query(self, task_id: str, at: Micros) -> None: ...
    async def first_attempt(self, task_id: str, seconds: float) -> None: ...


class Outbox:
    """Deliveries by number, from 1. At most `limit` of those that have ended are kept; all others are.

    `last` is the newest number: none is given twice, even after its delivery was dropped. `changed` is notified of
    every change, and `registration` enqueues the world when something falls due sooner than anything before it.
    """

    def __init__(self, store: Store, limit: int, registration: Registration, last: int = 0) -> None:
        self._store = store
        self._limit = limit
        self._registration = registration
        self.changed = Notifier()
        self.under_way: dict[int, Micros] = {}
        """Attempts under way, or waiting for their turn at their receiver, with the instants they began."""
        self.sending: set[int] = set()
        """Attempts under way of which something may have left the process."""
        self._until_next: dict[int, None] = {}
        """Held until the callback of a later task is sent; oldest first."""
        self._until_query: dict[str, int] = {}
        """Held until a query sees the end of the task, by task id."""
        self._ended: deque[int] = deque()
        # By identity: two lists that nothing has changed for yet are equal.
        self._watchers: dict[int, list[int]] = {}
        self.dropped = DeliveryTally()
        """Those that ended, and are no longer kept."""
        self.last = last
        self.closed = False
        for number in store.delivery_numbers():
            self.last = max(self.last, number)
            self._file(number, store.get_delivery(number))

    # Queueing

    def expect(self, task_id: str, ends: Micros) -> None:
        """Expect the end of a task with a callback."""
        self._schedule(Due(task_id, ends))

    def give_up(self, task_id: str, ends: Micros) -> None:
        """The task has ended before that instant."""
        self._store.callbacks.drop(task_id, ends)

    def put(self, delivery: Delivery) -> int:
        """Add a delivery; returns its number."""
        self.last = number = self.last + 1
        self._keep(number, delivery)
        return number

    def keep(self, number: int, delivery: Delivery) -> None:
        """Keep a delivery after an attempt, or after the decision to make none."""
        self.under_way.pop(number, None)
        self.sending.discard(number)
        self._keep(number, delivery)

    def release_overtaken(self, by: int, at: Micros) -> None:
        """A delivery was sent: release those held for it, of tasks that ended before its own."""
        held = list(takewhile(by.__gt__, self._until_next))
        overtaking = self._store.get_delivery(by) if held else None
        if overtaking is not None and overtaking.origin in ("ended", "duplicate"):
            for number in held:
                self._release(number, at)

    def release_on_query(self, task_id: str, at: Micros) -> None:
        """A query saw the end of a task: release its callback if it was held for that."""
        if (number := self._until_query.get(task_id)) is not None:
            self._release(number, at)

    def _release(self, number: int, at: Micros) -> None:
        delivery = self._store.get_delivery(number)
        if delivery is None or delivery.due is None:
            return
        self._forget_hold(number, delivery)
        if delivery.due > at:
            self._store.callbacks.drop(number, delivery.due)
            self._keep(number, delivery._replace(due=at, hold=""))

    def _forget_hold(self, number: int, delivery: Delivery) -> None:
        if delivery.hold == "next":
            self._until_next.pop(number, None)
        elif delivery.hold == "read":
            self._until_query.pop(delivery.task, None)

    # Due events

    def next_due(self) -> Micros | None:
        due = self._store.callbacks.peek()
        return None if due is None else due.at

    def take(self, now: Micros) -> Due[str | int] | None:
        """Remove and return what falls due first by `now`: the end of a task, by id, or an attempt, by number."""
        return self._store.callbacks.pop(now)

    def put_back(self, due: Due[str | int]) -> None:
        self._schedule(due)

    def begin(self, number: int, now: Micros) -> Delivery | None:
        """Begin an attempt of a delivery; returns the delivery."""
        delivery = self._store.get_delivery(number)
        if delivery is not None:
            self.under_way[number] = now
            self._forget_hold(number, delivery)
            self._changed(number)
        return delivery

    def send(self, number: int) -> None:
        """An attempt that has begun is sent from now on."""
        self.sending.add(number)

    def postpone(self, number: int) -> None:
        """Put an attempt back that has begun and was not sent."""
        if self.under_way.pop(number, None) is not None:
            self._file(number, self._store.get_delivery(number))
            self._changed(number)

    def resume(self, number: int, began: Micros) -> None:
        """Go on with an attempt that another outbox of the world has sent."""
        delivery = self._store.get_delivery(number)
        if delivery is not None and delivery.due is not None:
            self._store.callbacks.drop(number, delivery.due)
            self.begin(number, began)
            self.send(number)

    def given_up(self, number: int, note: str) -> Delivery | None:
        """A delivery as it is recorded when no attempt can be made; the note says why."""
        delivery = self.get(number)
        return delivery and delivery._replace(stage="lost", due=None, started=None, note=note, hold="")

    # Records

    @property
    def waiting(self) -> int:
        """The number of deliveries that have not ended."""
        return self._store.delivery_count() - len(self._ended)

    def tasks_waiting(self) -> set[str]:
        """The tasks of deliveries that have not ended."""
        found = map(self._store.get_delivery, self.numbers())
        return {delivery.task for delivery in found if delivery is not None and not delivery.ended}

    def get(self, number: int) -> Delivery | None:
        delivery = self._store.get_delivery(number)
        started = self.under_way.get(number)
        return delivery if delivery is None or started is None else delivery._replace(started=started)

    def numbers(self) -> list[int]:
        return self._store.delivery_numbers()

    def of_task(self, task_id: str) -> list[int]:
        numbers = self._store.delivery_numbers_with(task_id)
        found = ((number, self._store.get_delivery(number)) for number in numbers)
        return [number for number, delivery in found if delivery is not None and delivery.task == task_id]

    async def first_attempt(self, task_id: str, seconds: float) -> None:
        """Wait until the first attempt of a task's callback is over, for at most `seconds` of wall time."""
        until = monotonic() + seconds
        with self.watched() as changed:
            numbers = self.of_task(task_id)
            while not (self.closed or self._registration.closed) and (left := until - monotonic()) > 0:
                deliveries = (self.get(number) for number in (*numbers, *changed))
                if any(d is not None and d.task == task_id and (d.attempts or d.ended) for d in deliveries):
                    return
                changed.clear()
                await self.changed.wait(left)

    def close(self) -> None:
        """Wake all that wait here, since another outbox replaces this one."""
        self.closed = True
        self.changed.notify_all()

    @contextmanager
    def watched(self) -> Iterator[list[int]]:
        """A list to which the number of every delivery that changes meanwhile is added."""
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
            self._schedule(Due(number, delivery.due))
            if delivery.hold == "next":
                self._until_next[number] = None
            elif delivery.hold == "read":
                self._until_query[delivery.task] = number
        elif delivery.ended:
            self._ended.append(number)
            if len(self._ended) > self._limit:
                self._drop(self._ended.popleft())

    def _drop(self, number: int) -> None:
        if (delivery := self._store.get_delivery(number)) is not None:
            self.dropped.add(delivery)
            self._store.drop_delivery(number)

    def _schedule(self, due: Due[str | int]) -> None:
        first = self.next_due()
        self._store.callbacks.push(due)
        if first is None or due.at < first:
            self._registration.enqueue()

    def _changed(self, number: int) -> None:
        for changed in self._watchers.values():
            changed.append(number)
        self.changed.notify_all()
