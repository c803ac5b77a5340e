"""A report for people, for pipelines, and for both: text, Markdown, a page of HTML, JSON, JUnit."""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from html import escape
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from evolink_contracts.promises.registry import Finding, Judgement
from evolink_contracts.runs.runner import Report
from evolink_contracts.stateful.search import Failure, Searched
from evolink_contracts.stateful.steps import told
from evolink_contracts.trace.events import Attempt, Call, Event

_MARKS = {"held": "✓", "broken": "✗", "not seen": "–"}
_SHOWN = 300
_LONGEST_BODY = 4000
"""A prompt that is one character too long fits into that, and a URL too."""
_WHOLE_URL = re.compile("https?://")
_OWN_PATH = re.compile("/(?!/)")
"""What is on the service for sure, whoever made the recording."""


def curl(call: Call, base_url: str) -> str:
    """A line for a shell that repeats a call; the key comes from EVOLINK_API_KEY, and goes to the service alone."""
    url = call.path if _WHOLE_URL.match(call.path) else f"{base_url.rstrip('/')}{call.path}"
    # What curl would send by itself.
    usual = "GET" if call.sent is None else "POST"
    words = ["curl", "-s", "-i", "-g", *(["-X", call.method] if call.method != usual else []), url]
    line = shlex.join(words)
    if call.access == "granted" and _OWN_PATH.match(call.path):
        line += ' -H "Authorization: Bearer $EVOLINK_API_KEY"'
    elif call.access == "wrong":
        line += ' -H "Authorization: Bearer sk-invalid-key"'
    for name, value in call.sent_headers.items():
        line += f" -H {shlex.quote(f'{name}: {value}')}"
    if call.sent is not None:
        # Else curl would call it a form.
        line += "" if "content-type" in call.sent_headers else " -H content-type:"
        line += f" --data-raw {shlex.quote(_fit_for_a_line(call.sent))}"
    return line


def _fit_for_a_line(body: str) -> str:
    if len(body) <= _LONGEST_BODY:
        return body
    return f"{body[:_SHOWN]}… (shortened: it does not repeat the call as it is)"


def _event(event: Event) -> str:
    if isinstance(event, Attempt):
        took = f" after {event.took:g} s" if event.took else ""
        return f"callback to {event.url} at {event.at:.3f}: {event.outcome}{took}"
    said = event.answer if len(event.answer) <= _SHOWN else f"{event.answer[:_SHOWN]}…"
    return f"{event.method} {event.path} at {event.at:.3f}: {event.status} {_on_one_line(said)}".rstrip()


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def example_of(breach: Finding, base_url: str) -> Iterator[str]:
    """A breach in lines: what is wrong, what happened, and a shell's line that repeats it."""
    yield _on_one_line(breach.broken)
    for event in breach.events:
        yield f"  {_event(event)}"
    calls = [event for event in breach.events if isinstance(event, Call)]
    if calls:
        yield f"  {curl(calls[-1], base_url)}"


def _summary(report: Report) -> str:
    verdicts = [judgement.verdict for judgement in report.judgements]
    counts = {verdict: verdicts.count(verdict) for verdict in ("held", "broken", "not seen")}
    early = f"; stopped early: {report.stopped}" if report.stopped else ""
    played = f"; {_histories(report.searched)}" if report.searched else ""
    return f"{counts['held']} promises held, {counts['broken']} broken, {counts['not seen']} not seen{played}{early}"


def _histories(searched: Searched) -> str:
    if searched.failure is None and not searched.played:
        return "no history came to its end"
    several = f"{searched.played} histories of seed {searched.luck}" if searched.played != 1 else "one history"
    return f"{several} {'held' if searched.failure is None else 'found a lie'}"


def _length(failure: Failure) -> str:
    return f"a history of {len(failure.steps)} step{'' if len(failure.steps) == 1 else 's'}"


def _story(failure: Failure) -> Iterator[str]:
    """A history that failed in lines: what is wrong, and each step to it."""
    yield failure.says
    yield from (f"  {number}. {line}" for number, line in enumerate(told(failure.steps), 1))
    if not failure.again:
        yield "  Played once more it did not fail."
    yield "  --save FILE keeps it, and --replay FILE plays it again."


def as_text(report: Report, base_url: str) -> str:
    """For a terminal: each promise a line, and what broke it below."""
    lines = []
    for judgement in report.judgements:
        promise = judgement.invariant
        times = f" ({judgement.held}×)" if judgement.verdict == "held" else ""
        lines.append(f"{_MARKS[judgement.verdict]} {promise.number} {promise.statement}{times}")
        if judgement.breaches:
            again = len(judgement.breaches) - 1
            lines += [f"    {line}" for line in example_of(judgement.shortest, base_url)]
            lines += [f"    and {again} more like this"] if again else []
    if report.failure is not None:
        says, *steps = _story(report.failure)
        lines += [f"{_MARKS['broken']} {_length(report.failure)}: {says}"]
        lines += [f"    {step}" for step in steps]
    lines += [f"– skipped {skipped.probe}: {skipped.reason}" for skipped in report.skipped]
    return "\n".join([*lines, _summary(report)])


