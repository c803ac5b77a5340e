"""A run: probes send their requests to a service, and every promise is checked on the trace."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evolink_contracts.promises.promise import SEVERITIES, Judgement
from evolink_contracts.promises.registry import judge
from evolink_contracts.reference.errors import CreateTooExpensive, CreateWithheld, RunStopped, ServiceUnusable
from evolink_contracts.runs.probe import Probe
from evolink_contracts.runs.probes import probes_of
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.stateful.search import FailedHistory, SearchResult, count_inconclusive
from evolink_contracts.target.capabilities import Capability
from evolink_contracts.target.target import Target
from evolink_contracts.trace.events import Trace
from evolink_contracts.trace.header import Header
from evolink_contracts.trace.history import TOLERANCE


@dataclass(frozen=True)
class Skipped:
    """A probe that was left out, or broke off, and why."""

    probe: str
    reason: str


@dataclass(frozen=True)
class Report:
    """The result of a run, or of a recording; `stopped` is why a run ended early."""

    judgements: Sequence[Judgement]
    trace: Trace
    skipped: Sequence[Skipped] = field(default_factory=tuple)
    stopped: str = ""
    searched: SearchResult | None = None
    recording: Header | None = None
    """The header of the recording that was checked; `None` for a run."""

    @property
    def ordered(self) -> Sequence[Judgement]:
        """The failed promises first, the most severe of them first; the others in the order of their numbers."""
        failed = sorted(self.failed, key=lambda judgement: SEVERITIES.index(judgement.promise.severity))
        return [*failed, *(judgement for judgement in self.judgements if judgement.verdict != "failed")]

    @property
    def covers_nothing(self) -> bool:
        """Whether no promise was covered, and no history was played to its end."""
        played = self.searched is not None and (self.searched.played or self.searched.failure is not None)
        return not played and all(judgement.verdict == "not covered" for judgement in self.judgements)

    @property
    def failed(self) -> list[Judgement]:
        return [judgement for judgement in self.judgements if judgement.verdict == "failed"]

    @property
    def failure(self) -> FailedHistory | None:
        """The history that failed, if histories were played."""
        return None if self.searched is None else self.searched.failure


_NEEDS: Mapping[Capability, str] = {
    "control": "a control API",
    "keys": "a service that accepts any key",
    "callbacks": "callbacks",
}


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
    """Run probes, by default those of an emulator, then explore histories if requested, and check the trace.

    `tell` is called with each probe before it begins. Raises `ServiceUnusable` if no call gets an answer.
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
    """Run probes to the end, or until one stops the run; those skipped, and why the run stopped."""
    skipped: list[Skipped] = []
    for probe in probes:
        missing = probe.needs - target.can
        if missing:
            needs = " and ".join(_NEEDS[each] for each in sorted(missing))
            skipped.append(Skipped(probe.name, f"it needs {needs}, and {target.why_missing(*missing)}"))
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
            skipped.append(Skipped(probe.name, f"it stopped early: {trouble}"))
        except RunStopped as reason:
            return skipped, str(reason)
    return skipped, ""


def _calls(inconclusive: Mapping[int, int]) -> list[Skipped]:
    """Answers about keys, accounts and networks are reported, and fail no promise."""
    return [Skipped(f"{count} calls", f"they got {status}") for status, count in sorted(inconclusive.items())]
