"""Random histories, until one shows that a promise is broken; it is then made as short as it can be."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from evolink_contracts.stateful.steps import ALL, Broken, Judges, Step, play
from evolink_contracts.target.budget import Stopped
from evolink_contracts.target.target import Target, Unusable
from evolink_contracts.trace.events import Call, Event, Trace
from evolink_contracts.trace.history import in_trouble

SCOPE = "histories/"
"""Before the names of the keys that they are played with."""

_ENDS = (Stopped, Unusable)
"""Why no more can be played."""


class _Ended(BaseException):
    """Why no more can be played, as Hypothesis lets it through: of an `Exception` it would seek a shorter example."""


@dataclass(frozen=True)
class Failure:
    """A history that broke a promise: which and how, what was done, and what happened."""

    says: str
    steps: Sequence[Step]
    trace: Trace
    again: bool = True
    """Whether it failed when it was played once more."""


@dataclass(frozen=True)
class Searched:
    """How many histories were played to their ends, and the shortest that failed.

    `stopped` is why the search ended before its time. `troubles` are how many calls were answered with which status
    that says nothing about the contract.
    """

    played: int
    luck: int = 0
    failure: Failure | None = None
    stopped: str = ""
    troubles: Mapping[int, int] = field(default_factory=dict)


def troubles_in(events: Iterable[Event]) -> Counter[int]:
    """How many calls were answered with which status that says nothing about the contract."""
    return Counter(event.status for event in events if isinstance(event, Call) and in_trouble(event))


def search(
    target: Target,
    count: int,
    luck: int = 0,
    longest: int = 50,
    judges: Judges = ALL,
    tell: Callable[[int], None] = lambda played: None,
) -> Searched:
    """Play so many histories, of the luck of a seed, to a service; afterwards the trace is as it was before.

    Where there is no control API, a failure is not made shorter, since each history takes its time, and perhaps money.
    """
    # Hypothesis takes longer to import than all the rest, and a run without histories needs none of it.
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis.errors import Flaky

    from evolink_contracts.stateful.strategies import histories

    kept = list(target.trace)
    steered = "control" in target.can
    phases = [Phase.generate, Phase.shrink] if steered else [Phase.generate]
    played, stopped = 0, ""
    failure: Failure | None = None
    troubles: Counter[int] = Counter()

    # A service may be slow, which is no fault of what is drawn.
    @seed(luck)
    @settings(
        max_examples=count,
        phases=phases,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(histories(longest))
    def each(steps: list[Step]) -> None:
        nonlocal played, failure
        if failure is not None and not steered:
            raise Broken(failure.says)
        played += 1
        tell(played)
        try:
            play(target, steps, judges)
        except Broken as broken:
            failure = Failure(str(broken), steps, tuple(target.trace))
            raise
        except _ENDS as reason:
            played -= 1
            raise _Ended(str(reason)) from None
        finally:
            troubles.update(_troubles(target))

    target.begin(SCOPE)
    try:
        with suppress(Broken):
            each()
        if steered and failure is not None:
            for shorter in _without_idle_steps(target, failure, judges):
                failure = shorter
    except Flaky:
        failure = None if failure is None else replace(failure, again=False)
    except (_Ended, *_ENDS) as reason:
        stopped = str(reason)
    finally:
        target.trace[:] = kept
    return Searched(played, luck, failure, stopped, troubles)


def _troubles(target: Target) -> Mapping[int, int]:
    """Those of the history that was played last; an emulator that is steered answers so where it is told to."""
    return {} if "control" in target.can else troubles_in(target.trace)


def _without_idle_steps(target: Target, failure: Failure, judges: Judges) -> Iterator[Failure]:
    """The same failure, ever shorter, until no step is left that it can do without: Hypothesis leaves some where many
    are alike.
    """
    for place in reversed(range(len(failure.steps))):
        fewer = [*failure.steps[:place], *failure.steps[place + 1 :]]
        try:
            play(target, fewer, judges)
        except Broken as broken:
            failure = Failure(str(broken), fewer, tuple(target.trace))
            yield failure


def replay(target: Target, steps: Sequence[Step], judges: Judges = ALL) -> Searched:
    """Play one history, such as one that was saved; afterwards the trace is as it was before."""
    kept, failure, stopped = list(target.trace), None, ""
    target.begin(SCOPE)
    try:
        play(target, steps, judges)
    except Broken as broken:
        failure = Failure(str(broken), steps, tuple(target.trace))
    except _ENDS as reason:
        stopped = str(reason)
    troubles = _troubles(target)
    target.trace[:] = kept
    return Searched(int(not stopped), failure=failure, stopped=stopped, troubles=troubles)
