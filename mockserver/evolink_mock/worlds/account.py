"""Credit account of one world: its ledger, whose every change marks the world as changed."""

from collections.abc import Callable
from typing import TypeAlias

from evolink_mock.core.billing import Ledger
from evolink_mock.core.task import Units

Settle: TypeAlias = Callable[[Ledger, Units, Units], Ledger]
"""Takes the reserved and the charged units of a task that has ended."""


class Account:
    """Holds the ledger. It is private to the world: others read it from a settled `WorldView`."""

    __slots__ = ("_mark_dirty", "_settle", "ledger")

    def __init__(self, ledger: Ledger, mark_dirty: Callable[[], None], settle: Settle = Ledger.settle) -> None:
        self._settle = settle
        self.ledger = ledger
        self._mark_dirty = mark_dirty

    def change(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._mark_dirty()

    def reserve(self, units: Units) -> None:
        """Reserve the price of a new task."""
        self.ledger = self.ledger.reserve(units)
        self._mark_dirty()

    def settle(self, reserved: Units, charged: Units) -> None:
        """Turn a reservation into the charge of a task that has ended."""
        self.ledger = self._settle(self.ledger, reserved, charged)
        self._mark_dirty()

    def charge(self, units: Units) -> None:
        """Charge what was not reserved."""
        self.change(self.ledger.settle(0, units))
