"""A promise: one numbered statement about the service, its source, and the check that judges a trace by it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from evolink_contracts.spec.sources import SOURCES, Basis
from evolink_contracts.trace.events import Event
from evolink_contracts.trace.history import History

Severity: TypeAlias = Literal["critical", "warning", "information"]
Verdict: TypeAlias = Literal["held", "broken", "not seen"]


class Finding(NamedTuple):
    """The result of a check at some events. `problem` says how the promise was broken; empty if it held."""

    events: tuple[Event, ...]
    problem: str = ""


def expect(holds: bool, problem: str, *events: Event) -> Finding:
    """A finding at these events, with the problem unless the promise holds."""
    return Finding(events, "" if holds else problem)


Check: TypeAlias = Callable[[History], Iterable[Finding]]


@dataclass(frozen=True)
class Promise:
    """One promise. `statement` says what a service that keeps it does."""

    number: str
    name: str
    statement: str
    source: str
    basis: Basis
    severity: Severity
    check: Check

    def judge(self, history: History) -> "Judgement":
        findings = tuple(self.check(history))
        return Judgement(self, sum(not f.problem for f in findings), tuple(f for f in findings if f.problem))


class Judgement(NamedTuple):
    """A promise judged on one history: how often it held, and the findings that break it."""

    promise: Promise
    held: int
    breaches: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        if self.breaches:
            return "broken"
        return "held" if self.held else "not seen"

    @property
    def shortest(self) -> Finding:
        """The breach with the fewest events, and among those the one with the shortest bodies."""
        return min(self.breaches, key=lambda breach: (len(breach.events), sum(_size(event) for event in breach.events)))


def _size(event: Event) -> int:
    return len(getattr(event, "sent", None) or "") + len(getattr(event, "body", None) or "")


def promise(
    number: str,
    name: str,
    statement: str,
    source: str,
    basis: Basis = "documented",
    severity: Severity = "critical",
) -> Callable[[Check], Promise]:
    """Make a promise of the check that judges it."""
    assert source in SOURCES, source

    def made(check: Check) -> Promise:
        return Promise(number, name, statement, source, basis, severity, check)

    return made
