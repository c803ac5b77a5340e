"""A task is a plan drawn once at creation, and the few things that happened to it since."""

from typing import Literal, NamedTuple, TypeAlias, get_args

from evolink_contracts.spec.wire import Credits, Status
from evolink_mock.core.duration import Micros

ScenarioSource: TypeAlias = Literal["prompt", "header", "queued", "key", "file", "default"]
"""Which way a scenario came in: the first that says something about a request decides it."""

SCENARIO_SOURCES: tuple[ScenarioSource, ...] = get_args(ScenarioSource)

NEVER: Micros = 1 << 52
"""Later than any clock goes: when something begins or ends that does not."""

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
    video_duration: Micros
    """Real length of the video."""
    reserved: Units
    charged: Units
    """What success costs; failure costs nothing."""
    tail_at_99: Micros = 0
    """How long before its end it has reached 99 %."""
    cancelled: bool = False
    """Whether it shows its failure as the status `cancelled`, whatever the setting says."""
    queries_to_end: int = 0
    """At which read it ends, where it is reads that count and not time."""


class InputFile(NamedTuple):
    """A file that a task uses: its digest, and of a picture its size in pixels as it is meant to be seen."""

    kind: Literal["picture", "sound"]
    digest: str
    width: int = 0
    height: int = 0


class EarlyEnd(NamedTuple):
    """Somebody ended the task before its plan did."""

    kind: Literal["cancelled", "forced", "read"]
    at: Micros
    """Counted from the task's creation."""
    failure: Failure | None = None
    """Of any other kind than `cancelled`; `None` is success."""


class Task(NamedTuple):
    """A task at rest. `request` is the JSON of the known fields that were sent."""

    created: Micros
    model: str
    plan: Plan
    request: bytes
    source: ScenarioSource
    early_ends: tuple[EarlyEnd, ...] = ()
    has_callback: bool = False
    """Whether the request has a callback URL."""
    scenario: str | None = None
    """What decided what becomes of it, unless that is the built-in default."""
    rule: str = ""
    """Where in the door's rules the scenario stood."""
    query_count: int = 0
    """How often it was queried, where its plan asks for that."""
    idempotency: tuple[str, bytes] | None = None
    """The key that it was created with, and the digest of the request."""
    inputs: tuple[InputFile, ...] = ()
    """The files that were looked at for it."""


class State(NamedTuple):
    """What can be seen of a task at one moment."""

    status: Status
    progress: int
    failure: Failure | None = None
    ended: Micros | None = None
    """When it ended, counted from creation; `None` while it has not."""
    as_cancelled: bool = False
    """Whether it shows as `cancelled`, whatever the setting says."""


def to_units(amount: Credits) -> Units:
    return round(amount * UNITS_PER_CREDIT)


def to_credits(units: Units) -> Credits:
    """Whole amounts come out as integers, since the documents write 5 and not 5.0."""
    whole, part = divmod(units, UNITS_PER_CREDIT)
    return units / UNITS_PER_CREDIT if part else whole
