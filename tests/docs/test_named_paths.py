"""ARCHITECTURE.md, CONTRIBUTING.md and SECURITY.md name files, rooms, make targets and settings that exist."""

import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = {
    "emulator": ROOT / "mockserver" / "evolink_mock",
    "contract kit": ROOT / "contracts" / "evolink_contracts",
}
PUBLIC = {"mocked", "machine", "strategies"}
"""Modules that only give what is in a room a public name."""
PLACES = [ROOT, *PACKAGES.values(), PACKAGES["contract kit"] / "spec", ROOT / "client" / "evolink_client"]
"""Folders that the pages name files from."""

_SPAN = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"[\w.][\w./-]*/|(?:[\w.][\w./-]*/)?[\w.-]+\.(?:py|md|toml|lock|yml)|(?:docs|tests)/[\w./-]+")


def paths_of(text: str) -> Iterator[str]:
    """The files and folders that a text names, without those whose name is for the reader to choose."""
    for span in _SPAN.findall(text):
        if _PATH.fullmatch(span) and "NAME" not in span:
            yield span


def section(page: str, title: str) -> str:
    text = (ROOT / page).read_text(encoding="utf-8")
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def rows_of_rooms() -> Iterator[tuple[list[str], str]]:
    """The rooms of each row, and the rest of the row."""
    for line in section("ARCHITECTURE.md", "Rooms of the emulator").splitlines():
        if line.startswith("| `"):
            _, rooms, rest = line.split("|", 2)
            yield list(paths_of(rooms)), rest


def rooms_in(package: Path) -> set[str]:
    folders = {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").exists()}
    modules = {path.name for path in package.glob("*.py") if not path.stem.startswith("__")}
    return folders | modules


def missing(page: str) -> list[str]:
    named = paths_of((ROOT / page).read_text(encoding="utf-8"))
    rooms = [PACKAGES["emulator"] / room for listed, _ in rows_of_rooms() for room in listed]
    return [path for path in named if not any((place / path).exists() for place in [*PLACES, *rooms])]


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_every_path_that_a_page_names_exists(page: str) -> None:
    assert missing(page) == []


def test_the_files_to_look_at_are_in_the_room_of_their_row() -> None:
    home = PACKAGES["emulator"]
    for rooms, rest in rows_of_rooms():
        for path in paths_of(rest):
            assert any((home / room / path).exists() for room in rooms) or (home / path).exists(), (rooms, path)


def test_every_room_of_the_emulator_has_one_row() -> None:
    listed = [room for rooms, _ in rows_of_rooms() for room in rooms]
    public = {f"{name}.py" for name in PUBLIC}
    assert sorted(listed) == sorted(rooms_in(PACKAGES["emulator"]) - public)


def test_every_room_of_the_contract_kit_is_named() -> None:
    named = set(paths_of(section("ARCHITECTURE.md", "Rooms of the contract kit")))
    assert rooms_in(PACKAGES["contract kit"]) - named == set()


def test_rows_stand_in_the_order_that_import_linter_enforces() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = [each["layers"] for each in contracts if each.get("containers") == ["evolink_mock"]]
    level = {name.strip(): height for height, layer in enumerate(layers) for name in layer.split("|")}
    levels = [[level[Path(room).stem] for room in rooms] for rooms, _ in rows_of_rooms()]
    assert all(max(above) <= min(below) for above, below in pairwise(levels))


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "tests/bench/README.md"])
def test_every_make_target_that_a_page_names_exists(page: str) -> None:
    (phony,) = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = re.findall(r"\bmake (?:[A-Z]+=\S+ )?([a-z-]+)", " ".join(_SPAN.findall((ROOT / page).read_text("utf-8"))))
    assert set(named) - set(phony.split()) == set()


def test_every_make_target_is_described() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    described = set(re.findall(r"^\| `make ([\w-]+)` \|", section("CONTRIBUTING.md", "Set up"), re.MULTILINE))
    assert set(phony.split()) - described == {"help", "hooks", "clean"}


def test_a_path_that_does_not_exist_is_noticed() -> None:
    assert list(paths_of("`api/nothing.py` `spec/` `/__mock` `observe` `models/NAME.py` `docs/nothing`")) == [
        "api/nothing.py",
        "spec/",
        "docs/nothing",
    ]
    assert not any((place / "api/nothing.py").exists() for place in PLACES)
