"""/__mock/tasks/ID/explain: the scenario source, the plan, and every later step of a task in words."""

import json
import re

import httpx
import pytest

from evolink_mock.core.duration import parse_duration, show_rounded_duration
from tests.support.commands import run
from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.server_process import Server


def explained(emulator: Emulator, task: str) -> list[tuple[str, str, str]]:
    story = emulator.control(f"tasks/{task}/explain")
    assert story["task"] == task
    return [(line["after"], line["about"], line["says"]) for line in story["story"]]


def test_a_plain_task_is_explained_from_its_creation_to_its_callback(emulator: Emulator) -> None:
    task = emulator.create(callback_url="https://sink.mock/500,200")
    emulator.query(task)
    emulator.advance("20s")
    emulator.query(task)
    lines = explained(emulator, task)
    plan = lines[1][2]
    assert re.match(r"starts after \d+(\.\d\d?)?s and ends after 10s: ", plan), plan
    assert plan.endswith("and ends after 10s: completed with 5s of video")
    # The plan is rounded for the reader; the instants are exact.
    (starts,) = [after for after, about, says in lines if (about, says) == ("status", "processing")]
    assert show_rounded_duration(parse_duration(starts)) == plan.split()[2]
    assert [line for line in lines if line[1] != "plan"] == [
        ("0s", "scenario", "decided by the built-in default"),
        ("0s", "charge", "11.9 credits reserved"),
        ("0s", "create", "POST answered 200"),
        ("0s", "query", "GET answered 200: pending"),
        (starts, "status", "processing"),
        ("10s", "status", "completed"),
        ("10s", "charge", "11.9 credits charged"),
        (
            "10s",
            "attempt",
            "callback 1, attempt 1 to https://sink.mock/500,200: the receiver answered 500. "
            "Sent because the task ended",
        ),
        (
            "11s",
            "attempt",
            "callback 1, attempt 2 to https://sink.mock/500,200: the receiver answered 200. Sent because "
            "attempt 1 failed; attempt 2 follows 1 s after that failure",
        ),
        ("20s", "query", "GET answered 200: completed"),
    ]


@pytest.mark.parametrize(
    ("scenario", "texts"),
    [
        ("stuck=pending", ["stays pending for ever"]),
        ("stuck=99", ["reaches 99 % after 10s, and never ends"]),
        (
            "slow_finish=60s",
            ["ends after 70s (of which 60s at 99 %): completed with 5s of video", "11.9 credits charged"],
        ),
        (
            "polls=1",
            ["ends at query 1: completed with 5s of video", "completed, at query 1", "11.9 credits charged"],
        ),
        ("actual_duration=2s", ["completed with 2s of video", "6 credits charged, 5.9 credits refunded"]),
        ("fail=service_error", ["failed with service_error", "11.9 credits refunded, since it failed"]),
        ("cancel=cancelled", ["cancelled with request_cancelled"]),
        ("create=commit_then_drop", ["POST answered 200, corrupted by commit_then_drop"]),
        (
            "query=reset_before; times=1",
            ["GET not answered, corrupted by reset_before (by the header: query=reset_before"],
        ),
    ],
)
def test_a_scenario_is_explained_with_its_source_and_its_effect(
    emulator: Emulator, scenario: str, texts: list[str]
) -> None:
    import httpx

    try:
        emulator.post(DOCUMENTED, {"X-Mock-Scenario": scenario})
    except httpx.TransportError:
        assert "create=" in scenario
    task = emulator.control("tasks")["tasks"][0]["id"]
    emulator.advance("100s")
    for _ in range(2):
        try:
            emulator.query(task)
        except httpx.TransportError:
            assert "query=" in scenario
    says = [line[2] for line in explained(emulator, task)]
    assert says[0] == f"decided by the header X-Mock-Scenario: {scenario}"
    for part in texts:
        assert any(part in line for line in says), says


def test_a_progress_that_lingers_is_part_of_the_plan() -> None:
    with Emulator.in_process(progress="lingers_at_95") as emulator:
        tasks = emulator.create("slow_finish=60s"), emulator.create("stuck=99")
        plans = [next(says for _, about, says in explained(emulator, task) if about == "plan") for task in tasks]
    assert all(", reaches 95 % after" in says for says in plans)
    assert "(of which 60s at 99 %)" in plans[0]
    assert plans[1].endswith(", reaches 99 % after 10s, and never ends")


def queries(emulator: Emulator, task: str) -> list[str]:
    return [says for _, about, says in explained(emulator, task) if about == "query"]


def test_queries_that_repeat_are_one_line(emulator: Emulator) -> None:
    task = emulator.create("stuck=99")
    emulator.advance("8s")
    for _ in range(50):
        emulator.query(task)
        emulator.advance("12s")
    assert queries(emulator, task) == ["50 queries from +8s to +596s: processing"]


def test_queries_with_different_responses_are_told_apart(emulator: Emulator) -> None:
    task = emulator.create()
    for _ in range(3):
        emulator.query(task)
    emulator.advance("20s")
    emulator.query(task, {"X-Mock-Scenario": "query=rate_limited"})
    emulator.query(task)
    emulator.query(task)
    assert queries(emulator, task) == [
        "3 queries at +0s: pending",
        "GET answered 429 (by the header: query=rate_limited)",
        "2 queries at +20s: completed",
    ]


