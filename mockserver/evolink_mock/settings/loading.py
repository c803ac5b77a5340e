"""Loading of settings: from flags, else the environment, else a TOML file, else the defaults."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeAlias, get_type_hints

from evolink_mock.core.choices import Choices
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.scenarios.toml_lines import TomlError, parse_toml
from evolink_mock.settings.conversion import convert_keys, convert_setting, lists_keys
from evolink_mock.settings.keys import KeyRules, check_each_key
from evolink_mock.settings.mistakes import Given, Mistakes
from evolink_mock.settings.record import LISTS, Settings
from evolink_mock.settings.routes import ROUTES, check_each_route
from evolink_mock.settings.types import check_names

ENV_PREFIX = "EVOLINK_MOCK_"
_OWN_VARIABLES = frozenset({f"{ENV_PREFIX}CONFIG"})
"""Read by the command itself, to find the file."""

_CHOICES = {choice.name for choice in fields(Choices)}
# Without the bounds in their annotations: the record itself checks those, by the names of its fields.
_TYPES: dict[str, Any] = {**get_type_hints(Settings), **get_type_hints(Choices)}
NAMES: tuple[str, ...] = tuple(name for name in _TYPES if name != "choices")
"""Every setting's name, as files and `--set` spell it; in the environment it is in capitals behind EVOLINK_MOCK_."""
FILE_NAMES = (*NAMES, "choices")
"""Names at the top of a settings file."""
_FIRST_WORD = re.compile("[a-z_]+")
_SERVICE_PORT = re.compile("(tcp|udp|sctp)://")
_SERVICE_VARIABLE = re.compile(
    rf"{ENV_PREFIX}([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP).*)?)"
)
"""Variables that Kubernetes sets in each container for a Service whose name begins with evolink-mock."""


_SCENARIO_FILE = (
    "[[rule]] belongs in a scenario file: give that with --scenarios, and check it with `evolink-mock check {}`"
)

_Layer: TypeAlias = dict[str, Given]