def as_markdown(report: Report, base_url: str) -> str:
    """For a page or a comment: a table, and a section for each promise that was broken."""
    rows = ["| | promise | basis | verdict |", "| --- | --- | --- | --- |"]
    details = []
    for judgement in report.judgements:
        promise = judgement.invariant
        statement = promise.statement.replace("|", "\\|")
        rows.append(f"| {promise.number} | {statement} | {promise.basis} | {judgement.verdict} |")
        if judgement.breaches:
            example = "\n".join(example_of(judgement.shortest, base_url)).replace("```", "'''")
            details.append(f"## {promise.number} {promise.name}\n\n{statement}\n\n```text\n{example}\n```")
    if report.failure is not None:
        story = "\n".join(_story(report.failure)).replace("```", "'''")
        details.append(f"## A history\n\n```text\n{story}\n```")
    skipped = [f"- skipped {each.probe}: {each.reason}" for each in report.skipped]
    parts = [f"# {_summary(report)}", f"Against `{base_url}`.", "\n".join(rows), *details, "\n".join(skipped)]
    return "\n\n".join(part for part in parts if part) + "\n"


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
{story}
{skipped}
</html>
"""


def as_html(report: Report, base_url: str) -> str:
    """One page for a browser, which loads nothing else."""
    rows = []
    for judgement in report.judgements:
        promise, says = judgement.invariant, escape(judgement.invariant.statement)
        if judgement.breaches:
            example = escape("\n".join(example_of(judgement.shortest, base_url)))
            says = f"<details open><summary>{says}</summary><pre>{example}</pre></details>"
        mark = f"{_MARKS[judgement.verdict]} {judgement.verdict}"
        cells = (promise.number, says, promise.basis, f'<span class="{judgement.verdict}">{mark}</span>')
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    story = "" if report.failure is None else escape("\n".join(_story(report.failure)))
    skipped = "".join(f"<li>{escape(f'{each.probe}: {each.reason}')}</li>" for each in report.skipped)
    return _PAGE.format(
        summary=escape(_summary(report)),
        base_url=escape(base_url),
        rows="\n".join(rows),
        story=f"<h2>A history</h2><pre>{story}</pre>" if story else "",
        skipped=f"<h2>Skipped</h2><ul>{skipped}</ul>" if skipped else "",
    )


def _breach_json(breach: Finding) -> dict[str, Any]:
    return {"says": breach.broken, "events": [asdict(event) for event in breach.events]}


def _judgement_json(judgement: Judgement) -> dict[str, Any]:
    promise = judgement.invariant
    return {
        "number": promise.number,
        "name": promise.name,
        "statement": promise.statement,
        "source": promise.source,
        "basis": promise.basis,
        "severity": promise.severity,
        "verdict": judgement.verdict,
        "held": judgement.held,
        "broken": len(judgement.breaches),
        "example": _breach_json(judgement.shortest) if judgement.breaches else None,
    }


def _searched_json(searched: Searched) -> dict[str, Any]:
    failure = searched.failure
    found = None if failure is None else {"says": failure.says, "steps": failure.steps, "again": failure.again}
    return {"played": searched.played, "seed": searched.luck, "failure": found}


def as_json(report: Report, base_url: str) -> str:
    """For programs."""
    found = {
        "base_url": base_url,
        "summary": _summary(report),
        "promises": [_judgement_json(judgement) for judgement in report.judgements],
        "skipped": [asdict(skipped) for skipped in report.skipped],
        "histories": None if report.searched is None else _searched_json(report.searched),
    }
    return json.dumps(found, indent=2, ensure_ascii=False)


def as_junit(report: Report, base_url: str) -> str:
    """For a pipeline: a test case for each promise, for the histories, for what was skipped, and for an early end."""
    suite = Element("testsuite", {"name": "evolink-contracts"})
    for judgement in report.judgements:
        promise = judgement.invariant
        case = _case(suite, f"{promise.number} {promise.name}")
        if judgement.breaches:
            example = "\n".join(example_of(judgement.shortest, base_url))
            _failure(case, judgement.shortest.broken, promise.severity, example)
        elif judgement.verdict == "not seen":
            SubElement(case, "skipped", {"message": "nothing showed whether it holds"})
    if report.searched is not None:
        case = _case(suite, "histories")
        if report.failure is not None:
            _failure(case, report.failure.says, "critical", "\n".join(_story(report.failure)))
        elif report.stopped:
            SubElement(case, "skipped", {"message": f"stopped early; {_histories(report.searched)}"})
    for each in report.skipped:
        SubElement(_case(suite, f"skipped {each.probe}"), "skipped", {"message": each.reason})
    if report.stopped:
        SubElement(_case(suite, "run completed"), "error", {"message": f"stopped early: {report.stopped}"})
    kinds = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for count, kind in kinds.items():
        suite.set(count, str(len([*suite.iter(kind)])))
    indent(suite)
    return tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: Element, name: str) -> Element:
    return SubElement(suite, "testcase", {"classname": "evolink_contracts", "name": name})


def _failure(case: Element, says: str, kind: str, example: str) -> None:
    SubElement(case, "failure", {"message": says, "type": kind}).text = example


_UNFIT = re.compile("[^\t\n\r -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Without what XML 1.0 cannot carry, terminals obey, or files cannot hold."""
    return _UNFIT.sub("�", text)


def _cleaned(made: Callable[[Report, str], str]) -> Callable[[Report, str], str]:
    return lambda report, base_url: clean(made(report, base_url))


FORMATS: Mapping[str, Callable[[Report, str], str]] = {
    "text": _cleaned(as_text),
    "markdown": _cleaned(as_markdown),
    "html": _cleaned(as_html),
    "json": _cleaned(as_json),
    "junit": _cleaned(as_junit),
}
