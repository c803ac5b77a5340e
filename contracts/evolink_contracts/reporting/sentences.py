"""Sentences and examples that all report formats share."""

import re
from collections.abc import Iterator, Mapping

from evolink_contracts.promises.promise import VERDICTS, Finding, Verdict
from evolink_contracts.reporting.curl import curl
from evolink_contracts.runs.runner import Report
from evolink_contracts.stateful.search import FailedHistory, SearchResult
from evolink_contracts.stateful.steps import describe_steps
from evolink_contracts.trace.events import Attempt, Call, Event

MARKS: Mapping[Verdict, str] = {"passed": "✓", "failed": "✗", "not covered": "–"}
NOT_COVERED = "not covered: no call or callback of the trace tests it"
NOTHING = "nothing was checked"
_EXCERPT = 300
_UNPRINTABLE = re.compile("[^\t\n -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Text without characters that XML 1.0 cannot contain, that control a terminal, or that UTF-8 cannot encode."""
    return _UNPRINTABLE.sub("�", text.replace("\r\n", "\n"))


def summary(report: Report) -> str:
    """The number of promises that passed, that failed and that were not covered, and how the run ended."""
    verdicts = [judgement.verdict for judgement in report.judgements]
    passed, failed, open_ = (verdicts.count(verdict) for verdict in VERDICTS)
    counts = f"{passed} promise{'' if passed == 1 else 's'} passed, {failed} failed, {open_} not covered"
    nothing = f"; {NOTHING}" if report.covers_nothing else ""
    early = f"; stopped early: {report.stopped}" if report.stopped else ""
    played = f"; {histories_summary(report.searched)}" if report.searched else ""
    return f"{counts}{nothing}{played}{early}"


def subject(report: Report, base_url: str | None, code: str = "") -> str:
    """The service that the report is about. `code` surrounds its URL, as in Markdown."""
    shown = f"{code}{base_url}{code}"
    if report.recording is None and base_url is not None:
        return f"Against {shown}."
    made = "" if report.recording is None or report.recording.recorded is None else f", {report.recording.recorded}"
    return f"Against a recording{'' if base_url is None else f' of {shown}'}{made}."


def histories_summary(searched: SearchResult) -> str:
    if searched.failure is None and not searched.played:
        return "no history was completed"
    several = f"{searched.played} histories of seed {searched.seed}" if searched.played != 1 else "one history"
    return f"{several} {'passed' if searched.failure is None else 'failed'}"


def example_of(breach: Finding, base_url: str | None) -> Iterator[str]:
    """A failure in lines: the problem, the events, and a curl command that repeats the last call."""
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
        yield "  It did not fail when it was run again."
    yield "  --save FILE saves it, and --replay FILE runs it again."


def _event(event: Event) -> str:
    if isinstance(event, Attempt):
        took = f" after {event.took:g} s" if event.took else ""
        return f"callback to {event.url} at {event.at:.3f}: {event.outcome}{took}"
    said = event.answer if len(event.answer) <= _EXCERPT else f"{event.answer[:_EXCERPT]}…"
    return f"{event.method} {event.path} at {event.at:.3f}: {event.status} {_on_one_line(said)}".rstrip()


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
