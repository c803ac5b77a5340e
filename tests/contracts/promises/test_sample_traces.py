"""Each promise by two sample traces from the documents: one that keeps it, and one that breaks it."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from evolink_contracts.promises.promise import Judgement
from evolink_contracts.promises.registry import BY_NUMBER, judge
from evolink_contracts.trace.events import Call, Event
from tests.support.traces.sample_traces import SAMPLES, Sample, refused


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


def unrecorded(event: Event) -> Event:
    """The event as a recording without any headers has it."""
    if isinstance(event, Call):
        return replace(event, headers=None, sent_headers=None)
    return replace(event, headers=None)


@pytest.mark.parametrize("number", SAMPLES)
def test_a_recording_without_headers_breaks_no_promise_that_it_does_not_show(number: str) -> None:
    held = SAMPLES[number].held
    # Without its headers a request shows no Idempotency-Key, and so no reason for an answer that needs one.
    others = {"VC-001", "VC-033", "VC-092"} if number in ("VC-092", "VC-093") else set()
    assert broken(map(unrecorded, held)) - others <= broken(held)


@pytest.mark.parametrize("number", ["VC-034", "VC-037", "VC-062", "VC-073", "VC-091"])
def test_a_promise_about_headers_is_not_covered_by_a_recording_without_them(number: str) -> None:
    assert verdict(number, tuple(map(unrecorded, SAMPLES[number].held))).verdict == "not covered"


def test_a_replay_without_the_headers_of_its_answer_is_not_covered() -> None:
    held = tuple(replace(event, headers=None) for event in SAMPLES["VC-091"].held)
    assert {verdict(number, held).verdict for number in ("VC-008", "VC-091")} == {"not covered"}
    others = tuple(replace(event, headers=None) for event in SAMPLES["VC-091"].broken)
    assert verdict("VC-091", others).verdict == "failed"


def test_an_answer_that_is_no_json_breaks_its_promise_without_headers_too() -> None:
    page = replace(SAMPLES["VC-034"].held[0], status=200, answer="<html>", headers=None)  # type: ignore[arg-type]  # A call.
    assert verdict("VC-034", (page,)).verdict == "failed"


def test_an_answer_that_was_recorded_with_no_header_breaks_the_promises_about_them() -> None:
    bare = tuple(replace(event, headers={}) for event in SAMPLES["VC-034"].held)
    assert {verdict(number, bare).verdict for number in ("VC-034", "VC-037")} == {"failed"}
