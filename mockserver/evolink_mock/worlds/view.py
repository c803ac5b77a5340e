"""Settled view: the credits, events and deliveries of a world after every transition due by an instant was applied.

A world keeps its ledger, its events and its deliveries to itself. `World.view` applies what is due and then hands them
out, so that a task which has ended is never seen with its credits still reserved or its callback missing.
"""

from evolink_mock.core.billing import Ledger
from evolink_mock.core.duration import Micros
from evolink_mock.worlds.due_queue import DueQueue
from evolink_mock.worlds.journal import WorldEvent
from evolink_mock.worlds.log import LogReader
from evolink_mock.worlds.outbox import DeliveryReader


class WorldView:
    """Read-only, settled at `now`. Take a new one after any `await`, since time may have passed."""

    __slots__ = ("_transitions", "deliveries", "events", "ledger", "now")

    def __init__(
        self,
        now: Micros,
        ledger: Ledger,
        events: LogReader[WorldEvent],
        deliveries: DeliveryReader,
        transitions: DueQueue[str],
    ) -> None:
        self.now = now
        self.ledger = ledger
        self.events = events
        self.deliveries = deliveries
        self._transitions = transitions

    def next_event(self) -> Micros | None:
        """The instant of the next transition or attempt; `None` where nothing is to happen by itself."""
        transition, attempt = self._transitions.peek(), self.deliveries.next_due()
        if transition is None:
            return attempt
        return transition.at if attempt is None else min(transition.at, attempt)
