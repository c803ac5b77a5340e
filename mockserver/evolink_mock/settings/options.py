"""Command-line options made from the settings record: name, type, default and help text."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click

from evolink_mock.settings.help import Help, help_in
from evolink_mock.settings.record import Settings

_TYPES = get_type_hints(Settings)
_DEFAULTS = {each.name: each.default for each in fields(Settings) if each.default is not MISSING}


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
    repeatable = kind == Mapping[str, str]
    return click.Option(
        [f"--{flag}"], type=_parameter_type(kind), multiple=repeatable, metavar=documented.metavar, help=text
    )


def value_type(name: str) -> Any:
    """The type of a setting, without the `None` of one that may be unset."""
    kind = _TYPES[name]
    alternatives = [part for part in get_args(kind) if part is not NoneType]
    return alternatives[0] if NoneType in get_args(kind) else kind


def _parameter_type(kind: Any) -> Any:
    if get_origin(kind) is Literal:
        return click.Choice(get_args(kind))
    return kind if kind in (int, float) else str


def default_of(name: str) -> str | None:
    """The default of a setting as text; `None` for one that is unset."""
    if (described := help_of(name).default) is not None:
        return described
    match _DEFAULTS.get(name):
        case None | "":
            return None
        case bool(value):
            return "on" if value else "off"
        case float(value):
            return f"{value:g}"
        case value:
            return str(value)
