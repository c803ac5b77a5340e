"""A promise: one numbered statement about the service, its source, and the check of a trace."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from evolink_contracts.spec.sources import SOURCES, Basis
from evolink_contracts.trace.events import Event
from evolink_contracts.trace.history import History

Severity: TypeAlias = Literal["critical", "warning", "information"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "information")
"""The worst first."""
Verdict: TypeAlias = Literal["passed", "failed", "not covered"]
VERDICTS: tuple[Verdict, ...] = ("passed", "failed", "not covered")


class Finding(NamedTuple):
    """The result of a check at some events. `problem` says why it failed; empty if it passed."""

    events: tuple[Event, ...]
    problem: str = ""


def expect(holds: bool, problem: str, *events: Event) -> Finding:
    """A finding at these events, with the problem unless it holds."""
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
    """The result of a promise on one history: how often it passed, and the findings that failed."""

    promise: Promise
    passed: int
    breaches: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        if self.breaches:
            return "failed"
        return "passed" if self.passed else "not covered"

    @property
    def shortest(self) -> Finding:
        """The failure with the fewest events, and among those the one with the shortest bodies."""
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
    """Make a promise of its check."""
    assert source in SOURCES, source

    def made(check: Check) -> Promise:
        return Promise(number, name, statement, source, basis, severity, check)

    return made
