"""A recording compared with the emulator: each difference is found with its severity, and permitted ones are not."""

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evolink_contracts.drift.comparison import compare
from evolink_contracts.drift.findings import DriftResult
from evolink_contracts.drift.replay import drift
from evolink_contracts.runs.probes import PROBES
from evolink_contracts.runs.receiver_promises import completed, failed
from evolink_contracts.runs.runner import run
from evolink_contracts.spec.errors import ERRORS
from evolink_contracts.trace import Attempt, Call, Event, Trace, write_trace
from tests.support.kit_command import kit
from tests.support.mutated_emulators import service
from tests.support.traces.trace_strategies import CALLED, FOREIGN

TASK = "task-unified-1757169743-7cvnl5zw"
CREATED = {
    "created": 1757169743,
    "id": TASK,
    "model": "wan2.6-image-to-video-flash",
    "object": "video.generation.task",
    "progress": 0,
    "status": "pending",
    "task_info": {"can_cancel": True, "estimated_time": 120},
    "type": "video",
    "usage": {"billing_rule": "per_second", "credits_reserved": 11.9, "user_group": "default"},
}
SENT = {
    "model": "wan2.6-image-to-video-flash",
    "prompt": "A cat playing piano",
    "image_urls": ["https://example.com/a.png"],
    "callback_url": "https://your-domain.com/webhooks/done",
}
PLAIN = {"content-type": "application/json"}
HEADERS = {**PLAIN, "x-request-id": "req_1"}
BAD_ID = ERRORS["query", "invalid_task_id"].body("No")


def made(answer: dict[str, Any] = CREATED, **more: Any) -> Call:
    given = {"status": 200, "sent": json.dumps(SENT), "headers": HEADERS, **more}
    return Call(0.0, "POST", "/v1/videos/generations", answer=json.dumps(answer), **given)


def read(at: float, body: dict[str, Any], **more: Any) -> Call:
    given = {"status": 200, "headers": HEADERS, **more}
    return Call(at, "GET", f"/v1/tasks/{TASK}", answer=json.dumps(body), **given)


def called(at: float, outcome: Any, body: dict[str, Any], took: float = 0.0) -> Attempt:
    return Attempt(at, SENT["callback_url"], json.dumps(body), outcome, took)  # type: ignore[arg-type]  # It is text.


DONE = completed(TASK)
DOCUMENTED: Trace = (
    made(),
    read(40.0, {**DONE, "status": "processing", "progress": 63, "task_info": {"can_cancel": True}, "results": None}),
    called(80.0, 500, DONE),
    called(81.0, "timeout", DONE, took=10.0),
    called(93.0, 200, DONE),
    read(120.0, DONE),
)


def drifted(*events: Event) -> DriftResult:
    with service() as opened, opened() as target:
        return drift(target, events)


def differences(found: DriftResult) -> list[tuple[str, str, str]]:
    return [(d.difference.severity, d.operation, d.difference.where) for d in found.drifts]


def test_what_the_documents_say_has_not_drifted_but_where_nothing_is_promised() -> None:
    open_read = {**DONE, "status": "processing", "progress": 63, "task_info": {"can_cancel": True}}
    del open_read["results"]
    recording = [*DOCUMENTED[:1], read(40.0, open_read), *DOCUMENTED[2:]]
    found = drifted(*recording)
    assert differences(found) in ([], [("information", "query", "progress")])
    assert (found.compared, found.skipped) == (4, {})


def test_each_end_is_played_as_it_was_recorded() -> None:
    for end in (failed(TASK), failed(TASK, "InvalidParameter.TaskTypeConstraint", "upstream"), DONE):
        assert differences(drifted(made(), called(30.0, 200, end), read(90.0, end))) == []


