"""Each promise by two sample traces from the documents: one that keeps it, and one that breaks it."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from evolink_contracts.promises.promise import Judgement
from evolink_contracts.promises.registry import BY_NUMBER, judge
from evolink_contracts.trace.events import Call, Event
from tests.support.sample_traces import SAMPLES, Sample, refused


def verdict(number: str, events: tuple[object, ...]) -> Judgement:
    (judgement,) = judge(events, [number])  # type: ignore[arg-type]  # Events, as a parameter.
    return judgement


def test_every_promise_has_its_sample_traces() -> None:
    assert SAMPLES.keys() == BY_NUMBER.keys()


@pytest.mark.parametrize(("number", "shown"), SAMPLES.items(), ids=SAMPLES)
def test_a_promise_tells_what_keeps_it_from_what_breaks_it(number: str, shown: Sample) -> None:
    assert verdict(number, shown.held).verdict == "passed"
    breach = verdict(number, shown.broken)
    assert breach.verdict == "failed"
    assert breach.shortest.problem
    assert set(map(id, breach.shortest.events)) <= set(map(id, shown.broken))


@pytest.mark.parametrize("number", SAMPLES)
def test_a_promise_says_nothing_of_an_empty_recording(number: str) -> None:
    assert verdict(number, ()).verdict == "not covered"


HTML = {"content-type": "text/html", "server": "nginx"}


def broken(events: Iterable[Event]) -> set[str]:
    return {each.promise.number for each in judge(tuple(events)) if each.verdict == "failed"}


@pytest.mark.parametrize("status", [408, 429, 502, 504, 524])
@pytest.mark.parametrize("number", SAMPLES)
def test_a_page_of_a_proxy_breaks_no_promise(number: str, status: int) -> None:
    calls = [event for event in SAMPLES[number].held if isinstance(event, Call)]
    for call in calls:
        page = replace(call, status=status, answer="<html>Gateway Time-out</html>", headers=HTML)
        met = [page if each is call else each for each in calls]
        assert broken(met) <= broken(calls)


@pytest.mark.parametrize("condition", ["unauthorized", "insufficient_quota", "rate_limited", "internal_error"])
def test_trouble_that_the_documents_describe_is_judged_by_them(condition: str) -> None:
    trouble = refused(condition)
    assert {verdict(number, (trouble,)).verdict for number in ("VC-030", "VC-031", "VC-034", "VC-037")} == {"passed"}
    other = replace(trouble, answer='{"error": {"code": 7}}', headers={"content-type": "text/plain"})
    assert {verdict(number, (other,)).verdict for number in ("VC-030", "VC-031", "VC-034", "VC-037")} == {"failed"}
