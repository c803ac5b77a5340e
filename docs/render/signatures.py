"""Names in public signatures that have no entry: types and values of the devkit, and the origin of others."""

import ast
import builtins
import sys
from collections.abc import Iterator, Mapping

from docs.render.definitions import MODULES, Definition, definition_of, names_of, tree_of
from docs.render.markdown import code, prose

_LONGEST = 120
"""Characters of a value that is shown."""


def further_names(stubs: Mapping[str, Definition]) -> dict[str, str]:
    """The names in some stubs that are neither Python's nor have an entry, each with a meaning."""
    found: dict[str, str] = {}
    for stub, definition in stubs.items():
        for name in _names_in(stub):
            if not hasattr(builtins, name) and (meaning := _meaning(definition.module, name)):
                found.setdefault(name, meaning)
    return dict(sorted(found.items()))


def _names_in(stub: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(stub)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id


def _meaning(module: str, name: str) -> str:
    """The meaning of a name of a module; empty for one of the standard library, and for one that has an entry."""
    origin = _origin(module, name)
    root = origin.partition(".")[0]
    if root in sys.stdlib_module_names:
        return ""
    if not root.startswith("evolink_"):
        return code(origin)
    definition = definition_of(module, name)
    return "" if id(definition.node) in _with_entries() else _described(definition)


def _origin(module: str, name: str) -> str:
    """The full name of what a module imports under a name, or else defines."""
    for node in ast.walk(tree_of(module)):
        if not isinstance(node, ast.ImportFrom | ast.Import):
            continue
        for each in node.names:
            if (each.asname or each.name.partition(".")[0]) == name:
                return f"{node.module}.{each.name}" if isinstance(node, ast.ImportFrom) else each.name
    return f"{module}.{name}"


def _with_entries() -> set[int]:
    return {id(definition_of(module, name).node) for module in MODULES for name in names_of(module)}


def _described(definition: Definition) -> str:
    node = definition.node
    if not isinstance(node, ast.AnnAssign | ast.Assign):
        return prose((ast.get_docstring(node) or "").partition("\n\n")[0])
    value = "" if node.value is None else ast.unparse(node.value)
    words = prose(_documented_below(definition))
    return ". ".join(part for part in (code(value) if len(value) <= _LONGEST else "", words) if part)


def _documented_below(definition: Definition) -> str:
    """The text below an assignment."""
    body = tree_of(definition.module).body
    if definition.node not in body[:-1]:
        return ""
    match body[body.index(definition.node) + 1]:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return text
    return ""