CHANGES: tuple[tuple[str, Callable[[], Trace], tuple[str, str, str]], ...] = (
    ("a status", lambda: (made(status=201),), ("critical", "create", "the HTTP status")),
    ("a name", lambda: (made({**CREATED, "object": "video"}),), ("critical", "create", "object")),
    ("a type", lambda: (made({**CREATED, "created": "1757169743"}),), ("critical", "create", "created")),
    ("a field that is gone", lambda: (made({**CREATED, "usage": {}}),), ("critical", "create", "usage.billing_rule")),
    ("a field that is new", lambda: (made({**CREATED, "eta": 5}),), ("warning", "create", "eta")),
    (
        "a price",
        lambda: (made({**CREATED, "usage": {**CREATED["usage"], "credits_reserved": 18}}),),  # type: ignore[dict-item]
        ("warning", "create", "usage.credits_reserved"),
    ),
    (
        "no request id",
        lambda: (made(headers={"content-type": "application/json"}),),
        ("warning", "create", "the header x-request-id"),
    ),
    (
        "another content type",
        lambda: (made(headers={**HEADERS, "content-type": "text/html"}),),
        ("critical", "create", "the header content-type"),
    ),
    (
        "a wait",
        lambda: (made(), called(30.0, 500, DONE), called(31.0, 500, DONE), called(34.0, 200, DONE), read(90.0, DONE)),
        ("critical", "callback", "the wait before retry 2"),
    ),
    (
        "attempts",
        lambda: (made(), *(called(30.0 + 2.0**n, 500, DONE) for n in range(5)), read(190.0, DONE)),
        ("critical", "callback", "the number of attempts"),
    ),
    (
        "a redirect that was success",
        lambda: (made(), called(30.0, 302, DONE), read(90.0, DONE)),
        ("critical", "callback", "the number of attempts"),
    ),
    (
        "a callback's body",
        lambda: (made(), called(30.0, 200, {"event": "done", **DONE}), read(90.0, DONE)),
        ("warning", "callback", "event"),
    ),
    (
        "words",
        lambda: (Call(0, "GET", "/v1/tasks/nonsense", 400, json.dumps(BAD_ID)),),
        ("information", "query", "error.message"),
    ),
    ("a route", lambda: (Call(0, "GET", "/v1/models", 200, "[]"),), ("warning", "GET /v1/models", "the HTTP status")),
)