@pytest.mark.parametrize("count", [9, 10, 25])
def test_queries_of_a_clock_that_stands_still_are_warned_of_once(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    task = emulator.create()
    for _ in range(count):
        emulator.query(task)
    (line,) = queries(emulator, task)
    warnings = [record.getMessage() for record in caplog.records if "stands still" in record.getMessage()]
    assert len(warnings) == ("stands still" in line) == (count >= 10)
    for text in (line, *warnings) if warnings else ():
        assert "evolink_mock.evolink" in text
        assert "advance" in text


def test_queries_are_not_warned_of_where_the_clock_moves_or_the_task_has_ended(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    task, counted = emulator.create(), emulator.create("polls=30")
    for _ in range(25):
        emulator.advance("100ms")
        emulator.query(task)
    for _ in range(25):
        emulator.query(counted)
    emulator.advance("20s")
    for _ in range(25):
        emulator.query(task)
    assert "stands still" not in caplog.text
    assert "stands still" not in " ".join(queries(emulator, task))


def test_downloads_of_the_result_link_are_lines_of_their_own(emulator: Emulator) -> None:
    task = emulator.create()
    emulator.advance("10s")
    link = emulator.query(task).json()["results"][0]
    emulator.client.head(link)
    emulator.client.get(link)
    for _ in range(2):
        emulator.client.get(link, headers={"Range": "bytes=0-9"})
    emulator.query(task)
    emulator.advance("25h")
    emulator.client.get(link)
    lines = [(about, says) for _, about, says in explained(emulator, task) if about in ("query", "download")]
    assert lines == [
        ("query", "GET answered 200: completed"),
        ("download", "HEAD answered 200"),
        ("download", "GET answered 200"),
        ("download", "2 downloads at +10s: GET answered 206"),
        ("query", "GET answered 200: completed"),
        ("download", "GET answered 404"),
    ]


def test_a_request_that_makes_its_task_fail_is_named_as_the_cause(emulator: Emulator) -> None:
    task = emulator.create(image_urls=["https://example.com/cat.gif"])
    emulator.advance("20s")
    message = emulator.query(task).json()["error"]["message"]
    lines = explained(emulator, task)
    assert lines[0] == ("0s", "scenario", f"none; the request makes the task fail: {message}")
    (status,) = [says for _, about, says in lines if about == "status" and says.startswith("failed")]
    assert status.endswith(f": {message}")


@pytest.mark.parametrize("text", ["[[mock create=rate_limited]]", "[[Mock: ok]]", "[[ mock: ok]]", "[mock: ok]"])
def test_a_directive_of_another_form_is_a_prompt_with_a_note(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    task = emulator.create(prompt=f"A cat {text} playing")
    notes = [says for _, about, says in explained(emulator, task) if about == "scenario"]
    assert notes[0] == "decided by the built-in default"
    for note in (notes[1], caplog.text):
        assert "is not a directive and stays there; write [[mock: fail=service_error]]" in note
    assert emulator.control(f"tasks/{task}")["request"]["prompt"] == f"A cat {text} playing"


@pytest.mark.parametrize("prompt", ["A cat", "A [cat]", "[[mocking birds]]", "A cat [[mock: ok]]", "mock: me"])
def test_other_prompts_have_no_note(emulator: Emulator, caplog: pytest.LogCaptureFixture, prompt: str) -> None:
    task = emulator.create(prompt=prompt)
    assert [about for _, about, _ in explained(emulator, task)].count("scenario") == 1
    assert caplog.text == ""


def test_the_rule_that_decided_is_named(emulator: Emulator) -> None:
    emulator.control("scenarios", {"name": "second try", "scenario": "fail=service_error", "times": 2})
    task = emulator.create()
    assert explained(emulator, task)[0][2] == (
        "decided by a scenario queued by POST /__mock/scenarios (second try): fail=service_error"
    )
    assert emulator.control("journal")["rows"][0]["scenario_rule"] == "second try"


def test_control_calls_that_end_a_task_are_explained(emulator: Emulator) -> None:
    cancelled, forced = emulator.create(), emulator.create()
    emulator.control(f"tasks/{cancelled}/cancel", {})
    emulator.control(f"tasks/{forced}/outcome", {"status": "failed", "code": "service_error"})
    assert ("0s", "status", "failed with request_cancelled, by a control call") in explained(emulator, cancelled)
    assert ("0s", "status", "failed with service_error, by a control call") in explained(emulator, forced)


def test_the_explain_command_prints_the_same_as_text_and_as_json() -> None:
    with Server("--clock", "manual") as server, httpx.Client(base_url=server.url) as client:
        emulator = Emulator(client)
        task = emulator.create("fail=service_error")
        emulator.advance("10s")
        for options in ((), ("--key", emulator.key)):
            shown = run("explain", task, "--url", server.url, *options)
            assert shown.exit_code == 0, shown.output
            assert "scenario  decided by the header X-Mock-Scenario: fail=service_error\n" in shown.stdout
            assert len(shown.stdout.splitlines()) == len(explained(emulator, task))
        as_json = run("explain", task, "--url", f"{server.url}/", "--json")
        assert json.loads(as_json.stdout) == emulator.control(f"tasks/{task}/explain")
        for other in ("task-unified-1-aaaaaaaa", "a b"):
            unknown = run("explain", other, "--url", server.url)
            assert unknown.exit_code == 1
            assert unknown.output.rpartition("Error: ")[2] == f"no task {other} at {server.url}: no key has it\n"
    gone = run("explain", task, "--url", server.url)
    assert gone.exit_code == 1
    assert f"no emulator answers at {server.url}" in gone.output
    assert "--url" in gone.output
