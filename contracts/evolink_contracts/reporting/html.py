"""HTML report: one page that loads nothing else, for a browser."""

from html import escape

from evolink_contracts.reporting.sentences import MARKS, example_of, history_lines, summary
from evolink_contracts.runs.runner import Report

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{summary}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8884 }}
pre {{ overflow-x: auto; padding: .6rem; background: #8882; white-space: pre-wrap }}
.broken {{ font-weight: bold }}
</style>
<h1>{summary}</h1>
<p>Against <code>{base_url}</code>.</p>
<table><tr><th>promise<th>what it says<th>basis<th>verdict</tr>
{rows}
</table>
{history}
{skipped}
</html>
"""


def as_html(report: Report, base_url: str) -> str:
    """The page: a table with an example below each broken promise, the failed history, and the skipped probes."""
    rows = []
    for judgement in report.judgements:
        promise, says = judgement.promise, escape(judgement.promise.statement)
        if judgement.breaches:
            example = escape("\n".join(example_of(judgement.shortest, base_url)))
            says = f"<details open><summary>{says}</summary><pre>{example}</pre></details>"
        mark = f"{MARKS[judgement.verdict]} {judgement.verdict}"
        cells = (promise.number, says, promise.basis, f'<span class="{judgement.verdict}">{mark}</span>')
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    history = "" if report.failure is None else escape("\n".join(history_lines(report.failure)))
    skipped = "".join(f"<li>{escape(f'{each.probe}: {each.reason}')}</li>" for each in report.skipped)
    return _PAGE.format(
        summary=escape(summary(report)),
        base_url=escape(base_url),
        rows="\n".join(rows),
        history=f"<h2>A history</h2><pre>{history}</pre>" if history else "",
        skipped=f"<h2>Skipped</h2><ul>{skipped}</ul>" if skipped else "",
    )
