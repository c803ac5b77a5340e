"""Scenarios wait in a queue for the requests they are for, and a key may have one of its own."""

from pathlib import Path
from typing import Any

import pytest

from evolink_mock.scenarios.language import WORDS, parse_scenario
from evolink_mock.scenarios.state import MAX_QUEUED
from evolink_mock.settings import KeyRule
from tests.support.emulator import DOCUMENTED, Emulator


def code(emulator: Emulator, **fields: Any) -> str | None:
    """How a task that is created now is planned to fail."""
    task = emulator.post(DOCUMENTED | fields).json()["id"]
    found = emulator.control(f"tasks/{task}")["plan"]["outcome"].get("code")
    assert found is None or isinstance(found, str)
    return found


def queue(emulator: Emulator, name: str, **more: Any) -> Any:
    return emulator.control("scenarios", {"scenario": f"fail=upstream:{name}", **more})


def waiting(emulator: Emulator) -> list[int]:
    return [row["number"] for row in emulator.control("scenarios")["queued"]]


def test_queued_scenarios_are_used_in_order_one_for_each_request(emulator: Emulator) -> None:
    assert queue(emulator, "A") == {"number": 1, "used": 0, "scenario": "fail=upstream:A"}
    queue(emulator, "B", times=2)
    queue(emulator, "C")
    assert [code(emulator) for _ in range(5)] == ["A", "B", "B", "C", None]
    assert waiting(emulator) == []


def test_a_queued_scenario_waits_for_a_matching_request(emulator: Emulator) -> None:
    queue(emulator, "A", match={"prompt_contains": "dog"})
    queue(emulator, "B", match={"model": "wan2.6-image-to-video"})
    queue(emulator, "C")
    assert [code(emulator), code(emulator)] == ["C", None]
    assert code(emulator, model="wan2.6-image-to-video") == "B"
    assert code(emulator, prompt="A dog") == "A"


def test_scenarios_of_creates_and_of_queries_are_used_up_apart(emulator: Emulator) -> None:
    task = emulator.create()
    queue(emulator, "A")
    emulator.control("scenarios", {"scenario": "query=internal_error"})
    emulator.request("GET", "/v1/credits")
    assert emulator.query(task).status_code == 500
    assert emulator.query(task).status_code == 200
    assert code(emulator) == "A"


def test_a_queued_scenario_can_match_one_task(emulator: Emulator) -> None:
    first, second = emulator.create(), emulator.create()
    emulator.control("scenarios", {"scenario": "query=internal_error", "times": 2, "match": {"task": second}})
    assert [emulator.query(task).status_code for task in (first, second, first, second, second)] == [
        *(200, 500, 200, 500, 200)
    ]


def test_steps_and_weights_may_be_queued_as_in_a_file(emulator: Emulator) -> None:
    steps = [{"scenario": "create=rate_limited", "times": 2}, {"weights": {"fail=service_error": 1}, "times": 1}]
    emulator.control("scenarios", {"name": "busy", "steps": steps})
    assert [emulator.post(DOCUMENTED).status_code for _ in range(2)] == [429, 429]
    assert code(emulator) == "service_error"
    assert code(emulator) is None
    assert {row["scenario_rule"] for row in emulator.control("journal")["rows"]} == {"busy", None}


def test_queued_scenarios_can_be_removed(emulator: Emulator) -> None:
    for name in "ABC":
        queue(emulator, name)
    assert emulator.request("DELETE", "/__mock/scenarios/2").status_code == 200
    assert waiting(emulator) == [1, 3]
    for number in ("2", "9", "x", "²", "9" * 30):
        gone = emulator.request("DELETE", f"/__mock/scenarios/{number}")
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "scenario_not_found")
    emulator.control("scenarios/default", {"scenario": "create=rate_limited"})
    emulator.request("DELETE", "/__mock/scenarios")
    assert emulator.control("scenarios") == {"queued": [], "key": None, "file": None}
    assert queue(emulator, "D")["number"] == 4
    emulator.control("worlds", {"reset": True})
    assert waiting(emulator) == []


def test_worlds_have_queues_of_their_own(emulator: Emulator) -> None:
    other = emulator.as_key("sk-other")
    queue(emulator, "A")
    other.control("clock")
    emulator.control("scenarios?all=true", {"scenario": "fail=upstream:B"})
    assert [code(other), code(other)] == ["B", None]
    assert [code(emulator), code(emulator)] == ["A", "B"]


