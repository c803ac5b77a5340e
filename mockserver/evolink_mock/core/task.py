"""Tasks: a plan drawn once at creation, and the events that changed its course since."""

from typing import Literal, NamedTuple, TypeAlias, get_args

from evolink_contracts.spec.wire import Credits, Status
from evolink_mock.core.duration import Micros

ScenarioSource: TypeAlias = Literal["prompt", "header", "queued", "key", "file", "default"]
"""Source of a scenario, in order of precedence."""

SCENARIO_SOURCES: tuple[ScenarioSource, ...] = get_args(ScenarioSource)

NEVER: Micros = 1 << 52
"""Later than any clock goes: the instant of what never begins or ends."""

Units: TypeAlias = int
"""Ten-thousandths of a credit: sums of them are exact, and four decimals are what the credits page shows."""

UNITS_PER_CREDIT: Units = 10_000


class Failure(NamedTuple):
    """Failure of a task, as `error` shows it."""

    code: str
    message: str


class Plan(NamedTuple):
    """The whole course of a task unless it is ended early. Times are counted from its creation."""

    starts: Micros
    ends: Micros
    failure: Failure | None
    """`None` is success."""
    video_duration: Micros
    """Real length of the video."""
    reserved: Units
    charged: Units
    """Cost of success; failure costs nothing."""
    tail_at_99: Micros = 0
    """Time before its end at which it reaches 99 %."""
    cancelled: bool = False
    """Whether its failure shows as the status `cancelled`, whatever the setting is."""
    queries_to_end: int = 0
    """Number of the query at which it ends; 0 where its time decides."""
    lingers: bool = False
    """Whether it stays at 95 % for the second half of its processing, as `progress` says."""


class InputFile(NamedTuple):
    """A file that a task uses: its digest, and for an image its size in pixels as it is meant to be seen."""

    kind: Literal["picture", "sound"]
    digest: str
    width: int = 0
    height: int = 0


class EarlyEnd(NamedTuple):
    """End of a task before its plan: by a cancellation, a control call, or the number of queries."""

    kind: Literal["cancelled", "forced", "read"]
    at: Micros
    """Counted from the task's creation."""
    failure: Failure | None = None
    """Failure of a `forced` or `read` end; `None` is success."""


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
    """Text of the scenario that decided its course, unless it is the built-in default."""
    rule: str = ""
    """Name of the rule that gave the scenario."""
    query_count: int = 0
    """Number of queries, counted where its plan needs it."""
    idempotency: tuple[str, bytes] | None = None
    """Idempotency key of its create, and the digest of the request."""
    inputs: tuple[InputFile, ...] = ()
    """Input files that were probed for it."""
    base: str = ""
    """Base URL by which its create came, where no public URL is set."""


class State(NamedTuple):
    """The visible state of a task at one instant."""

    status: Status
    progress: int
    failure: Failure | None = None
    ended: Micros | None = None
    """Instant of its end, counted from creation; `None` before."""
    as_cancelled: bool = False
    """Whether it shows as `cancelled`, whatever the setting is."""


def to_units(amount: Credits) -> Units:
    return round(amount * UNITS_PER_CREDIT)


def to_credits(units: Units) -> Credits:
    """Whole amounts come out as integers, since the documents write 5 and not 5.0."""
    whole, part = divmod(units, UNITS_PER_CREDIT)
    return units / UNITS_PER_CREDIT if part else whole
