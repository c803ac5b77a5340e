"""The house keeps its order: who imports whom, what is exported, what is shipped."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.plain_english import NOT_A_BEGINNING, NOT_PLAIN

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "evolink_mock": ROOT / "mockserver" / "evolink_mock",
    "evolink_contracts": ROOT / "contracts" / "evolink_contracts",
    "evolink_client": ROOT / "client" / "evolink_client",
}
MODULES = [path for package in PACKAGES.values() for path in sorted(package.rglob("*.py"))]

MAX_LINES = 40
MAX_MODULES = 20


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_its_idea_in_its_first_line(path: Path) -> None:
    docstring = ast.get_docstring(parsed(path))
    assert docstring
    assert docstring.splitlines()[0].endswith((".", "?"))


def docstrings_of(path: Path) -> Iterator[tuple[int, str]]:
    """The docstrings of the module, its classes and functions, and those below an attribute, with their lines."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_docstring_begins_with_a_word_that_asks(path: Path) -> None:
    assert [(line, text) for line, text in docstrings_of(path) if NOT_A_BEGINNING.match(text)] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_prose_has_no_word_that_plain_english_does_without(path: Path) -> None:
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    assert [(number, line.strip()) for number, line in lines if NOT_PLAIN.search(line)] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_function_is_longer_than_a_screen(path: Path) -> None:
    lengths = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


@pytest.mark.parametrize("home", [*PACKAGES.values(), ROOT / "tests"], ids=name_of)
def test_no_folder_holds_more_modules_than_can_be_looked_over(home: Path) -> None:
    folders = [home, *(folder for folder in home.rglob("*") if folder.is_dir())]
    modules = {name_of(folder): len(list(folder.glob("*.py"))) for folder in folders}
    assert {name: count for name, count in modules.items() if count > MAX_MODULES} == {}


def test_of_contracts_the_emulator_imports_the_facts_alone() -> None:
    foreign = {
        imported
        for path in PACKAGES["evolink_mock"].rglob("*.py")
        for imported in imports_of(path)
        if imported.startswith("evolink_contracts") and not imported.startswith("evolink_contracts.spec")
    }
    assert not foreign


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_typed_and_export_what_they_say(package: str) -> None:
    assert (PACKAGES[package] / "py.typed").exists()
    module = import_module(package)
    for name in getattr(module, "__all__", []):
        assert getattr(module, name)
    with pytest.raises(AttributeError):
        _ = module.nothing_of_this_name


def test_only_the_clock_touches_time_and_nothing_draws_unseeded_luck() -> None:
    banned = {"time", "random", "uuid", "datetime"}
    for path in PACKAGES["evolink_mock"].rglob("*.py"):
        used = {name.partition(".")[0] for name in imports_of(path)} & banned
        assert used <= ({"time"} if path.name == "clock.py" else set()), name_of(path)


def test_one_module_alone_builds_on_the_private_protocol_of_uvicorn() -> None:
    private = [path for path in MODULES if any(name.startswith("uvicorn.protocols") for name in imports_of(path))]
    assert [name_of(path) for path in private] == ["mockserver/evolink_mock/server/pipelined_protocol.py"]