def test_at_most_a_thousand_scenarios_are_queued(emulator: Emulator) -> None:
    for _ in range(MAX_QUEUED):
        queue(emulator, "A")
    full = emulator.request("POST", "/__mock/scenarios", json={"scenario": "ok"})
    assert (full.status_code, full.json()["error"]["code"]) == (429, "too_many_waiting")
    assert code(emulator) == "A"
    queue(emulator, "A")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "a rule needs a scenario, or steps"),
        ({"scenario": "fial=x"}, "did you mean 'fail'?"),
        ({"scenario": "fail=servce_error"}, "did you mean 'service_error'?"),
        ({"scenario": "ok", "tims": 3}, "'tims' is not a known field of this call; did you mean 'times'?"),
        ({"scenario": "ok", "times": 0}, "times must be an integer from 1 to 1,000,000; got 0"),
        ({"scenario": "ok", "times": 1.5}, "times must be an integer from 1 to 1,000,000; got 1.5"),
        (
            {"scenario": "ok", "match": {"promt": "x"}},
            "'promt' is not a known field of match; did you mean 'prompt_contains'?",
        ),
        ({"scenario": "ok", "operation": "any"}, "operation must be one of create, credits, query; got 'any'"),
        ({"scenario": "x" * 501}, "scenario must be text of at most 500 characters; got 'xxx"),
        ({"scenario": "ok", "steps": []}, "give either steps or one scenario"),
        ({"weights": {}}, "weights must be an object of 1 to 20 entries; got an object with 0 entries"),
        ([], "the body must be an object; got a list with 0 entries"),
        (
            {"scenario": "ok", "tims": 3, "match": {"key": 5, "modl": ""}, "steps": [{"times": "x"}]},
            "steps[0].times must be an integer from 1 to 1,000,000; got 'x'",
        ),
    ],
)
def test_a_faulty_scenario_is_refused_and_not_queued(emulator: Emulator, body: object, says: str) -> None:
    refused = emulator.request("POST", "/__mock/scenarios", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_body")
    assert says in refused.json()["error"]["message"]
    assert waiting(emulator) == []


def test_a_key_can_have_a_scenario_of_its_own() -> None:
    keys = {"sk-a": KeyRule(scenario="fail=upstream:A"), "sk-b": KeyRule()}
    with Emulator.in_process(keys=keys) as emulator:
        first, second = emulator.as_key("sk-a"), emulator.as_key("sk-b")
        assert [code(first), code(second), code(first)] == ["A", None, "A"]
        first.control("scenarios/default", {"scenario": "fail=upstream:B"})
        assert code(first) == "B"
        first.control("scenarios/default", {"scenario": None})
        assert code(first) == "A"
        refused = first.request("POST", "/__mock/scenarios/default", json={"scenario": "fial=x"})
        assert "did you mean 'fail'?" in refused.json()["error"]["message"]


def test_every_word_is_listed_with_its_values(emulator: Emulator) -> None:
    words = emulator.control("scenarios/words")["words"]
    assert list(words) == [*WORDS, "flap", "ok"]
    for name, word in words.items():
        assert word["says"]
        if name in ("create", "query", "credits", "fail", "cancel", "stuck", "delivery"):
            for value in word["values"]:
                assert parse_scenario(f"{name}={value}")
    assert parse_scenario(f"flap={words['flap']['example']}")


def test_queued_scenarios_and_counts_survive_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[[rule]]\nscenario = "fail=upstream:F"\ntimes = 2\n', encoding="utf-8")
    chosen = {"state": str(tmp_path / "state"), "scenarios": str(file)}
    limited = {"X-Mock-Scenario": "create=rate_limited; times=2"}
    with Emulator.in_process(**chosen) as emulator:
        queue(emulator, "A", times=2)
        queue(emulator, "B", times=1)
        emulator.control("scenarios/default", {"scenario": "query=internal_error"})
        assert code(emulator) == "A"
        assert emulator.as_key("sk-file").create()
        assert emulator.post(DOCUMENTED, limited).status_code == 429
    with Emulator.in_process(**chosen) as emulator:
        assert [code(emulator) for _ in range(2)] == ["A", "B"]
        assert emulator.control("scenarios")["key"] == "query=internal_error"
        assert [code(emulator.as_key("sk-file")) for _ in range(2)] == ["F", None]
        assert [emulator.post(DOCUMENTED, limited).status_code for _ in range(2)] == [429, 200]
        assert queue(emulator, "C")["number"] == 3
