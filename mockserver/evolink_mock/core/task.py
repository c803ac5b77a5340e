"""A task is a plan drawn once at creation, and the few things that happened to it since."""

from typing import Literal, NamedTuple, TypeAlias

from evolink_contracts.spec.wire import Credits, Status
from evolink_mock.core.duration import Micros

Door: TypeAlias = Literal["header", "default"]
"""Which way a scenario came in."""

Units: TypeAlias = int
"""Ten-thousandths of a credit: sums of them are exact, and four decimals are what the credits page shows."""

UNITS_PER_CREDIT: Units = 10_000


class Failure(NamedTuple):
    """Why a task failed, as `error` shows it."""

    code: str
    message: str


class Plan(NamedTuple):
    """Everything that will become of a task if nobody interferes. Times are counted from its creation."""

    starts: Micros
    ends: Micros
    failure: Failure | None
    """How it ends; `None` is success."""
    video: Micros
    """Real length of the video."""
    reserved: Units
    charged: Units
    """What success costs; failure costs nothing."""


class Event(NamedTuple):
    """Somebody ended the task before its plan did."""

    kind: Literal["cancelled", "forced"]
    at: Micros
    """Counted from the task's creation."""
    failure: Failure | None = None
    """Of a forced outcome; `None` is success."""


class Task(NamedTuple):
    """A task at rest. `request` is the JSON of the known fields that were sent."""

    created: Micros
    model: str
    plan: Plan
    request: bytes
    door: Door
    events: tuple[Event, ...] = ()
    calls: bool = False
    """Whether the request has a callback URL."""
    delivery: str | None = None
    """The scenario of its callback."""


class State(NamedTuple):
    """What can be seen of a task at one moment."""

    status: Status
    progress: int
    failure: Failure | None = None
    ended: Micros | None = None
    """When it ended, counted from creation; `None` while it has not."""


def to_units(amount: Credits) -> Units:
    return round(amount * UNITS_PER_CREDIT)


def to_credits(units: Units) -> Credits:
    """Whole amounts come out as integers, since the documents write 5 and not 5.0."""
    whole, part = divmod(units, UNITS_PER_CREDIT)
    return units / UNITS_PER_CREDIT if part else whole
