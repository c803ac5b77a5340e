"""A run: probes are played to a service, and every promise is judged by the trace that they leave."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from evolink_contracts.history import in_trouble
from evolink_contracts.invariants import Judgement, judge
from evolink_contracts.probes import PROBES, Probe
from evolink_contracts.target import Target
from evolink_contracts.trace import Call, Trace


@dataclass(frozen=True)
class Skipped:
    """A probe that was not played, and why."""

    probe: str
    reason: str


@dataclass(frozen=True)
class Report:
    """What came of a run."""

    judgements: Sequence[Judgement]
    trace: Trace
    skipped: Sequence[Skipped] = field(default_factory=tuple)

    @property
    def broken(self) -> list[Judgement]:
        return [judgement for judgement in self.judgements if judgement.verdict == "broken"]


def run(
    target: Target,
    chosen: Iterable[str] | None = None,
    probes: Sequence[Probe] = PROBES,
    tell: Callable[[str], None] = lambda text: None,
) -> Report:
    """Play what the service can take. Raises `Unusable` where it gives no answer."""
    skipped = []
    for each in probes:
        missing = each.needs - target.can
        if missing:
            skipped.append(Skipped(each.name, f"it needs {', '.join(sorted(missing))}, which this service has not"))
            continue
        tell(f"{each.name}: {each.does}")
        target.begin(f"{each.name}/")
        each.run(target)
    trace = tuple(target.trace)
    return Report(tuple(judge(trace, chosen)), trace, (*skipped, *_troubles(trace)))


def _troubles(trace: Trace) -> list[Skipped]:
    """What came of keys, accounts and networks is told, and not taken for a broken promise."""
    troubles = Counter(event.status for event in trace if isinstance(event, Call) and in_trouble(event))
    return [Skipped(f"{count} calls", f"they were answered {status}") for status, count in sorted(troubles.items())]
