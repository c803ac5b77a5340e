"""Prices of videos, and the ledger of a world's credits."""

from typing import NamedTuple

from evolink_mock.core.choices import Choices
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.task import Units, to_units
from evolink_mock.core.validation import CreateRequest

_PER_CALL: Units = to_units(5)
"""The page's example: billing_rule per_call, credits_reserved 5."""

MAX_BALANCE = 1_000_000_000
"""Credits, at most."""

NOMINAL_BALANCE: Units = to_units(MAX_BALANCE)
"""Shown as remaining where the balance is unlimited, because the documented fields are required numbers."""


def quote(request: CreateRequest, length: Micros, choices: Choices) -> Units:
    """The price of a video of this length as requested: whole units, half up, and not less than the minimum."""
    if choices.billing_rule == "per_call":
        return _PER_CALL
    units, parts = request.rate.numerator * length, request.rate.denominator * SECOND
    return max((2 * units + parts) // (2 * parts), request.minimum)


class Ledger(NamedTuple):
    """Credits of a world: `reserved` for unfinished tasks, `spent` for settled ones, of a `balance`, if limited.

    reserved + spent + remaining is the balance at every moment.
    """

    balance: Units | None = None
    reserved: Units = 0
    spent: Units = 0

    @property
    def used(self) -> Units:
        """Credits are charged in advance, so a reservation counts as used."""
        return self.reserved + self.spent

    @property
    def remaining(self) -> Units:
        return (NOMINAL_BALANCE if self.balance is None else self.balance) - self.used

    def affords(self, units: Units) -> bool:
        return self.balance is None or units <= self.remaining

    def reserve(self, units: Units) -> "Ledger":
        return Ledger(self.balance, self.reserved + units, self.spent)

    def topped_up(self, units: Units) -> "Ledger":
        """With more credits; an unlimited balance stays unlimited."""
        return self if self.balance is None else self._replace(balance=self.balance + units)

    def limited_to(self, remaining: Units | None) -> "Ledger":
        """With `remaining` credits left, or without a limit."""
        return self._replace(balance=None if remaining is None else remaining + self.used)

    def settle(self, reserved: Units, charged: Units) -> "Ledger":
        """Replace a reservation by the real cost of the task, which is nothing where it failed."""
        return Ledger(self.balance, self.reserved - reserved, self.spent + charged)
