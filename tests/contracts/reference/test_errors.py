"""The tree of errors is the one that its module draws, and no other exception is defined in the package."""

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module

import evolink_contracts
from evolink_contracts.reference import errors

ROOTS = {"ContractsError": "Exception", "SearchInterrupted": "BaseException"}


def drawn() -> dict[str, str]:
    """Each class of the drawing with its base class there; of a root, the class of Python that it hangs on."""
    stack: list[str] = []
    found = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"((?:[│ ] {3})*(?:[├└]── )?)([A-Z]\w+) ", line)
        if match and (match[2] in ROOTS or "──" in match[1]):
            depth = len(match[1]) // 4
            stack[depth:] = [match[2]]
            found[match[2]] = stack[depth - 1] if depth else ROOTS[match[2]]
    return found


def defined() -> Iterator[type[BaseException]]:
    """Every exception class of every module."""
    for info in pkgutil.walk_packages(evolink_contracts.__path__, "evolink_contracts."):
        if not info.name.endswith("__main__"):
            for kind in vars(import_module(info.name)).values():
                if isinstance(kind, type) and issubclass(kind, BaseException) and kind.__module__ == info.name:
                    yield kind


def test_the_drawing_is_the_tree() -> None:
    classes = list(defined())
    assert {kind.__name__: kind.__bases__[0].__name__ for kind in classes} == drawn()
    assert {kind.__module__ for kind in classes} == {errors.__name__}
    assert all(kind.__doc__ for kind in classes)
