"""JUnit report: a test case for each promise, for a continuous integration server."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from evolink_contracts.reporting.sentences import example_of, histories_summary, history_lines
from evolink_contracts.runs.runner import Report


def as_junit(report: Report, base_url: str) -> str:
    """A test case for each promise, for the histories, for each skipped probe, and for a run that ended early."""
    suite = Element("testsuite", {"name": "evolink-contracts"})
    for judgement in report.judgements:
        promise = judgement.promise
        case = _case(suite, f"{promise.number} {promise.name}")
        if judgement.breaches:
            example = "\n".join(example_of(judgement.shortest, base_url))
            _failure(case, judgement.shortest.problem, promise.severity, example)
        elif judgement.verdict == "not seen":
            SubElement(case, "skipped", {"message": "nothing showed whether it holds"})
    if report.searched is not None:
        case = _case(suite, "histories")
        if report.failure is not None:
            _failure(case, report.failure.says, "critical", "\n".join(history_lines(report.failure)))
        elif report.stopped:
            SubElement(case, "skipped", {"message": f"stopped early; {histories_summary(report.searched)}"})
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
