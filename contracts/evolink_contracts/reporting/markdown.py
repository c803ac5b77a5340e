"""Markdown report: a table of promises and a section for each broken one, for a page or a comment."""

from evolink_contracts.reporting.sentences import example_of, history_lines, summary
from evolink_contracts.runs.runner import Report


def as_markdown(report: Report, base_url: str) -> str:
    """The table, the broken promises, the failed history, and the skipped probes."""
    rows = ["| | promise | basis | verdict |", "| --- | --- | --- | --- |"]
    details = []
    for judgement in report.judgements:
        promise = judgement.promise
        statement = promise.statement.replace("|", "\\|")
        rows.append(f"| {promise.number} | {statement} | {promise.basis} | {judgement.verdict} |")
        if judgement.breaches:
            example = "\n".join(example_of(judgement.shortest, base_url)).replace("```", "'''")
            details.append(f"## {promise.number} {promise.name}\n\n{statement}\n\n```text\n{example}\n```")
    if report.failure is not None:
        history = "\n".join(history_lines(report.failure)).replace("```", "'''")
        details.append(f"## A history\n\n```text\n{history}\n```")
    skipped = [f"- skipped {each.probe}: {each.reason}" for each in report.skipped]
    parts = [f"# {summary(report)}", f"Against `{base_url}`.", "\n".join(rows), *details, "\n".join(skipped)]
    return "\n\n".join(part for part in parts if part) + "\n"
