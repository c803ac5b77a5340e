"""Delivery faults, by name: `X-Mock-Scenario: delivery=duplicate`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from evolink_mock.core.delivery import Delivery, ReleaseCondition
from evolink_mock.core.duration import SECOND, Micros


class DeliveryFault(NamedTuple):
    """A fault of the deliveries of a task. Delays are drawn between their two ends, counted from the task's end."""

    summary: str
    delay: tuple[Micros, Micros] = (0, 0)
    again: tuple[Micros, Micros] | None = None
    """Delay after which the same callback is sent once more."""
    hold: ReleaseCondition = ""
    lost: bool = False
    completes_immediately: bool = False
    """The task ends as it is created, and the create call is answered after the first attempt."""


_HOLD = 30 * SECOND

DELIVERY_FAULTS: Mapping[str, DeliveryFault] = MappingProxyType(
    {
        "duplicate": DeliveryFault("sent twice, the second time up to 2 s later", again=(0, 2 * SECOND)),
        "out_of_order": DeliveryFault(
            "delayed until the callback of a later task has been sent, or for 30 s", (_HOLD, _HOLD), hold="next"
        ),
        "before_create": DeliveryFault("arrives before the response to the create", completes_immediately=True),
        "racing_poll": DeliveryFault(
            "delayed until a query returns the terminal state, or for 30 s", (_HOLD, _HOLD), hold="read"
        ),
        "lost": DeliveryFault("never sent", lost=True),
        "very_late": DeliveryFault("sent 10 to 60 minutes after the task ended", (600 * SECOND, 3600 * SECOND)),
    }
)


def initial_deliveries(task: str, scenario: str | None, ended: Micros, unit: float) -> tuple[Delivery, ...]:
    """The deliveries of a task that ended; `unit` is a random number in [0, 1)."""
    if scenario is None:
        return (Delivery(task, "ended", ended, due=ended),)
    fault = DELIVERY_FAULTS[scenario]
    note = f"the scenario delivery={scenario}: {fault.summary}"
    if fault.lost:
        return (Delivery(task, "ended", ended, "lost", note=note),)
    first = Delivery(task, "ended", ended, due=ended + _between(fault.delay, unit), note=note, hold=fault.hold)
    if fault.again is None:
        return (first,)
    return (first, Delivery(task, "duplicate", ended, due=ended + _between(fault.again, unit), note=note))


def _between(ends: tuple[Micros, Micros], unit: float) -> Micros:
    low, high = ends
    return low + int((high - low) * unit)