@pytest.mark.parametrize(("recording", "tells"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
def test_what_went_another_way_is_told(recording: Callable[[], Trace], tells: tuple[str, str, str]) -> None:
    assert tells in differences(drifted(*recording()))


def test_what_tells_nothing_is_skipped() -> None:
    found = drifted(made(status=429), read(5.0, DONE), Call(9, "GET", "https://media.evolink.ai/v.mp4", 200))
    assert differences(found) == []
    assert sum(found.skipped.values()) == 3
    page = made(status=504, access="missing", answer={}, headers={"content-type": "text/html"})
    assert drifted(page).skipped == {"responses about a key, an account or the service": 1}
    stray = drifted(read(5.0, DONE))
    assert stray.skipped == {"queries of a task whose create is not recorded, or was refused by the emulator": 1}


def sent(path: str, **more: Any) -> Call:
    return Call(0.0, "POST", path, 200, "{}", **{"sent": '{"advance": "9s"}', "headers": HEADERS, **more})


STEERING = ("/__mock/clock", "/__mock", "/%5F_mock/clock", "/%5f%5Fmo%63k/worlds")


@pytest.mark.parametrize("path", ["//[", "//x/__mock/worlds", "v1/credits", "", *STEERING])
def test_a_recording_neither_steers_the_emulator_nor_breaks_its_reader(path: str) -> None:
    found = drifted(sent(path))
    assert (found.compared, found.skipped) == (
        0,
        {"calls that cannot be sent by HTTP, or are calls of the control API": 1},
    )


@pytest.mark.parametrize("header", ["x-mock-scenario", "X-Mock-Scenario"])
def test_no_header_of_a_recording_steers_the_emulator(header: str) -> None:
    path = "/v1/tasks/nonsense"
    recorded = Call(0, "GET", path, 400, json.dumps(BAD_ID), sent_headers={header: "query=internal_error"})
    assert "the HTTP status" not in {where for _, _, where in differences(drifted(recorded))}


@pytest.mark.parametrize("more", [{"status": 100}, {"access": "missing"}], ids=str)
def test_a_create_that_made_nothing_is_no_story_of_a_task(more: dict[str, Any]) -> None:
    assert drifted(made(**more), called(30.0, 200, DONE), read(90.0, DONE)).compared == 1


def test_half_a_character_is_compared_too() -> None:
    assert drifted(made(sent='{"prompt": "\ud800"}')).compared == 1


def test_two_tasks_that_are_one_to_the_emulator_are_told_of() -> None:
    """A service that ignores the Idempotency-Key made two of one."""
    key = {"idempotency-key": "contract-kit.key_0001"}
    other = f"{TASK[:-1]}x"
    found = drifted(
        made(sent_headers=key),
        made({**CREATED, "id": other}, sent_headers=key),
        read(50.0, DONE),
        Call(50.0, "GET", f"/v1/tasks/{other}", 200, json.dumps({**DONE, "id": other}), headers=HEADERS),
    )
    assert differences(found) == [("critical", "create", "the header idempotency-replayed")]


def test_a_body_may_be_nested_deeply() -> None:
    deep = json.loads("[" * 900 + "]" * 900)
    assert [difference.severity for difference in compare({"x": deep}, {"x": []})] == ["warning"] * 899


@lru_cache
def recorded(name: str | None) -> Trace:
    chosen = [probe for probe in PROBES if probe.name in ("lives", "callbacks", "links", "again", "unknown")]
    with service(name) as opened, opened() as target:
        return run(target, probes=chosen).trace


def test_an_emulator_has_not_drifted_from_itself() -> None:
    assert {severity for severity, *_ in differences(drifted(*recorded(None)))} <= {"information"}


@pytest.mark.parametrize("name", ["gap_3", "own_types", "redirect_is_fine", "answers_201"])
def test_a_mutant_has_drifted(name: str) -> None:
    assert drifted(*recorded(name)).critical


@given(st.lists(FOREIGN | CALLED, max_size=6))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_was_recorded_is_compared(events: list[Event]) -> None:
    assert drifted(*events).compared >= 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "status", "error", "x"]), inner),
)


@given(JSON, JSON)
def test_bodies_differ_from_others_alone(one: Any, other: Any) -> None:
    assert list(compare(one, one)) == []
    there, back = list(compare(one, other)), list(compare(other, one))
    assert {difference.where for difference in there} == {difference.where for difference in back}
    if one != other and not isinstance(one, dict | list) and not isinstance(other, dict | list):
        assert [difference.severity for difference in there] == ["critical"]


def test_at_a_prompt(tmp_path: Path) -> None:
    recording = tmp_path / "trace.jsonl"

    def write(*events: Event) -> None:
        recording.write_text("".join(f"{line}\n" for line in write_trace(events)), encoding="utf-8")

    write(made(status=201), *DOCUMENTED[2:])
    ran = kit("drift", str(recording))
    assert ran.returncode == 1, ran.stderr
    first, curl, *_, summary = ran.stdout.splitlines()
    assert first == "✗ critical create: the HTTP status was 201, and the emulator has 200"
    assert curl.startswith('    curl -s -i -g "$EVOLINK_BASE_URL"/v1/videos/generations -H ')
    assert summary == "3 answers compared; 1 difference: 1 critical, 0 warning, 0 information"
    write(*DOCUMENTED[:1], *DOCUMENTED[2:])
    ran = kit("drift", str(recording), "--format", "json")
    assert ran.returncode == 0, ran.stdout
    assert json.loads(ran.stdout)["drifts"] == []
    for nothing in ((), (read(5.0, DONE),)):
        write(*nothing)
        ran = kit("drift", str(recording))
        assert ran.returncode == 3
        assert ran.stderr == f"Error: {recording}: it has no call that could be compared with the emulator\n"
    recording.write_text("{", encoding="utf-8")
    assert kit("drift", str(recording)).returncode == 3
