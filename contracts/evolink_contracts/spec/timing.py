"""Durations of the API: the callback policy, and the lifetimes of result links and tasks."""

from dataclasses import dataclass

from evolink_contracts.spec.sources import Basis
from evolink_contracts.spec.wire import Seconds


@dataclass(frozen=True, kw_only=True)
class CallbackPolicy:
    """Delivery and retries of a callback. Another provider's policy is another value."""

    timeout: Seconds
    """Limit of one attempt in total."""
    gaps: tuple[Seconds, ...]
    """Wait after each failed attempt; one retry for each gap."""
    max_url_length: int
    """In characters."""
    success: range
    """Statuses that end the retries."""
    basis: Basis
    source: str

    @property
    def max_attempts(self) -> int:
        return 1 + len(self.gaps)


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """Time that something stays available, counted from `since`."""

    name: str
    seconds: int
    since: str
    basis: Basis
    source: str


EVOLINK_CALLBACKS = CallbackPolicy(
    timeout=10.0, gaps=(1.0, 2.0, 4.0), max_url_length=2048, success=range(200, 300), basis="documented", source="S1a"
)

RESULT_LINK = Lifetime(
    name="result link", seconds=24 * 3600, since="completion of its task", basis="documented", source="S1a"
)
"""The page says that generated links are valid for 24 hours; that they start at completion is the natural reading."""

TASK_RETENTION = Lifetime(
    name="task query", seconds=7 * 24 * 3600, since="creation of the task", basis="inferred", source="S1c"
)
"""The error page says that expired tasks cannot be queried, and gives no figure. See the conflict `task_retention`."""
