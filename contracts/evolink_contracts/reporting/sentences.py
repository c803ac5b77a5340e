"""Sentences and examples that all report formats share."""

import re
from collections.abc import Iterator

from evolink_contracts.promises.promise import Finding
from evolink_contracts.reporting.curl import curl
from evolink_contracts.runs.runner import Report
from evolink_contracts.stateful.search import FailedHistory, SearchResult
from evolink_contracts.stateful.steps import describe_steps
from evolink_contracts.trace.events import Attempt, Call, Event

MARKS = {"held": "✓", "broken": "✗", "not seen": "–"}
_EXCERPT = 300
_UNPRINTABLE = re.compile("[^\t\n\r -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Text without characters that XML 1.0 cannot contain, that control a terminal, or that UTF-8 cannot encode."""
    return _UNPRINTABLE.sub("�", text)


def summary(report: Report) -> str:
    verdicts = [judgement.verdict for judgement in report.judgements]
    counts = {verdict: verdicts.count(verdict) for verdict in ("held", "broken", "not seen")}
    early = f"; stopped early: {report.stopped}" if report.stopped else ""
    played = f"; {histories_summary(report.searched)}" if report.searched else ""
    return f"{counts['held']} promises held, {counts['broken']} broken, {counts['not seen']} not seen{played}{early}"


def histories_summary(searched: SearchResult) -> str:
    if searched.failure is None and not searched.played:
        return "no history came to its end"
    several = f"{searched.played} histories of seed {searched.seed}" if searched.played != 1 else "one history"
    return f"{several} {'held' if searched.failure is None else 'broke a promise'}"


def example_of(breach: Finding, base_url: str) -> Iterator[str]:
    """A breach in lines: the problem, the events, and a curl command that repeats the last call."""
    yield _on_one_line(breach.problem)
    for event in breach.events:
        yield f"  {_event(event)}"
    calls = [event for event in breach.events if isinstance(event, Call)]
    if calls:
        yield f"  {curl(calls[-1], base_url)}"


def history_lines(failure: FailedHistory) -> Iterator[str]:
    """A failed history in lines: the contradiction, and each step to it."""
    yield failure.says
    yield from (f"  {number}. {line}" for number, line in enumerate(describe_steps(failure.steps), 1))
    if not failure.reproducible:
        yield "  Played once more it did not fail."
    yield "  --save FILE keeps it, and --replay FILE plays it again."


def _event(event: Event) -> str:
    if isinstance(event, Attempt):
        took = f" after {event.took:g} s" if event.took else ""
        return f"callback to {event.url} at {event.at:.3f}: {event.outcome}{took}"
    said = event.answer if len(event.answer) <= _EXCERPT else f"{event.answer[:_EXCERPT]}…"
    return f"{event.method} {event.path} at {event.at:.3f}: {event.status} {_on_one_line(said)}".rstrip()


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
