"""HTML report: one page that loads nothing else, for a browser."""

from html import escape

from evolink_contracts.promises.promise import Judgement
from evolink_contracts.reporting.legend import legend
from evolink_contracts.reporting.sentences import MARKS, example_of, history_lines, subject, summary
from evolink_contracts.runs.runner import Report

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --paper: #fff; --ink: #1b1b1b; --soft: #595959;
  --line: #d5d5d5; --block: #f3f3f3; --failed: #a3141c; --failed-paper: #fdeeee; --passed: #17662f }
@media (prefers-color-scheme: dark) { :root { --paper: #151515; --ink: #ececec; --soft: #b0b0b0; --line: #414141;
  --block: #242424; --failed: #ff9d97; --failed-paper: #341b1c; --passed: #7fd695 } }
body { max-width: 64rem; margin: 2rem auto; padding: 0 1rem; background: var(--paper); color: var(--ink) }
h1 { font-size: 1.5rem; line-height: 1.3 }
h2 { font-size: 1.2rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line) }
th, td:nth-child(1), td:nth-child(3), td:nth-child(4), td:nth-child(5) { white-space: nowrap }
td:nth-child(2) { width: 100% }
td:nth-child(3), td:nth-child(4) { color: var(--soft) }
tr.failed td { background: var(--failed-paper) }
.failed td:nth-child(5), .failed td:nth-child(1) { color: var(--failed); font-weight: bold }
.passed td:nth-child(5) { color: var(--passed) }
.not-covered td:nth-child(5) { color: var(--soft) }
h1, p, li, dd { overflow-wrap: break-word }
pre, code { overflow-wrap: anywhere; background: var(--block) }
pre { white-space: pre-wrap; padding: .6rem; margin: .5rem 0 }
dt { font-weight: bold } dd { margin: 0 0 .4rem 1rem }
@media (max-width: 48rem) {
  body { margin: 1rem auto }
  table, tbody { display: block }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
  tr { display: flex; flex-wrap: wrap; gap: 0 .8rem; padding: .5rem .3rem; border-bottom: 1px solid var(--line) }
  tr.failed { background: var(--failed-paper) }
  td { border: 0; padding: 0 }
  td:nth-child(2) { order: 1; flex: 1 0 100%; min-width: 0 }
  td:nth-child(5) { margin-left: auto }
}
"""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{summary}</title>
<style>{style}</style></head>
<body><main>
<h1>{summary}</h1>
<p>{subject}</p>
<table role="table"><thead role="rowgroup"><tr role="row">{heads}</tr></thead>
<tbody role="rowgroup">
{rows}
</tbody></table>
{history}
{skipped}
{legend}
</main></body></html>
"""
_HEADS = ("promise", "what it says", "basis", "severity", "verdict")


def as_html(report: Report, base_url: str | None) -> str:
    """The page: the failed promises first with their examples, the failed history, the skipped probes, a legend."""
    history = "" if report.failure is None else escape("\n".join(history_lines(report.failure)))
    skipped = "".join(f"<li>{escape(f'{each.probe}: {each.reason}')}</li>" for each in report.skipped)
    meanings = [*legend(each.promise for each in report.judgements)]
    terms = "".join(f"<dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>" for word, meaning in meanings)
    about = escape(subject(report, None if base_url is None else "\0"))
    return _PAGE.format(
        style=_STYLE,
        summary=escape(summary(report)),
        subject=about.replace("\0", f"<code>{escape(base_url or '')}</code>"),
        heads="".join(f'<th role="columnheader" scope="col">{head}</th>' for head in _HEADS),
        rows="\n".join(_row(judgement, base_url) for judgement in report.ordered),
        history=f"<h2>A history</h2><pre>{history}</pre>" if history else "",
        skipped=f"<h2>Skipped</h2><ul>{skipped}</ul>" if skipped else "",
        legend=f"<h2>Sources, bases and severities</h2><dl>{terms}</dl>" if terms else "",
    )


def _row(judgement: Judgement, base_url: str | None) -> str:
    promise, says = judgement.promise, escape(judgement.promise.statement)
    if judgement.breaches:
        example = "\n".join([*example_of(judgement.shortest, base_url), f"source: {promise.source}"])
        says = f"<details open><summary>{says}</summary><pre>{escape(example)}</pre></details>"
    mark = f"{MARKS[judgement.verdict]} {judgement.verdict}"
    cells = (promise.number, says, promise.basis, promise.severity, mark)
    kind = judgement.verdict.replace(" ", "-")
    return f'<tr role="row" class="{kind}">' + "".join(f'<td role="cell">{cell}</td>' for cell in cells) + "</tr>"
