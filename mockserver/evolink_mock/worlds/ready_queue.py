"""Ready queue: the worlds that have deliveries due."""

from typing import Generic, TypeVar

from evolink_mock.clock import Notifier

Owner = TypeVar("Owner")


class ReadyQueue(Generic[Owner]):
    """Owners whose outbox is not empty. `changed` is notified when one has something due sooner than before."""

    def __init__(self) -> None:
        self.changed = Notifier()
        self.owners: dict[Owner, None] = {}
        self.closed = False
        """Whether no further attempt may begin, since the emulator is about to stop."""

    def register(self, owner: Owner) -> "Registration[Owner]":
        return Registration(self, owner)


class Registration(Generic[Owner]):
    """The place of one owner in a ready queue."""

    def __init__(self, queue: ReadyQueue[Owner], owner: Owner) -> None:
        self._queue = queue
        self._owner = owner

    @property
    def closed(self) -> bool:
        return self._queue.closed

    def enqueue(self) -> None:
        self._queue.owners[self._owner] = None
        self._queue.changed.notify_all()

    def requeue(self) -> None:
        """Move behind the other owners."""
        self.remove()
        self._queue.owners[self._owner] = None

    def remove(self) -> None:
        self._queue.owners.pop(self._owner, None)
