"""/__mock/tasks/ID/explain: the scenario source, the plan, and every later step of a task in words."""

import json

import httpx
import pytest

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
    assert plan.startswith("starts after ")
    assert plan.endswith("and ends after 10s: completed with 5s of video")
    starts = plan.split()[2]
    assert [line for line in lines if line[1] != "plan"] == [
        ("0s", "scenario", "decided by the built-in default"),
        ("0s", "charge", "15 credits reserved"),
        ("0s", "create", "POST answered 200"),
        ("0s", "read", "GET answered 200"),
        (starts, "status", "processing"),
        ("10s", "status", "completed"),
        ("10s", "charge", "15 credits charged"),
        (
            "10s",
            "attempt",
            "callback 1, attempt 1 to https://sink.mock/500,200: the receiver answered 500; because the task ended",
        ),
        (
            "11s",
            "attempt",
            "callback 1, attempt 2 to https://sink.mock/500,200: the receiver answered 200; because "
            "attempt 1: the receiver answered 500; attempt 2 follows 1 s after that failure",
        ),
        ("20s", "read", "GET answered 200"),
    ]


@pytest.mark.parametrize(
    ("scenario", "texts"),
    [
        ("stuck=pending", ["stays pending for ever"]),
        ("stuck=99", ["reaches 99 % after 10s, and never ends"]),
        (
            "slow_finish=60s",
            ["ends after 70s (of which 60s at 99 %): completed with 5s of video", "15 credits charged"],
        ),
        (
            "polls=1",
            ["ends at its 1. read: completed with 5s of video", "completed, by its 1. read", "15 credits charged"],
        ),
        ("actual_duration=2s", ["completed with 2s of video", "6 credits charged, 9 credits given back"]),
        ("fail=service_error", ["failed with service_error", "15 credits refunded, since it failed"]),
        ("cancel=cancelled", ["cancelled with request_cancelled"]),
        ("create=commit_then_drop", ["POST answered 200, spoiled by commit_then_drop"]),
        (
            "query=reset_before; times=1",
            ["GET not answered, spoiled by reset_before (by the header: query=reset_before"],
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
    assert ("0s", "status", "failed with request_cancelled, by hand") in explained(emulator, cancelled)
    assert ("0s", "status", "failed with service_error, by hand") in explained(emulator, forced)


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
            assert unknown.output.rpartition("Error: ")[2].startswith("No such task in this world")
    gone = run("explain", task, "--url", server.url)
    assert gone.exit_code == 1
    assert f"no emulator answers at {server.url}" in gone.output
    assert "--url" in gone.output