def load_settings(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
    assignments: Mapping[str, Sequence[str]] | None = None,
) -> Settings:
    """Load settings and resolve them. `assignments` are the values of `--set`, and win over `flags`.

    A value that is overruled is not converted, so that a flag also overrules a malformed variable. Raises `ValueError`
    with a line for each mistake that names the setting, the file, variable or option it came from, and what would be
    right; those of the file by line.
    """
    mistakes = Mistakes(file)
    layers = [
        {} if file is None else _read_file(file, mistakes),
        _variables(environ or {}),
        _options(flags or {}),
        _assignments(assignments or {}),
    ]
    for layer in layers:
        if (listed := layer.get("keys")) is not None and lists_keys(listed.value):
            layer.setdefault("only_keys", listed._replace(value=True))
    given: _Layer = {name: each for layer in layers for name, each in layer.items()}
    values: dict[str, Any] = {}
    for name, each in given.items():
        with mistakes.collect(each):
            if name == "keys":
                values[name] = _keys([layer[name] for layer in layers if name in layer])
            else:
                where = f"{each.source}: {name}"
                values[name] = convert_setting(name, _TYPES[name], each.value, where, strict=each.of_file)
    if "keys" not in values and "keys" in given:
        values.pop("only_keys", None)
    settings = _construct(values, given, mistakes)
    mistakes.raise_if_any()
    return settings


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


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that looks like a setting and is none; one for all those of Kubernetes."""
    known = tuple(f"{ENV_PREFIX}{name.upper()}" for name in NAMES)
    own = (*known, *_OWN_VARIABLES)
    services = [variable for variable in environ if _of_kubernetes(variable, environ[variable], own)]
    warnings = [
        f"{unknown_name('setting', variable, known)}; it is ignored"
        for variable in environ
        if variable.startswith(ENV_PREFIX) and variable not in (*own, *services)
    ]
    if services:
        warnings.append(
            f"{', '.join(services)}: set by Kubernetes for a Service whose name begins with evolink-mock, and ignored; "
            "enableServiceLinks: false in the Pod's spec turns these variables off"
        )
    return warnings


def _of_kubernetes(variable: str, value: str, own: tuple[str, ...]) -> bool:
    """Whether Kubernetes set a variable. The name of one of them is also that of the setting `port`."""
    if variable in own:
        return variable == f"{ENV_PREFIX}PORT" and _SERVICE_PORT.match(value) is not None
    return _SERVICE_VARIABLE.fullmatch(variable) is not None


def _variables(environ: Mapping[str, str]) -> _Layer:
    variables = {name: f"{ENV_PREFIX}{name.upper()}" for name in NAMES}
    return {
        name: Given(environ[variable], variable)
        for name, variable in variables.items()
        if variable in environ and not _of_kubernetes(variable, environ[variable], tuple(variables.values()))
    }


def _options(given: Mapping[str, Any]) -> _Layer:
    layer = {name: Given(value, f"--{name.replace('_', '-')}") for name, value in given.items()}
    for name, each in layer.items():
        _check_name(name, each.source)
    return layer


def _assignments(given: Mapping[str, Sequence[str]]) -> _Layer:
    """The settings of `--set`, whose names may have hyphens. Of repeated values a list has all, another the last."""
    layer: _Layer = {}
    for written, values in given.items():
        name, source = written.replace("-", "_"), f"--set {written}"
        _check_name(name, source)
        layer[name] = Given(tuple(values) if name in LISTS else values[-1], source)
    return layer


def _check_name(name: str, source: str) -> None:
    if (message := _unknown(name)) is not None:
        raise ValueError(f"{source}: {message}")


def _unknown(name: str) -> str | None:
    known = name in NAMES
    return None if known else f"{unknown_name('setting', name, NAMES)}; `evolink-mock settings` lists them all"


def _read_file(file: Path, mistakes: Mistakes) -> _Layer:
    """The settings of a TOML file; a `[choices]` table may hold the open questions, `[keys]` the keys."""
    try:
        _, table = parse_toml(file.read_bytes())
    except OSError as error:
        raise ValueError(f"cannot read the settings file {file}: {error.strerror}") from None
    except TomlError as error:
        raise ValueError(f"{file}: line {error.line}: {error}") from None
    found = [Given(value, str(file), (name,)) for name, value in table.items() if name != "choices"]
    nested = table.get("choices", {})
    if isinstance(nested, dict):
        found += [Given(value, str(file), ("choices", name)) for name, value in nested.items()]
    else:
        mistakes.add(Given(nested, str(file), ("choices",)), "choices must be a table")
    layer: _Layer = {}
    for each in found:
        name = str(each.path[-1])
        if each.path == ("rule",):
            mistakes.add(each, _SCENARIO_FILE.format(file))
        elif (message := _unknown(name)) is not None:
            mistakes.add(each, message)
        else:
            layer[name] = each
    return layer


def _keys(given: Sequence[Given]) -> KeyRules:
    """The keys of the last source. One that lists keys alone leaves them the settings that the others give them."""
    *overruled, last = given
    rules = convert_keys(last.value, f"{last.source}: keys", strict=last.of_file)
    if lists_keys(last.value):
        for each in overruled:
            if isinstance(each.value, Mapping):
                # The others of the table are overruled, and so not converted.
                table = {key: value for key, value in each.value.items() if key in rules}
                rules |= convert_keys(table, f"{each.source}: keys", strict=each.of_file)
    return KeyRules(rules, last.source)


def _construct(values: dict[str, Any], given: _Layer, mistakes: Mistakes) -> Settings:
    """The settings; without those that have a mistake, which is added to `mistakes`."""
    while True:
        try:
            choices = {name: values[name] for name in _CHOICES & set(values)}
            own = {name: value for name, value in values.items() if name not in choices}
            return Settings(**own, choices=replace(Choices(), **choices)).resolved()
        except ValueError as error:
            # A message of the record begins with the name of the setting.
            first = _FIRST_WORD.match(str(error))
            name = first[0] if first else ""
            if name not in values:
                mistakes.add(None, str(error))
                return Settings()
            with mistakes.collect(given[name]):
                if name == "keys":
                    check_each_key(values[name])
                elif name in ROUTES:
                    check_each_route(name, values[name], given[name].value)
                raise
            del values[name]
            if name == "keys":
                values.pop("only_keys", None)
