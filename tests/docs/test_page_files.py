"""The TOML files of the how-to guides do what their pages say, beyond what the pages themselves try."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evolink_mock.settings import load_settings
from evolink_mock.settings.keys import KeyRule
from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.pages.markdown_pages import read_blocks

ROOT = Path(__file__).parent.parent.parent


def file_of(page: str, name: str) -> str:
    (text,) = [block.text for block in read_blocks(ROOT / page, page) if block.file == name]
    return text


@pytest.fixture
def scenarios(tmp_path: Path) -> Path:
    file = tmp_path / "scenarios.toml"
    file.write_text(file_of("docs/how-to/fault-injection.md", "scenarios.toml"), encoding="utf-8")
    return file


@pytest.fixture
def emulator(scenarios: Path) -> Iterator[Emulator]:
    with Emulator.in_process(scenarios=str(scenarios)) as made:
        yield made


def test_three_creates_are_refused_then_one_succeeds(emulator: Emulator) -> None:
    answers = [emulator.post(DOCUMENTED) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 429, 429, 200]
    assert [answer.headers.get("retry-after") for answer in answers] == ["5", "5", "5", None]
    emulator.advance("10s")
    assert emulator.query(answers[-1].json()["id"]).json()["status"] == "completed"


def test_then_two_in_five_tasks_fail_and_the_same_ones_again(scenarios: Path) -> None:
    def ends(seed: int) -> list[Any]:
        with Emulator.in_process(scenarios=str(scenarios), seed=seed) as emulator:
            tasks = [emulator.post(DOCUMENTED).json().get("id") for _ in range(104)][4:]
            emulator.advance("10s")
            return [emulator.query(task).json().get("error", {}).get("code") for task in tasks]

    first = ends(1)
    assert set(first) == {None, "service_error"}
    assert 20 <= first.count("service_error") <= 60
    assert first == ends(1) != ends(2)


def test_the_first_rule_is_for_its_model_alone(emulator: Emulator) -> None:
    assert emulator.post(DOCUMENTED | {"model": "wan2.6-text-to-video"}).status_code == 200


def test_queries_take_time_drawn_from_the_seed(emulator: Emulator) -> None:
    task = emulator.create(model="wan2.6-text-to-video")

    def instant() -> float:
        return float(emulator.control("clock")["now"])

    def durations() -> Iterator[float]:
        for _ in range(50):
            before = instant()
            assert emulator.query(task).status_code == 200
            yield instant() - before

    taken = sorted(durations())
    assert 0.4 < taken[len(taken) // 2] < 1.6
    assert taken[0] < taken[-1]


def test_the_settings_of_keys_are_those_that_the_page_names(tmp_path: Path) -> None:
    file = tmp_path / "evolink.toml"
    file.write_text(file_of("docs/how-to/limits.md", "evolink.toml"), encoding="utf-8")
    settings = load_settings(file=file)
    assert settings.keys == {
        "sk-poor": KeyRule(balance=30),
        "sk-basic": KeyRule(models=["wan2.6-text-to-video"]),
        "sk-busy": KeyRule(requests_per_minute=2, concurrent_tasks=1),
        "sk-shaky": KeyRule(scenario="fail=service_error"),
    }
    assert not settings.only_keys


def test_a_key_with_a_scenario_fails_unless_a_header_says_otherwise(tmp_path: Path) -> None:
    keys = tomllib.loads(file_of("docs/how-to/limits.md", "evolink.toml"))["keys"]
    with Emulator.in_process(keys={"sk-shaky": KeyRule(**keys["sk-shaky"])}) as emulator:
        shaky = emulator.as_key("sk-shaky")
        fails, completes, other = shaky.create(), shaky.create("ok"), emulator.create()
        shaky.advance("10s")
        emulator.advance("10s")
        ends = [shaky.query(fails), shaky.query(completes), emulator.query(other)]
        assert [end.json()["status"] for end in ends] == ["failed", "completed", "completed"]
