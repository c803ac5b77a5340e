"""Loading of settings: from flags, else the environment, else a TOML file, else the defaults."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from evolink_mock.core.choices import Choices
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.scenarios.toml_lines import TomlError, parse_toml
from evolink_mock.settings.conversion import convert_keys, convert_setting, lists_keys
from evolink_mock.settings.keys import KeyRules
from evolink_mock.settings.record import LISTS, Settings
from evolink_mock.settings.types import check_names

ENV_PREFIX = "EVOLINK_MOCK_"
_OWN_VARIABLES = frozenset({f"{ENV_PREFIX}CONFIG"})
"""Read by the command itself, to find the file."""

_CHOICES = {choice.name for choice in fields(Choices)}
# Without the bounds in their annotations: the record itself checks those, by the names of its fields.
_TYPES: dict[str, Any] = {**get_type_hints(Choices), **get_type_hints(Settings)}
NAMES: tuple[str, ...] = tuple(name for name in _TYPES if name != "choices")
"""Every setting's name, as files and `--set` spell it; in the environment it is in capitals behind EVOLINK_MOCK_."""
_FIRST_WORD = re.compile("[a-z_]+")
_SERVICE_PORT = re.compile("(tcp|udp|sctp)://")
_SERVICE_VARIABLE = re.compile(
    rf"{ENV_PREFIX}([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP).*)?)"
)
"""Variables that Kubernetes sets in each container for a Service whose name begins with evolink-mock."""


class _Given(NamedTuple):
    """A value as it was given, and the place that gave it: `--port`, `EVOLINK_MOCK_PORT`, `evolink.toml`."""

    value: Any
    source: str
    of_file: bool = False

    def complaint(self, message: str) -> str:
        return f"{self.source}: {message}"


_Layer = dict[str, _Given]


def load_settings(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
    assignments: Mapping[str, Sequence[str]] | None = None,
) -> Settings:
    """Load settings and resolve them. `assignments` are the values of `--set`, and win over `flags`.

    A value that is overruled is not converted, so that a flag also overrules a malformed variable. Raises `ValueError`
    that names the setting, the file, variable or option it came from, and what would be right.
    """
    layers = [
        {} if file is None else _read_file(file),
        _variables(environ or {}),
        _options(flags or {}),
        _assignments(assignments or {}),
    ]
    for layer in layers:
        if (listed := layer.get("keys")) is not None and lists_keys(listed.value):
            layer.setdefault("only_keys", listed._replace(value=True))
    given: _Layer = {name: each for layer in layers for name, each in layer.items()}
    values = {
        name: convert_setting(name, _TYPES[name], each.value, f"{each.source}: {name}", strict=each.of_file)
        for name, each in given.items()
        if name != "keys"
    }
    if "keys" in given:
        values["keys"] = _keys([layer["keys"] for layer in layers if "keys" in layer])
    return _construct(values, given)


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
        name: _Given(environ[variable], variable)
        for name, variable in variables.items()
        if variable in environ and not _of_kubernetes(variable, environ[variable], tuple(variables.values()))
    }


def _options(given: Mapping[str, Any]) -> _Layer:
    layer = {name: _Given(value, f"--{name.replace('_', '-')}") for name, value in given.items()}
    for name, each in layer.items():
        _check_name(name, each.source)
    return layer


def _assignments(given: Mapping[str, Sequence[str]]) -> _Layer:
    """The settings of `--set`, whose names may have hyphens. Of repeated values a list has all, another the last."""
    layer: _Layer = {}
    for written, values in given.items():
        name, source = written.replace("-", "_"), f"--set {written}"
        _check_name(name, source)
        layer[name] = _Given(tuple(values) if name in LISTS else values[-1], source)
    return layer


def _check_name(name: str, source: str) -> None:
    if name not in NAMES:
        raise ValueError(f"{source}: {unknown_name('setting', name, NAMES)}; `evolink-mock settings` lists them all")


def _read_file(file: Path) -> _Layer:
    """The settings of a TOML file; a `[choices]` table may hold the open questions, `[keys]` the keys."""
    try:
        _, table = parse_toml(file.read_bytes())
    except OSError as error:
        raise ValueError(f"cannot read the settings file {file}: {error.strerror}") from None
    except TomlError as error:
        raise ValueError(f"{file}: line {error.line}: {error}") from None
    nested = table.pop("choices", {})
    if not isinstance(nested, dict):
        raise ValueError(f"{file}: choices must be a table")
    for name in (*table, *nested):
        _check_name(name, str(file))
    return {name: _Given(value, str(file), of_file=True) for name, value in {**table, **nested}.items()}


def _keys(given: Sequence[_Given]) -> KeyRules:
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


def _construct(values: dict[str, Any], given: _Layer) -> Settings:
    choices = {name: values.pop(name) for name in _CHOICES & set(values)}
    try:
        return Settings(**values, choices=replace(Choices(), **choices)).resolved()
    except ValueError as error:
        # A message of the record begins with the name of the setting.
        first = _FIRST_WORD.match(str(error))
        source = given.get(first[0]) if first else None
        raise ValueError(source.complaint(str(error)) if source else str(error)) from None
