"""A scenario has the same effect from every source, and the first source that applies wins."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_contracts.spec.errors import FAILURES
from evolink_mock.core.task import SCENARIO_SOURCES, ScenarioSource
from evolink_mock.scenarios.language import WORDS
from tests.support.emulator import DOCUMENTED, Emulator

CALLBACK = {"callback_url": "https://sink.mock/500,200"}
OPEN = [
    *("fail=upstream:InvalidParameter.TaskTypeConstraint", "fail=service_error; message=out of luck"),
    *("create_latency=2s", "query_latency=1s-3s", "credits_latency=lognormal:800ms:0.5"),
    *("create=rate_limited; times=1", "create=rate_limited; for=1s; create_latency=1s", "flap=2"),
    *("create=rate_limited; retry_after=7", "query=drip; drip_time=1ms", "create=drip; drip_time=1ms"),
    *("slow_start=60s", "slow_finish=60s", "polls=2", "polls=1; fail=service_error", "actual_duration=2.5s"),
    *("create=rate_limited; times=1; fail=service_error; query=internal_error", "ok"),
]
CLOSED = {name: [f"{name}={value}" for value in word.values] for name, word in WORDS.items() if not word.open}
SCENARIOS = [*(text for texts in CLOSED.values() for text in texts if not text.endswith("=drip")), *OPEN]
SLOW = {text for texts in CLOSED.values() for text in texts[1:-1]} - set(OPEN)
"""For `make test-all`: of each word with a list of values, all but the first and the last."""
GIVING = SCENARIO_SOURCES[:-1]


def key_of(scenario: str) -> str:
    return f"sk-{SCENARIOS.index(scenario)}"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Its scenario file has a rule for each scenario, which is for that scenario's key."""
    file = tmp_path_factory.mktemp("scenarios") / "scenarios.toml"
    rule = '[[rule]]\nscenario = "{}"\nmatch = {{ key = "{}", prompt_contains = "filed" }}\n'
    file.write_text("".join(rule.format(text, key_of(text)) for text in SCENARIOS), encoding="utf-8")
    with Emulator.in_process(scenarios=str(file)) as emulator:
        yield emulator


class Caller:
    """Creates, queries and asks for credits, with a scenario that comes in by one source."""

    def __init__(self, emulator: Emulator, source: str, scenario: str) -> None:
        self.emulator = emulator.as_key(key_of(scenario))
        self.headers = {"X-Mock-Scenario": scenario} if source == "header" else {}
        self.prompt = f"A cat [[mock: {scenario}]]" if source == "prompt" else "A cat"
        self.emulator.control("worlds", {"reset": True})
        match source:
            case "queued":
                self.emulator.control("scenarios", {"scenario": scenario, "times": 100})
            case "key":
                self.emulator.control("scenarios/default", {"scenario": scenario})
            case "file":
                self.prompt += " filed"

    def act(self) -> None:
        for _ in range(2):
            self.ask("POST", "/v1/videos/generations", json={**DOCUMENTED, **CALLBACK, "prompt": self.prompt})
        for wait in ("3s", "7s", "70s"):
            for row in self.emulator.control("tasks")["tasks"]:
                self.ask("GET", f"/v1/tasks/{row['id']}")
            self.emulator.advance(wait)
        self.ask("GET", "/v1/credits")

    def ask(self, method: str, path: str, **more: Any) -> None:
        try:
            self.emulator.request(method, path, self.headers, **more)
        except httpx.TransportError:
            return  # A fault on the wire; the journal says which.

    def result(self) -> dict[str, Any]:
        """Everything that came of it, but for what tells the sources apart."""
        rows = self.emulator.control("journal")["rows"]
        seen = ("at", "route", "task", "answer")
        world = self.emulator.control("worlds")["worlds"][0]
        events = self.emulator.control("events")["rows"]
        return {
            "journal": [{name: row[name] for name in seen} for row in rows],
            "events": [{name: row[name] for name in ("at", "event", "task", "detail")} for row in events],
            "callbacks": [row["body"] for row in self.emulator.control("inbox")["rows"]],
            "credits": world["credits"],
        }


def without(text: object, token: str) -> str:
    return str(text).replace(token, "TOKEN").replace(" filed", "")


