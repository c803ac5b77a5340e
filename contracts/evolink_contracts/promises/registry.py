"""The numbered promises of the API: what each says, where that is written, and the function that judges it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, NamedTuple, TypeAlias

from evolink_contracts.spec.sources import SOURCES, Basis
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.trace.events import Event, Trace
from evolink_contracts.trace.history import TOLERANCE, History

Severity: TypeAlias = Literal["critical", "warning", "information"]
Verdict: TypeAlias = Literal["held", "broken", "not seen"]


class Finding(NamedTuple):
    """What a check found at some events: that the promise held, or how it was broken."""

    events: tuple[Event, ...]
    broken: str = ""


def expect(holds: bool, says: str, *events: Event) -> Finding:
    """A finding; `says` is what is wrong where it does not hold."""
    return Finding(events, "" if holds else says)


Check: TypeAlias = Callable[[History], Iterable[Finding]]


@dataclass(frozen=True)
class Invariant:
    """One promise. `statement` is what a service that keeps it does."""

    number: str
    name: str
    statement: str
    source: str
    basis: Basis
    severity: Severity
    check: Check

    def judge(self, history: History) -> "Judgement":
        findings = tuple(self.check(history))
        return Judgement(self, sum(not f.broken for f in findings), tuple(f for f in findings if f.broken))


class Judgement(NamedTuple):
    """A promise as a history shows it: how often it held, and where it was broken."""

    invariant: Invariant
    held: int
    breaches: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        if self.breaches:
            return "broken"
        return "held" if self.held else "not seen"

    @property
    def shortest(self) -> Finding:
        """The breach that takes the least to show."""
        return min(self.breaches, key=lambda breach: (len(breach.events), sum(_size(event) for event in breach.events)))


def _size(event: Event) -> int:
    return len(getattr(event, "sent", None) or "") + len(getattr(event, "body", None) or "")


_found: dict[str, Invariant] = {}


def invariant(
    number: str,
    name: str,
    statement: str,
    source: str,
    basis: Basis = "documented",
    severity: Severity = "critical",
) -> Callable[[Check], Check]:
    """Make a check known as the judge of a promise."""
    assert number not in _found, number
    assert source in SOURCES, source

    def known(check: Check) -> Check:
        _found[number] = Invariant(number, name, statement, source, basis, severity, check)
        return check

    return known


_AREAS = ("creation", "refusals", "queries", "callbacks", "billing", "isolation")


def invariants() -> Mapping[str, Invariant]:
    """Every promise by its number, in order."""
    for area in _AREAS:
        import_module(f"evolink_contracts.promises.{area}")
    return dict(sorted(_found.items()))


def judge(trace: Trace, chosen: Iterable[str] | None = None, tolerance: Seconds = TOLERANCE) -> Iterator[Judgement]:
    """Each promise as a trace shows it. Numbers that are not known raise `KeyError`."""
    known, history = invariants(), History(trace, tolerance)
    for number in known if chosen is None else chosen:
        yield known[number].judge(history)
