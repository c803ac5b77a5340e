"""Definitions of the public Python names, found in the source: no module has to run for its signatures."""

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import NamedTuple, TypeAlias

MODULES = (
    "evolink_mock",
    "evolink_mock.mocked",
    "evolink_client",
    "evolink_client.callbacks",
    "evolink_contracts.strategies",
    "evolink_contracts.machine",
    "evolink_contracts.trace",
)
"""The modules whose names users import; a name has its entry at the first of them that exports it."""

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Definition(NamedTuple):
    """A definition, and the module that it is in."""

    module: str
    node: ast.ClassDef | Function | ast.AnnAssign | ast.Assign


def names_of(module: str) -> list[str]:
    """What `__all__` lists; else what the module defines, or imports under its own name (`from a import b as b`)."""
    listed: list[str] | None = getattr(import_module(module), "__all__", None)
    return sorted(set(_defined(tree_of(module))) if listed is None else listed)


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.name == alias.asname)


@cache
def tree_of(module: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(inspect.getsource(import_module(module)))


def definition_of(module: str, name: str) -> Definition:
    """The definition of a name, wherever it is imported from."""
    for node in ast.walk(tree_of(module)):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef() if node.name == name:
                return Definition(module, node)
            case ast.AnnAssign(target=ast.Name(id=target)) if target == name:
                return Definition(module, node)
            case ast.Assign(targets=[ast.Name(id=target)]) if target == name:
                return Definition(module, node)
            case ast.ImportFrom(module=str(origin)) if any((a.asname or a.name) == name for a in node.names):
                return definition_of(origin, next(a.name for a in node.names if (a.asname or a.name) == name))
    raise LookupError(f"{module} has no definition of {name}")


@cache
def exported_names() -> frozenset[str]:
    """Every public name."""
    return frozenset(name for module in MODULES for name in names_of(module))
