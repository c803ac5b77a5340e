"""A run: probes are played to a service, and every promise is judged by the trace."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evolink_contracts.promises.promise import Judgement
from evolink_contracts.promises.registry import judge
from evolink_contracts.reference.errors import CreateTooExpensive, CreateWithheld, RunStopped, ServiceUnusable
from evolink_contracts.runs.probe import Probe
from evolink_contracts.runs.probes import probes_of
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.stateful.search import FailedHistory, SearchResult, count_inconclusive
from evolink_contracts.target.target import Target
from evolink_contracts.trace.events import Trace
from evolink_contracts.trace.history import TOLERANCE


@dataclass(frozen=True)
class Skipped:
    """A probe that was not played in full, and why."""

    probe: str
    reason: str


@dataclass(frozen=True)
class Report:
    """The result of a run; `stopped` is why it ended early."""

    judgements: Sequence[Judgement]
    trace: Trace
    skipped: Sequence[Skipped] = field(default_factory=tuple)
    stopped: str = ""
    searched: SearchResult | None = None

    @property
    def broken(self) -> list[Judgement]:
        return [judgement for judgement in self.judgements if judgement.verdict == "broken"]

    @property
    def failure(self) -> FailedHistory | None:
        """The history that broke a promise, if histories were played."""
        return None if self.searched is None else self.searched.failure


def playable(target: Target, probes: Iterable[Probe]) -> list[Probe]:
    """The probes whose needs a service meets."""
    return [probe for probe in probes if probe.needs <= target.can]


def run(
    target: Target,
    chosen: Iterable[str] | None = None,
    probes: Sequence[Probe] | None = None,
    tell: Callable[[Probe], None] = lambda probe: None,
    tolerance: Seconds = TOLERANCE,
    explore: Callable[[Target], SearchResult] | None = None,
) -> Report:
    """Play probes, by default those of an emulator, then explore histories if requested, and judge the trace.

    `tell` is called with each probe before it is played. Raises `ServiceUnusable` if no call gets an answer.
    """
    skipped, stopped = _play(target, probes_of("emulator") if probes is None else probes, tell)
    searched = None if explore is None or stopped else explore(target)
    if searched is not None:
        stopped = searched.stopped
    shown = () if searched is None or searched.failure is None else searched.failure.trace
    trace = (*target.trace, *shown)
    inconclusive = count_inconclusive(target.trace) + Counter({} if searched is None else searched.inconclusive)
    return Report(tuple(judge(trace, chosen, tolerance)), trace, (*skipped, *_calls(inconclusive)), stopped, searched)


def _play(target: Target, probes: Iterable[Probe], tell: Callable[[Probe], None]) -> tuple[list[Skipped], str]:
    """Play probes to the end, or until one stops the run; those skipped, and why the run stopped."""
    skipped: list[Skipped] = []
    for probe in probes:
        missing = probe.needs - target.can
        if missing:
            skipped.append(Skipped(probe.name, f"it needs {', '.join(sorted(missing))}, which this service has not"))
            continue
        tell(probe)
        target.begin(f"{probe.name}/")
        try:
            probe.run(target)
        except CreateTooExpensive as reason:
            skipped.append(Skipped(probe.name, f"not all of it was sent: {reason}"))
        except (ServiceUnusable, CreateWithheld) as trouble:
            if not target.trace:
                raise
            skipped.append(Skipped(probe.name, f"it broke off: {trouble}"))
        except RunStopped as reason:
            return skipped, str(reason)
    return skipped, ""


def _calls(inconclusive: Mapping[int, int]) -> list[Skipped]:
    """Answers that tell of keys, accounts and networks are reported, and break no promise."""
    return [Skipped(f"{count} calls", f"they were answered {status}") for status, count in sorted(inconclusive.items())]
