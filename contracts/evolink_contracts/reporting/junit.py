"""JUnit report: a test case for each promise, for a continuous integration server."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from evolink_contracts.promises.promise import Judgement
from evolink_contracts.reporting.sentences import (
    NOT_COVERED,
    NOTHING,
    example_of,
    histories_summary,
    history_lines,
    subject,
)
from evolink_contracts.runs.runner import Report


def as_junit(report: Report, base_url: str | None) -> str:
    """A test case for each promise, for the histories, and for a run that ended early. Skipped probes: properties."""
    suite = Element("testsuite", {"name": "evolink-contracts"})
    properties = SubElement(suite, "properties")
    SubElement(properties, "property", {"name": "subject", "value": subject(report, base_url)})
    if base_url is not None:
        SubElement(properties, "property", {"name": "base_url", "value": base_url})
    for each in report.skipped:
        SubElement(properties, "property", {"name": f"skipped probe {each.probe}", "value": each.reason})
    for judgement in report.ordered:
        _add_promise(suite, judgement, base_url)
    if report.searched is not None:
        case = _case(suite, "histories")
        if report.failure is not None:
            _failure(case, report.failure.says, "critical", "\n".join(history_lines(report.failure)))
        elif report.stopped:
            SubElement(case, "skipped", {"message": f"stopped early; {histories_summary(report.searched)}"})
    if report.stopped:
        SubElement(_case(suite, "run completed"), "error", {"message": f"stopped early: {report.stopped}"})
    if report.covers_nothing and not report.stopped:
        SubElement(_case(suite, "something checked"), "error", {"message": NOTHING})
    kinds = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for count, kind in kinds.items():
        suite.set(count, str(len([*suite.iter(kind)])))
    indent(suite)
    return tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _add_promise(suite: Element, judgement: Judgement, base_url: str | None) -> None:
    promise = judgement.promise
    case = _case(suite, f"{promise.number} {promise.name}")
    if judgement.breaches:
        example = "\n".join(example_of(judgement.shortest, base_url))
        _failure(case, judgement.shortest.problem, promise.severity, example)
    elif judgement.verdict == "not covered":
        SubElement(case, "skipped", {"message": NOT_COVERED})


def _case(suite: Element, name: str) -> Element:
    return SubElement(suite, "testcase", {"classname": "evolink_contracts", "name": name})


def _failure(case: Element, says: str, kind: str, example: str) -> None:
    SubElement(case, "failure", {"message": says, "type": kind}).text = example
