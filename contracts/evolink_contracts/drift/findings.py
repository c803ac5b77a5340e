"""Findings of a replay: equal differences counted together, the worst first."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evolink_contracts.drift.comparison import API_OPERATIONS, Difference
from evolink_contracts.promises.promise import SEVERITIES
from evolink_contracts.trace.events import Event


@dataclass(frozen=True)
class Drift:
    """One difference of an operation: how often it was found, and the first event that shows it."""

    difference: Difference
    operation: str
    event: Event
    times: int


@dataclass(frozen=True)
class DriftResult:
    """The number of answers that were compared, the drifts with the worst first, and the calls that were skipped.

    `covered` is the number of those answers that belong to operations of the API, and not to unknown routes.
    """

    compared: int
    drifts: Sequence[Drift]
    skipped: dict[str, int]
    covered: int

    @property
    def critical(self) -> bool:
        return any(drift.difference.severity == "critical" for drift in self.drifts)


class Findings:
    """Collects the differences of a replay."""

    def __init__(self) -> None:
        self._compared = 0
        self._covered = 0
        self._by_place: dict[tuple[str, str, str], list[tuple[Difference, Event]]] = defaultdict(list)
        self._skipped: dict[str, int] = defaultdict(int)

    def add(self, operation: str, event: Event, differences: Iterable[Difference]) -> None:
        """An event was compared."""
        self._compared += 1
        self._covered += operation in API_OPERATIONS
        for difference in differences:
            self._by_place[difference.severity, difference.where, operation].append((difference, event))

    def skip(self, reason: str) -> None:
        """A call could not be replayed."""
        self._skipped[reason] += 1

    def result(self) -> DriftResult:
        drifts = [
            Drift(found[0][0], operation, found[0][1], len(found))
            for (_, _, operation), found in self._by_place.items()
        ]
        drifts.sort(key=lambda drift: SEVERITIES.index(drift.difference.severity))
        return DriftResult(self._compared, drifts, dict(self._skipped), self._covered)
