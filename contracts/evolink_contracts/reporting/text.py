"""Text report: a line for each promise, for a terminal."""

from collections.abc import Iterator

from evolink_contracts.promises.promise import Judgement
from evolink_contracts.reporting.legend import bracket, legend_lines
from evolink_contracts.reporting.sentences import MARKS, example_of, history_lines, subject, summary
from evolink_contracts.runs.runner import Report
from evolink_contracts.stateful.search import FailedHistory


def as_text(report: Report, base_url: str | None) -> str:
    """Each promise with its mark, the failed ones first and with their shortest examples."""
    lines = [line for judgement in report.ordered for line in _lines(judgement, base_url)]
    if report.failure is not None:
        says, *steps = history_lines(report.failure)
        lines += [f"{MARKS['failed']} {_length(report.failure)}: {says}"]
        lines += [f"    {step}" for step in steps]
    lines += [f"– skipped {skipped.probe}: {skipped.reason}" for skipped in report.skipped]
    lines += legend_lines(judgement.promise for judgement in report.failed) if report.failed else []
    return "\n".join([*lines, subject(report, base_url), summary(report)])


def _lines(judgement: Judgement, base_url: str | None) -> Iterator[str]:
    promise = judgement.promise
    times = f" ({judgement.passed}×)" if judgement.verdict == "passed" else ""
    yield f"{MARKS[judgement.verdict]} {promise.number} {promise.statement}{times}"
    if judgement.breaches:
        yield from (f"    {line}" for line in example_of(judgement.shortest, base_url))
        more = len(judgement.breaches) - 1
        yield from [f"    and {more} more like this"] if more else []
        yield f"    {bracket(promise)}"


def _length(failure: FailedHistory) -> str:
    return f"a history of {len(failure.steps)} step{'' if len(failure.steps) == 1 else 's'}"