@pytest.mark.parametrize(
    "scenario", [pytest.param(text, marks=[pytest.mark.slow] if text in SLOW else []) for text in SCENARIOS]
)
def test_a_scenario_has_the_same_effect_from_every_source(emulator: Emulator, scenario: str) -> None:
    results = {}
    for source in GIVING:
        if (source == "prompt" and scenario.startswith("credits")) or (
            source == "file" and scenario.startswith("credits")
        ):
            continue  # No prompt goes with them.
        caller = Caller(emulator, source, scenario)
        caller.act()
        token = caller.emulator.control("worlds")["worlds"][0]["link_token"]
        results[source] = without(caller.result(), token)
        rows = caller.emulator.control("journal")["rows"]
        assert {(row["scenario_source"], row["scenario"]) for row in rows} - {("default", None), (None, None)} == {
            (source, scenario)
        }
    assert len(set(results.values())) == 1, results


# Precedence

CODES = dict(zip(SCENARIO_SOURCES, FAILURES, strict=False))
"""At each source another way to fail."""
ELSEWHERE = "credits=upstream_error"


@pytest.fixture(scope="module")
def filed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    file = tmp_path_factory.mktemp("scenarios") / "scenarios.toml"
    lines = [
        f'[[rule]]\nscenario = "fail={CODES["file"]}"\nmatch = {{ prompt_contains = "fails" }}',
        f'[[rule]]\nscenario = "{ELSEWHERE}"\nmatch = {{ prompt_contains = "elsewhere" }}',
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    with Emulator.in_process(scenarios=str(file)) as emulator:
        yield emulator


@given(st.dictionaries(st.sampled_from(GIVING), st.booleans()))
def test_the_first_source_that_applies_wins(filed: Emulator, given_at: dict[ScenarioSource, bool]) -> None:
    """At some sources there is a scenario that fails the task, at others one that is about something else."""
    filed.control("worlds", {"reset": True})
    texts = {source: f"fail={CODES[source]}" if speaks else ELSEWHERE for source, speaks in given_at.items()}
    prompt = "A cat" + {True: " fails", False: " elsewhere", None: ""}[given_at.get("file")]
    prompt += f" [[mock: {texts['prompt']}]]" if "prompt" in texts else ""
    if "queued" in texts:
        filed.control("scenarios", {"scenario": texts["queued"]})
    filed.control("scenarios/default", {"scenario": texts.get("key")})
    headers = {"X-Mock-Scenario": texts["header"]} if "header" in texts else {}
    task = filed.post({**DOCUMENTED, "prompt": prompt}, headers).json()["id"]
    filed.advance("20s")
    winner: ScenarioSource = next((source for source in GIVING if given_at.get(source)), "default")
    body = filed.query(task).json()
    assert body.get("error", {}).get("code") == (None if winner == "default" else CODES[winner])
    (row,) = filed.control("journal?route=create")["rows"]
    assert row["scenario_source"] == winner
    assert filed.control(f"tasks/{task}")["scenario_source"] == winner
    assert row["scenario"] == (None if winner == "default" else texts.get(winner, f"fail={CODES['file']}"))


def test_a_faulty_text_is_refused_with_its_source_even_where_another_wins(emulator: Emulator) -> None:
    prompt = {"prompt": "[[mock: fail=service_error]]"}
    refused = emulator.post({**DOCUMENTED, **prompt}, {"X-Mock-Scenario": "fial=service_error"})
    assert refused.status_code == 400
    assert refused.json()["error"] == {
        "code": "invalid_mock_scenario",
        "message": "X-Mock-Scenario: 'fial' is not a known scenario word; did you mean 'fail'?",
        "type": "invalid_request_error",
    }
    refused = emulator.post({**DOCUMENTED, "prompt": "A cat [[mock: fail=service_eror]]"})
    assert refused.json()["error"]["message"].startswith("prompt: 'service_eror' is not a known value of fail; did you")
    assert emulator.post({**DOCUMENTED, "prompt": "A [[mock: cat"}).json()["error"]["message"] == (
        "prompt: a directive is not closed; write [[mock: fail=service_error]]"
    )
