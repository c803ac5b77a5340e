"""Command-line options made from the settings record: name, type, default and help text."""

from dataclasses import MISSING, fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click

from evolink_mock.settings.help import Help, help_in
from evolink_mock.settings.record import LISTS, Settings

_TYPES = get_type_hints(Settings)
_DEFAULTS = {each.name: each.default for each in fields(Settings) if each.default is not MISSING}


class _OrUnset(click.types.IntParamType):
    """An integer, or the word for none."""

    def __init__(self, word: str) -> None:
        self._word = word

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if value == self._word else super().convert(value, param, ctx)


def help_of(name: str) -> Help:
    """The documentation of a setting."""
    return help_in(Settings, name)


def option(name: str) -> click.Option:
    """The option of a setting, without a default: where it is absent, the environment and the file decide."""
    documented, kind = help_of(name), value_type(name)
    flag = name.replace("_", "-")
    default = default_of(name)
    text = documented.text if default is None else f"{documented.text}  [default: {default}]"
    if kind is bool:
        return click.Option([f"--{flag}/--no-{flag}"], default=None, help=text)
    nullable = NoneType in get_args(_TYPES[name])
    wanted = _OrUnset(documented.unset) if nullable and kind is int else _parameter_type(kind)
    return click.Option([f"--{flag}"], type=wanted, multiple=name in LISTS, metavar=documented.metavar, help=text)


def value_type(name: str) -> Any:
    """The type of a setting, without the `None` of one that may be unset."""
    kind = _TYPES[name]
    alternatives = [part for part in get_args(kind) if part is not NoneType]
    return alternatives[0] if NoneType in get_args(kind) else kind


def _parameter_type(kind: Any) -> Any:
    if get_origin(kind) is Literal:
        return click.Choice(get_args(kind))
    return kind if kind in (int, float) else str


def written_default(name: str) -> str:
    """The text that gives a setting its default where it is the value of an option or variable; it can be empty."""
    match _DEFAULTS.get(name):
        case None:
            return help_of(name).unset if NoneType in get_args(_TYPES[name]) else ""
        case bool(value):
            return str(value).lower()
        case float(value):
            return f"{value:g}"
        case value:
            return str(value)


def default_of(name: str) -> str | None:
    """The default of a setting in words, as `--help` shows it; `None` for one that is empty."""
    if (described := help_of(name).default) is not None:
        return described
    match _DEFAULTS.get(name):
        case None | "":
            return None
        case bool(value):
            return "on" if value else "off"
        case _:
            return written_default(name)
