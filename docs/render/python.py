"""The public Python names with their signatures and docstrings, read from the source."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module

from docs.render import REFERENCE, Page
from docs.render.definitions import MODULES, Definition, Function, definition_of, exported_names, names_of, tree_of
from docs.render.markdown import block, code, join, table
from docs.render.signatures import further_names
from docs.render.stubs import attributes_of, class_stub, class_stubs, docstring_of, signature_of


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
    others = further_names(dict(_stubs(members)))
    return join(
        f"## {name}",
        shown,
        *(_member(each, value) for each, value in members.items()),
        "Other names in these signatures:" if others else "",
        table(("Name", "Meaning"), [(code(each), meaning) for each, meaning in others.items()]) if others else "",
    )


def _stubs(members: Mapping[str, Definition]) -> Iterator[tuple[str, Definition]]:
    """The stubs of a module's page, each with the definition in whose module its names are found."""
    for definition in members.values():
        node = definition.node
        if not isinstance(node, ast.ClassDef):
            yield _line(node), definition
            continue
        for base, stub in class_stubs(definition.module, node):
            yield stub, Definition(base, node)
        for _, part in _parts(definition.module, node):
            yield class_stub(definition.module, part, called=False), definition


def _line(node: Function | ast.AnnAssign | ast.Assign) -> str:
    return ast.unparse(node) if isinstance(node, ast.AnnAssign | ast.Assign) else f"{signature_of(node)}: ..."


def _member(name: str, definition: Definition) -> str:
    node = definition.node
    if isinstance(node, ast.AnnAssign | ast.Assign):
        return join(f"### {name}", block(_line(node), "python"))
    if not isinstance(node, ast.ClassDef):
        return join(f"### {name}", docstring_of(node), block(_line(node), "python"))
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
