"""A run: probes are played to a service, and every promise is judged by the trace that they leave."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evolink_contracts.promises.registry import Judgement, judge
from evolink_contracts.runs.probes import Probe, played
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.stateful.search import Failure, Searched, troubles_in
from evolink_contracts.target.budget import Refrained, Stopped, TooDear
from evolink_contracts.target.target import Target, Unusable
from evolink_contracts.trace.events import Trace
from evolink_contracts.trace.history import TOLERANCE


@dataclass(frozen=True)
class Skipped:
    """A probe that was not played, and why."""

    probe: str
    reason: str


@dataclass(frozen=True)
class Report:
    """What came of a run; `stopped` is why it ended before its time."""

    judgements: Sequence[Judgement]
    trace: Trace
    skipped: Sequence[Skipped] = field(default_factory=tuple)
    stopped: str = ""
    searched: Searched | None = None

    @property
    def broken(self) -> list[Judgement]:
        return [judgement for judgement in self.judgements if judgement.verdict == "broken"]

    @property
    def failure(self) -> Failure | None:
        """The history that broke a promise, where histories were played."""
        return None if self.searched is None else self.searched.failure


def playable(target: Target, probes: Iterable[Probe]) -> list[Probe]:
    """Those of these probes that a service has all that is needed for."""
    return [probe for probe in probes if probe.needs <= target.can]


def run(
    target: Target,
    chosen: Iterable[str] | None = None,
    probes: Sequence[Probe] | None = None,
    tell: Callable[[Probe], None] = lambda probe: None,
    tolerance: Seconds = TOLERANCE,
    explore: Callable[[Target], Searched] | None = None,
) -> Report:
    """Play what the service can take, by default all that an emulator can; then explore histories, where that is asked.

    `tell` is told of each probe before it is played. Raises `Unusable` where the service gives no answer at all.
    """
    skipped, stopped = [], ""
    for each in played("emulator") if probes is None else probes:
        missing = each.needs - target.can
        if missing:
            skipped.append(Skipped(each.name, f"it needs {', '.join(sorted(missing))}, which this service has not"))
            continue
        tell(each)
        target.begin(f"{each.name}/")
        try:
            each.run(target)
        except TooDear as reason:
            skipped.append(Skipped(each.name, f"not all of it was sent: {reason}"))
        except (Unusable, Refrained) as trouble:
            if not target.trace:
                raise
            skipped.append(Skipped(each.name, f"it broke off: {trouble}"))
        except Stopped as reason:
            stopped = str(reason)
            break
    searched = None if explore is None or stopped else explore(target)
    if searched is not None:
        stopped = searched.stopped
    shown = () if searched is None or searched.failure is None else searched.failure.trace
    trace = (*target.trace, *shown)
    troubles = troubles_in(target.trace) + Counter({} if searched is None else searched.troubles)
    return Report(tuple(judge(trace, chosen, tolerance)), trace, (*skipped, *_told(troubles)), stopped, searched)


def _told(troubles: Mapping[int, int]) -> list[Skipped]:
    """What came of keys, accounts and networks is told, and not taken for a broken promise."""
    return [Skipped(f"{count} calls", f"they were answered {status}") for status, count in sorted(troubles.items())]
