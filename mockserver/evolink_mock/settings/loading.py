"""Loading of settings: from flags, else the environment, else a TOML file, else the defaults."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from evolink_mock.core.choices import Choices
from evolink_mock.core.redaction import REDACTED, masked_key
from evolink_mock.core.suggestion import nearest_name, unknown_name
from evolink_mock.settings.keys import KeyRule
from evolink_mock.settings.record import Settings
from evolink_mock.settings.types import check_names

ENV_PREFIX = "EVOLINK_MOCK_"
_OWN_VARIABLES = frozenset({f"{ENV_PREFIX}CONFIG"})
"""Read by the command itself, to find the file."""

_CHOICES = {choice.name for choice in fields(Choices)}
# Without the bounds in their annotations: the record itself checks those, by the names of its fields.
_TYPES: dict[str, Any] = {**get_type_hints(Choices), **get_type_hints(Settings)}
_KEY_TYPES: dict[str, Any] = get_type_hints(KeyRule)
NAMES: tuple[str, ...] = tuple(name for name in _TYPES if name != "choices")
"""Every setting's name, as files and `--set` spell it; in the environment it is in capitals behind EVOLINK_MOCK_."""


def load_settings(
    flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, file: Path | None = None
) -> Settings:
    """Load settings and resolve them.

    Raises `ValueError` that names the setting, where it stood, and what would be right.
    """
    given: dict[str, Any] = {}
    if file is not None:
        for name, value in _read_file(file).items():
            given[name] = _convert(name, value, f"{file}: {name}", strict=True)
    for variable, text in (environ or {}).items():
        if variable.startswith(ENV_PREFIX) and variable not in _OWN_VARIABLES:
            name = variable.removeprefix(ENV_PREFIX).lower()
            _check_name(name, variable, [f"{ENV_PREFIX}{known.upper()}" for known in NAMES])
            given[name] = _convert(name, text, variable, strict=False)
    for name, value in (flags or {}).items():
        _check_name(name, name, NAMES)
        given[name] = _convert(name, value, name, strict=False)
    choices = {name: given.pop(name) for name in _CHOICES & set(given)}
    return Settings(**given, choices=replace(Choices(), **choices)).resolved()


def settings_of(given: Mapping[str, object], known: tuple[str, ...] = ()) -> Settings:
    """Settings from Python values by name, those of the open questions of the API included.

    `known` are further names that the caller takes, for the suggestion. Raises `UnknownSetting` or `ValueError`.
    """
    check_names(given, (*NAMES, "choices", *known))
    named = {name: value for name, value in given.items() if name in _CHOICES}
    own: dict[str, Any] = {name: value for name, value in given.items() if name not in _CHOICES}
    return Settings(**own) if not named else _with_choices(Settings(**own), named)


def _with_choices(settings: Settings, named: dict[str, Any]) -> Settings:
    return replace(settings, choices=replace(settings.choices, **named))


def _check_name(name: str, shown: str, candidates: Sequence[str]) -> None:
    if name not in NAMES:
        raise ValueError(unknown_name("setting", shown, tuple(candidates)))


def _read_file(file: Path) -> dict[str, Any]:
    """The settings of a TOML file; a `[choices]` table may hold the open questions, `[keys]` the keys."""
    import tomllib

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read the settings file {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not valid TOML: {error}") from None
    nested = table.pop("choices", {})
    if not isinstance(nested, dict):
        raise ValueError(f"{file}: choices must be a table")
    for name in (*table, *nested):
        _check_name(name, name, NAMES)
    return {**table, **nested}


def _convert(name: str, value: Any, where: str, *, strict: bool) -> Any:
    """A value of the setting's type. A `strict` value, as of a file, is not converted from text."""
    if (special := _SPECIAL.get(name)) is not None:
        return special(value, where, strict)
    return _value(value, _TYPES[name], where, strict=strict, secret=name == "control_token")


def _value(value: Any, wanted: Any, where: str, *, strict: bool, secret: bool = False) -> Any:
    try:
        return msgspec.convert(value, wanted, strict=strict)
    except msgspec.ValidationError as error:
        shown = REDACTED if secret else repr(str(value)[:60])
        if get_origin(wanted) is Literal:
            values = tuple(map(str, get_args(wanted)))
            near = nearest_name(str(value), values)
            hint = f"; did you mean {near!r}?" if near else ""
            raise ValueError(f"{where} must be one of {', '.join(values)}; got {shown}{hint}") from None
        raise ValueError(f"{where}: {str(error).lower()}; got {shown}") from None


def _keys(value: Any, where: str, strict: bool) -> dict[str, KeyRule]:
    """Keys with settings of their own as a table, or keys alone as a list."""
    if isinstance(value, Mapping):
        return {key: _key_rule(rule, key, where, strict) for key, rule in value.items()}
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(key, str) for key in listed):
        raise ValueError(f"{where} must list API keys, such as sk-a,sk-b")
    return {key.strip(): KeyRule() for key in listed if key.strip()}


def _key_rule(rule: Any, key: str, where: str, strict: bool) -> KeyRule:
    if not isinstance(rule, Mapping):
        return _value(rule, KeyRule, where, strict=strict, secret=True)  # type: ignore[no-any-return]
    for name in rule:
        if name not in _KEY_TYPES:
            raise ValueError(f"{where}: {unknown_name('setting of a key', str(name), tuple(_KEY_TYPES))}")
    place = f"{where}: of {masked_key(key)}: {{}}".format
    return KeyRule(
        **{
            name: _value(value, _KEY_TYPES[name], place(name), strict=strict, secret=True)
            for name, value in rule.items()
        }
    )


def _routes(such_as: str, value: Any, where: str, strict: bool) -> dict[str, str]:
    """Routes as a table, or `ORIGIN=DESTINATION`, one or more."""
    if isinstance(value, Mapping):
        return _value(value, dict[str, str], where, strict=strict)  # type: ignore[no-any-return]
    listed = value.split(",") if isinstance(value, str) else value
    routes: dict[str, str] = {}
    for text in listed if isinstance(listed, list | tuple) else [listed]:
        origin, equals, place = str(text).strip().partition("=")
        if not equals:
            raise ValueError(f"{where} takes ORIGIN=PLACE, such as {such_as}; got {str(text)[:80]!r}")
        routes[origin.strip()] = place.strip()
    return routes


_SPECIAL: Mapping[str, Callable[[Any, str, bool], Any]] = {
    "keys": _keys,
    "callback_route": partial(_routes, "https://app.example.com=http://127.0.0.1:3000"),
    "media_route": partial(_routes, "https://cdn.example.com=./pictures"),
}
"""Settings that have a short form as text, beside the table."""
