"""Who has something to send, for whoever sends it; and how many requests came, to leave them their time."""

from typing import Generic, TypeVar

from evolink_mock.clock import Bell

Owner = TypeVar("Owner")


class Agenda(Generic[Owner]):
    """The owners of outboxes that are not empty. `bell` rings when one has something sooner than all it had before."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.owners: dict[Owner, None] = {}
        self.asked = 0
        """Requests answered so far."""
        self.closed = False
        """Whether nothing more shall begin, since the emulator is about to stop."""

    def entry(self, owner: Owner) -> "Entry[Owner]":
        return Entry(self, owner)


class Entry(Generic[Owner]):
    """One owner's line in the agenda."""

    def __init__(self, agenda: Agenda[Owner], owner: Owner) -> None:
        self._agenda = agenda
        self._owner = owner

    @property
    def closed(self) -> bool:
        return self._agenda.closed

    def ring(self) -> None:
        self._agenda.owners[self._owner] = None
        self._agenda.bell.ring()

    def step_back(self) -> None:
        """Behind the others in the next turn."""
        self.strike()
        self._agenda.owners[self._owner] = None

    def strike(self) -> None:
        self._agenda.owners.pop(self._owner, None)
