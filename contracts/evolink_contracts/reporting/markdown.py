"""Markdown report: a table of promises and a section for each failed one, for a page or a comment."""

from evolink_contracts.reporting.legend import legend
from evolink_contracts.reporting.sentences import example_of, history_lines, subject, summary
from evolink_contracts.runs.runner import Report


def as_markdown(report: Report, base_url: str | None) -> str:
    """The table with the failed promises first, their examples, the failed history, and the skipped probes."""
    rows = ["| | promise | basis | verdict |", "| --- | --- | --- | --- |"]
    details = []
    for judgement in report.ordered:
        promise = judgement.promise
        statement = promise.statement.replace("|", "\\|")
        rows.append(f"| {promise.number} | {statement} | {promise.basis} | {judgement.verdict} |")
        if judgement.breaches:
            example = "\n".join(example_of(judgement.shortest, base_url)).replace("```", "'''")
            about = f"Source {promise.source}, {promise.basis}, {promise.severity}."
            details.append(f"## {promise.number} {promise.name}\n\n{statement}\n\n```text\n{example}\n```\n\n{about}")
    if report.failure is not None:
        history = "\n".join(history_lines(report.failure)).replace("```", "'''")
        details.append(f"## A history\n\n```text\n{history}\n```")
    skipped = [f"- skipped {each.probe}: {each.reason}" for each in report.skipped]
    meanings = [f"- {word}: {meaning}" for word, meaning in legend(each.promise for each in report.judgements)]
    parts = [
        f"# {summary(report)}",
        subject(report, base_url, "`"),
        "\n".join(rows),
        *details,
        "\n".join(skipped),
        "\n".join(["## Sources, bases and severities", "", *meanings]) if meanings else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
