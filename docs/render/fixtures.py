"""The fixtures, markers and options of the two pytest plugins."""

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

from docs.render import Page
from docs.render.markdown import code, join, sentence, table
from evolink_contracts import pytest_plugin as kit
from evolink_mock.testing import pytest_plugin as emulator

PLUGINS: tuple[tuple[str, ModuleType], ...] = (("evolink_mock", emulator), ("evolink_contracts", kit))


def fixtures(plugin: ModuleType) -> Iterator[tuple[str, str, str]]:
    """The public fixtures of a plugin: name, scope and docstring."""
    for node in ast.parse(inspect.getsource(plugin)).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            scopes = [scope for each in node.decorator_list if (scope := _scope(each))]
            yield from ((node.name, scope, ast.get_docstring(node) or "") for scope in scopes)


def _scope(decorator: ast.expr) -> str:
    """The scope of a fixture; nothing for a function that is none."""
    call = decorator if isinstance(decorator, ast.Call) else None
    if ast.unparse(call.func if call else decorator) != "pytest.fixture":
        return ""
    named = {each.arg: each.value for each in call.keywords} if call else {}
    scope = named.get("scope")
    return str(scope.value) if isinstance(scope, ast.Constant) else "function"


def markers(plugin: ModuleType) -> list[tuple[str, str]]:
    """The markers that a plugin registers, each with its meaning."""
    config = MagicMock()
    plugin.pytest_configure(config)
    lines = [call.args[1] for call in config.addinivalue_line.call_args_list if call.args[0] == "markers"]
    return [(line.partition(": ")[0], line.partition(": ")[2]) for line in lines]


def options(plugin: ModuleType) -> list[tuple[str, dict[str, Any]]]:
    """The command-line options that a plugin adds, each with what it was declared with."""
    if not hasattr(plugin, "pytest_addoption"):
        return []
    parser = MagicMock()
    plugin.pytest_addoption(parser)
    return [(call.args[0], call.kwargs) for call in parser.getgroup().addoption.call_args_list]


def _body() -> str:
    return join(_INTRODUCTION, *(_plugin(name, plugin) for name, plugin in PLUGINS))


def _plugin(name: str, plugin: ModuleType) -> str:
    marked = [(code(f"@pytest.mark.{marker}"), sentence(meaning)) for marker, meaning in markers(plugin)]
    added = [
        (
            code(f"{option} {given['metavar']}" if "metavar" in given else option),
            _default(given),
            sentence(given["help"]),
        )
        for option, given in options(plugin)
    ]
    return join(
        f"## Plugin of {name}",
        sentence((plugin.__doc__ or "").partition("\n\n")[0]),
        *(join(f"### {fixture}", text, f"Scope: {scope}.") for fixture, scope, text in fixtures(plugin)),
        join("### Markers", table(("Marker", "Meaning"), marked)) if marked else "",
        join("### Options", table(("Option", "Default", "Meaning"), added)) if added else "",
    )


def _default(given: dict[str, Any]) -> str:
    return code(given["default"]) if given.get("default") not in (None, 0, False) else ""


_INTRODUCTION = """\
Pytest loads both plugins where the devkit is installed. The classes of the fixtures are on [Python](python.md)."""

PAGE = Page("pytest", "The fixtures, markers and options of the two plugins.", _body)
