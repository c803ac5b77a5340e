"""The house keeps its order: who imports whom, what is exported, what is shipped."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "evolink_mock": ROOT / "mockserver" / "evolink_mock",
    "evolink_contracts": ROOT / "contracts" / "evolink_contracts",
    "evolink_client": ROOT / "client" / "evolink_client",
}
MODULES = [path for package in PACKAGES.values() for path in sorted(package.rglob("*.py"))]


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_its_idea_in_its_first_line(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
    assert docstring.splitlines()[0].endswith((".", "?"))


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
