"""Text report: a line for each promise, for a terminal."""

from evolink_contracts.reporting.sentences import MARKS, example_of, history_lines, summary
from evolink_contracts.runs.runner import Report
from evolink_contracts.stateful.search import FailedHistory


def as_text(report: Report, base_url: str) -> str:
    """Each promise with its mark, and below a broken one its shortest example."""
    lines = []
    for judgement in report.judgements:
        promise = judgement.promise
        times = f" ({judgement.held}×)" if judgement.verdict == "held" else ""
        lines.append(f"{MARKS[judgement.verdict]} {promise.number} {promise.statement}{times}")
        if judgement.breaches:
            again = len(judgement.breaches) - 1
            lines += [f"    {line}" for line in example_of(judgement.shortest, base_url)]
            lines += [f"    and {again} more like this"] if again else []
    if report.failure is not None:
        says, *steps = history_lines(report.failure)
        lines += [f"{MARKS['broken']} {_length(report.failure)}: {says}"]
        lines += [f"    {step}" for step in steps]
    lines += [f"– skipped {skipped.probe}: {skipped.reason}" for skipped in report.skipped]
    return "\n".join([*lines, summary(report)])


def _length(failure: FailedHistory) -> str:
    return f"a history of {len(failure.steps)} step{'' if len(failure.steps) == 1 else 's'}"
