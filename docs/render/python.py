"""The public Python names with their signatures and docstrings, read from the source."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module

from docs.render import REFERENCE, Page
from docs.render.definitions import MODULES, Definition, definition_of, exported_names, names_of, tree_of
from docs.render.markdown import block, code, join
from docs.render.stubs import attributes_of, class_stub, docstring_of, signature_of


def exported() -> Mapping[str, Mapping[str, Definition]]:
    """The public names of each module with their definitions; a name is listed once."""
    seen: set[int] = set()
    found: dict[str, dict[str, Definition]] = {}
    for module in MODULES:
        found[module] = {}
        for name in names_of(module):
            definition = definition_of(module, name)
            if id(definition.node) not in seen:
                seen.add(id(definition.node))
                found[module][name] = definition
    return found


def _body() -> str:
    page = join(
        "Names that are not listed here may change without notice. The fixtures of pytest are on [pytest](pytest.md).",
        *(_module(name, members) for name, members in exported().items()),
    )
    return _formatted(page)


def _formatted(page: str) -> str:
    """The page with its Python formatted as the project's code is."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(REFERENCE / "python.md"), "-"]
    ran = subprocess.run(command, input=page, capture_output=True, text=True, check=True)  # noqa: S603  # Our own words.
    return ran.stdout


def _module(name: str, members: Mapping[str, Definition]) -> str:
    summary = (import_module(name).__doc__ or "").partition("\n\n")[0].removeprefix("Public: ")
    shown = summary[:1].upper() + " ".join(summary.split())[1:]
    return join(f"## {name}", shown, *(_member(each, value) for each, value in members.items()))


def _member(name: str, definition: Definition) -> str:
    node = definition.node
    if isinstance(node, ast.AnnAssign):
        return join(f"### {name}", block(ast.unparse(node), "python"))
    if not isinstance(node, ast.ClassDef):
        return join(f"### {name}", docstring_of(node), block(f"{signature_of(node)}: ...", "python"))
    parts = (
        join(
            f"#### {name}.{attribute}",
            docstring_of(part),
            block(class_stub(definition.module, part, called=False), "python"),
        )
        for attribute, part in _parts(definition.module, node)
    )
    return join(f"### {name}", docstring_of(node), block(class_stub(definition.module, node), "python"), *parts)


def _parts(module: str, node: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    """The attributes whose classes have no entry of their own, such as `videos` of a client."""
    for name, kind in attributes_of(node):
        found = next(
            (each for each in tree_of(module).body if isinstance(each, ast.ClassDef) and each.name == kind), None
        )
        if found is not None and kind not in exported_names():
            yield name, found


PAGE = Page("Python", f"The public names of {code('evolink_mock')}, {code('evolink_client')} and the kit.", _body)
