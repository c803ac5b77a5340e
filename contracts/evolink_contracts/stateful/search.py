"""Search for a history that breaks a promise: random histories from a seed, and the shortest one that fails."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from evolink_contracts.reference.errors import PromiseBroken, RunStopped, SearchInterrupted, ServiceUnusable
from evolink_contracts.stateful.actions import Step, Steps, play
from evolink_contracts.stateful.session import ALL_PROMISES, Criteria
from evolink_contracts.target.target import Target
from evolink_contracts.trace.events import Call, Event, Trace
from evolink_contracts.trace.history import is_inconclusive

if TYPE_CHECKING:
    from hypothesis import settings as Settings  # noqa: N812  # Hypothesis's own class is in lower case.

SCOPE = "histories/"
"""The scope of the keys of all histories."""

_ENDS = (RunStopped, ServiceUnusable)
"""The reasons why no further history can be played."""


@dataclass(frozen=True)
class FailedHistory:
    """A history that broke a promise: the contradiction, the steps, and the trace."""

    says: str
    steps: Steps
    trace: Trace
    reproducible: bool = True
    """Whether it failed when it was played again."""


@dataclass(frozen=True)
class SearchResult:
    """The number of histories that were played to their ends, and the shortest that failed.

    `stopped` is why the search ended early. `inconclusive` counts the answers that say nothing about the contract, by
    status.
    """

    played: int
    seed: int = 0
    failure: FailedHistory | None = None
    stopped: str = ""
    inconclusive: Mapping[int, int] = field(default_factory=dict)


def count_inconclusive(events: Iterable[Event]) -> Counter[int]:
    """The number of answers that say nothing about the contract, by status."""
    return Counter(event.status for event in events if isinstance(event, Call) and is_inconclusive(event))


def search(
    target: Target,
    count: int,
    seed: int = 0,
    longest: int = 50,
    criteria: Criteria = ALL_PROMISES,
    tell: Callable[[int], None] = lambda played: None,
) -> SearchResult:
    """Play `count` random histories to a service. Afterwards its trace is as it was before.

    Without a control API a failed history is not shortened, since each takes time, and perhaps credits.
    """
    return _Search(target, criteria, tell).run(count, seed, longest)


class _Search:
    """The state of one search."""

    def __init__(self, target: Target, criteria: Criteria, tell: Callable[[int], None]) -> None:
        self._target = target
        self._criteria = criteria
        self._tell = tell
        self._controlled = "control" in target.can
        self._played = 0
        self._failure: FailedHistory | None = None
        self._inconclusive: Counter[int] = Counter()

    def run(self, count: int, seed: int, longest: int) -> SearchResult:
        # Hypothesis takes longer to import than everything else, and a run without histories does not need it.
        from hypothesis import given
        from hypothesis import seed as seeded
        from hypothesis.errors import Flaky

        from evolink_contracts.stateful.strategies import histories

        kept, stopped = list(self._target.trace), ""
        play_all = seeded(seed)(_settings(count, shrink=self._controlled)(given(histories(longest))(self._play)))
        self._target.begin(SCOPE)
        try:
            with suppress(PromiseBroken):
                play_all()
            if self._controlled and self._failure is not None:
                for shorter in shortened(self._target, self._failure, self._criteria):
                    self._failure = shorter
        except Flaky:
            self._failure = None if self._failure is None else replace(self._failure, reproducible=False)
        except (SearchInterrupted, *_ENDS) as reason:
            stopped = str(reason)
        finally:
            self._target.trace[:] = kept
        return SearchResult(self._played, seed, self._failure, stopped, self._inconclusive)

    def _play(self, steps: list[Step]) -> None:
        if self._failure is not None and not self._controlled:
            raise PromiseBroken(self._failure.says)
        self._played += 1
        self._tell(self._played)
        try:
            play(self._target, steps, self._criteria)
        except PromiseBroken as broken:
            self._failure = FailedHistory(str(broken), steps, tuple(self._target.trace))
            raise
        except _ENDS as reason:
            self._played -= 1
            raise SearchInterrupted(str(reason)) from None
        finally:
            self._inconclusive.update(_inconclusive_in_history(self._target))


def _settings(count: int, *, shrink: bool) -> "Settings":
    from hypothesis import HealthCheck, Phase, settings

    return settings(
        max_examples=count,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        database=None,
        # A service may be slow, which says nothing about the strategies.
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )


def _inconclusive_in_history(target: Target) -> Mapping[int, int]:
    """Those in the history that was played last; with a control API they were requested, and do not count."""
    return {} if "control" in target.can else count_inconclusive(target.trace)


def shortened(target: Target, failure: FailedHistory, criteria: Criteria) -> Iterator[FailedHistory]:
    """The same failure with ever fewer steps, until it needs each of them.

    Hypothesis leaves superfluous steps where many are alike.
    """
    for place in reversed(range(len(failure.steps))):
        fewer = [*failure.steps[:place], *failure.steps[place + 1 :]]
        try:
            play(target, fewer, criteria)
        except PromiseBroken as broken:
            failure = FailedHistory(str(broken), fewer, tuple(target.trace))
            yield failure


def replay(target: Target, steps: Sequence[Step], criteria: Criteria = ALL_PROMISES) -> SearchResult:
    """Play one history, such as a saved one. Afterwards the trace is as it was before."""
    kept, failure, stopped = list(target.trace), None, ""
    target.begin(SCOPE)
    try:
        play(target, steps, criteria)
    except PromiseBroken as broken:
        failure = FailedHistory(str(broken), steps, tuple(target.trace))
    except _ENDS as reason:
        stopped = str(reason)
    inconclusive = _inconclusive_in_history(target)
    target.trace[:] = kept
    return SearchResult(int(not stopped), failure=failure, stopped=stopped, inconclusive=inconclusive)
