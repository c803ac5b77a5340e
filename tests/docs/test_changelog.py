"""CHANGELOG.md has a section for the version of the project, each change once; figures that pages state are true."""

import re
import tomllib
from pathlib import Path

import pytest

from evolink_contracts.promises import PROMISES
from evolink_mock.testing.mutants import MUTANTS

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


def test_there_are_more_mutants_than_the_readme_of_the_kit_states() -> None:
    assert "more than ninety mutants" in (ROOT / "contracts" / "README.md").read_text(encoding="utf-8")
    assert 90 < len(MUTANTS) < 100
