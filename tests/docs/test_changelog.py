"""CHANGELOG.md has a section for the project's version, each change once; promises and bases are stated truly."""

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from evolink_contracts.promises import PROMISES
from evolink_contracts.spec.sources import Basis
from evolink_mock.testing.mutants import MUTANTS
from tests.bench.cases.deliveries import _serve
from tests.bench.measure.servers import EMULATOR

ROOT = Path(__file__).parent.parent.parent
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_sections_are_the_unreleased_changes_and_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    unreleased, newest, *_ = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert unreleased == "Unreleased"
    assert re.fullmatch(re.escape(project["version"]) + r" - \d{4}-\d\d-\d\d", newest)


def test_no_change_stands_twice() -> None:
    lines = [line for line in CHANGELOG.splitlines() if line.startswith("- ")]
    assert sorted(lines) == sorted(set(lines))


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md"])
def test_the_stated_number_of_promises_is_true(page: str) -> None:
    stated = re.findall(r"(\d+) numbered promises", (ROOT / page).read_text(encoding="utf-8"))
    assert set(stated) == {str(len(PROMISES))}


def test_the_bases_of_facts_are_explained_best_first() -> None:
    page = (ROOT / "docs" / "explanation" / "fidelity.md").read_text(encoding="utf-8")
    table = page.partition("| basis | means |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| ([a-z ]+) \|", table, re.MULTILINE)) == get_args(Basis)


def test_there_are_more_mutants_than_the_readme_of_the_kit_states() -> None:
    assert "more than ninety mutants" in (ROOT / "contracts" / "README.md").read_text(encoding="utf-8")
    assert 90 < len(MUTANTS) < 100


def test_the_benchmarks_start_the_emulator_as_the_page_of_the_figures_says() -> None:
    page = (ROOT / "docs" / "explanation" / "performance.md").read_text(encoding="utf-8")
    assert "The emulator is started with `--log-level warning`" in page
    started = [*EMULATOR, "|", *_serve("http://127.0.0.1:3000")]
    assert [started[place + 1] for place, word in enumerate(started) if word == "--log-level"] == ["warning"] * 2
