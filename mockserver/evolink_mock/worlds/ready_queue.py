"""Ready queue: the worlds that have deliveries due."""

from typing import Generic, TypeVar

from evolink_mock.clock import Notifier

Owner = TypeVar("Owner")


class ReadyQueue(Generic[Owner]):
    """The owners of outboxes that are not empty. `bell` rings when one has something sooner than all it had before."""

    def __init__(self) -> None:
        self.changed = Notifier()
        self.owners: dict[Owner, None] = {}
        self.closed = False
        """Whether nothing more shall begin, since the emulator is about to stop."""

    def register(self, owner: Owner) -> "Registration[Owner]":
        return Registration(self, owner)


class Registration(Generic[Owner]):
    """One owner's line in the agenda."""

    def __init__(self, agenda: ReadyQueue[Owner], owner: Owner) -> None:
        self._agenda = agenda
        self._owner = owner

    @property
    def closed(self) -> bool:
        return self._agenda.closed

    def enqueue(self) -> None:
        self._agenda.owners[self._owner] = None
        self._agenda.changed.notify_all()

    def requeue(self) -> None:
        """Behind the others in the next turn."""
        self.remove()
        self._agenda.owners[self._owner] = None

    def remove(self) -> None:
        self._agenda.owners.pop(self._owner, None)
