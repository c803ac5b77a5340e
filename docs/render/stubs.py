"""Stubs of classes and functions: signatures, fields and docstrings, without bodies."""

import ast
import builtins
import inspect
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from importlib import import_module

from docs.render.definitions import Function, definition_of, exported_names, tree_of


def attributes_of(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """The public attributes that `__init__` sets, with their types where these are seen there."""
    for function in node.body:
        if not (isinstance(function, ast.FunctionDef) and function.name == "__init__"):
            continue
        given = {each.arg: each.annotation for each in (*function.args.args, *function.args.kwonlyargs)}
        for statement in ast.walk(function):
            match statement:
                case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value):
                    kind = _kind(value, given)
                case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=name), annotation=annotation):
                    kind = ast.unparse(annotation)
                case _:
                    continue
            if kind and not name.startswith("_"):
                yield name, kind


def _kind(value: ast.expr, given: Mapping[str, ast.expr | None]) -> str:
    """The type of a value: of an argument its annotation, of a call the class that is called."""
    match value:
        case ast.Name(id=name) if (annotation := given.get(name)) is not None:
            return ast.unparse(annotation)
        case ast.Call(func=ast.Name() | ast.Attribute() as called) if (
            ast.unparse(called).rpartition(".")[2][0].isupper()
        ):
            return ast.unparse(called)
        case _:
            return ""


def docstring_of(node: ast.ClassDef | Function) -> str:
    """The docstring as Markdown."""
    return (ast.get_docstring(node) or "").replace("<", "\\<")


def class_stub(module: str, node: ast.ClassDef, *, called: bool = True) -> str:
    """A class as a stub; `called` is whether users call it. What bases without an entry define is shown as its own."""
    named: list[str] = []
    members: list[str] = []
    for base in map(ast.unparse, node.bases):
        if (origin := _hidden(module, base)) is None:
            named.append(base)
        else:
            named += map(ast.unparse, origin.bases)
            home = definition_of(module, base).module
            members += _members(origin, called=called, module=home, replaced=_method_names(node))
    lines = [f"class {node.name}({', '.join(named)}):" if named else f"class {node.name}:"]
    lines += [*members, *_members(node, called=called, module=module)]
    return "\n".join(lines if len(lines) > 1 else [f"{lines[0]} ..."])


def class_stubs(module: str, node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """The class and each base without an entry as stubs, with the modules in which their names are found."""
    yield module, "\n".join([f"class {node.name}:", "    ...", *_members(node, called=True, module=module)])
    for base in map(ast.unparse, node.bases):
        yield module, f"{base}"
        if (origin := _hidden(module, base)) is not None:
            home = definition_of(module, base).module
            yield from class_stubs(home, origin)


def _hidden(module: str, base: str) -> ast.ClassDef | None:
    """The definition of a base class of the devkit that has no entry."""
    imported = {
        alias.name: node.module
        for node in tree_of(module).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    ours = base not in exported_names() and (imported.get(base) or module).startswith("evolink_")
    if not ours or base in vars(builtins):
        return None
    origin = definition_of(module, base).node if base.isidentifier() else None
    return origin if isinstance(origin, ast.ClassDef) else None


def _method_names(node: ast.ClassDef) -> frozenset[str]:
    return frozenset(each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def _members(node: ast.ClassDef, *, called: bool, module: str, replaced: Collection[str] = ()) -> Iterator[str]:
    yield from (f"    {name}: {kind}" for name, kind in attributes_of(node))
    for index, statement in enumerate(node.body):
        below = node.body[index + 1] if index + 1 < len(node.body) else None
        if isinstance(statement, ast.AnnAssign | ast.Assign):
            yield from _field(statement, below, module, node.name)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name not in replaced:
            yield from _method(statement) if _is_public(statement.name, called) else ()


def _is_public(name: str, called: bool) -> bool:
    return not name.startswith("_") or name == "__call__" or (called and name == "__init__")


class _Unannotated(ast.NodeTransformer):
    """Leaves out what `Annotated` adds, such as a setting's bounds and help text, which its own page shows."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:  # The name is ast's.
        """The annotated type itself."""
        self.generic_visit(node)
        annotated = ast.unparse(node.value) == "Annotated" and isinstance(node.slice, ast.Tuple)
        return node.slice.elts[0] if annotated and isinstance(node.slice, ast.Tuple) else node


def _field(statement: ast.AnnAssign | ast.Assign, below: ast.stmt | None, module: str, owner: str) -> Iterator[str]:
    target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
    if not isinstance(target, ast.Name) or target.id.startswith("_"):
        return
    kind = _Unannotated().visit(deepcopy(statement.annotation)) if isinstance(statement, ast.AnnAssign) else None
    default = "" if statement.value is None else f" = {_default(statement.value, module, owner, target.id)}"
    yield f"    {target.id}{'' if kind is None else f': {ast.unparse(kind)}'}{default}"
    if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
        yield from _quoted(inspect.cleandoc(below.value.value), "    ")


def _default(value: ast.expr, module: str, owner: str, name: str) -> str:
    """A default as it is written; the value itself where a private function makes it."""
    if isinstance(value, ast.Call) and ast.unparse(value.func).startswith("_"):
        return repr(getattr(getattr(import_module(module), owner), name))
    return ast.unparse(value)


def _method(statement: Function) -> Iterator[str]:
    yield ""
    decorators = (ast.unparse(each) for each in statement.decorator_list)
    yield from (f"    @{each}" for each in decorators if each in ("property", "classmethod", "staticmethod"))
    documented = ast.get_docstring(statement)
    yield f"    {signature_of(statement)}:{'' if documented else ' ...'}"
    if documented:
        yield from _quoted(documented, "        ")


def _quoted(text: str, indent: str) -> list[str]:
    first, *others = text.splitlines()
    if not others:
        return [f'{indent}"""{first}"""']
    return [f'{indent}"""{first}', *(f"{indent}{line}".rstrip() for line in others), f'{indent}"""']


def signature_of(node: Function) -> str:
    """A function's signature, on one line."""
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"{word} {node.name}({ast.unparse(node.args)}){returns}"
