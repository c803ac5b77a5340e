"""The drawing of the emulator's exceptions is complete."""

import re
from importlib import import_module
from pkgutil import walk_packages

import evolink_mock

DRAWN = re.compile(r"((?:[│ ] {3})*)[├└]── (\w+)(?: +([\w.]+): (\w.*))?$")


def drawn() -> dict[str, tuple[str, str]]:
    """Each class of the drawing with its base and its module."""
    found: dict[str, tuple[str, str]] = {}
    bases = ["Exception"]
    for line in (evolink_mock.__doc__ or "").splitlines():
        if (match := DRAWN.match(line)) is None:
            continue
        depth = len(match[1]) // 4 + 1
        if match[3]:
            found[match[2]] = (bases[depth - 1], f"evolink_mock.{match[3]}")
        bases[depth:] = [match[2]]
    return found


def defined() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for module in walk_packages(evolink_mock.__path__, "evolink_mock."):
        if module.name == "evolink_mock.__main__":
            continue
        for kind in vars(import_module(module.name)).values():
            if isinstance(kind, type) and issubclass(kind, BaseException) and kind.__module__ == module.name:
                assert kind.__doc__
                found[kind.__name__] = (kind.__bases__[0].__name__, module.name)
    return found


def test_every_exception_of_the_emulator_is_drawn_with_its_base_and_its_module() -> None:
    assert drawn() == defined()
