"""List of all settings: the value, meaning, type, bounds and default of each."""

from collections.abc import Mapping
from typing import Any, NamedTuple, get_type_hints

from evolink_contracts.spec.sources import CONFLICTS
from evolink_mock.core.choices import Choices
from evolink_mock.settings.conversion import type_words
from evolink_mock.settings.loading import NAMES
from evolink_mock.settings.options import default_of, help_of
from evolink_mock.settings.record import BOUNDS, Settings

_TYPES: dict[str, Any] = {**get_type_hints(Choices), **get_type_hints(Settings)}
_SECRET = ("control_token", "keys")


class ListedSetting(NamedTuple):
    """One setting. `takes` says which values it takes, and which one is the default."""

    name: str
    value: object
    meaning: str
    takes: str
    default: object
    readings: tuple[object, ...] = ()
    """The values between which the sources leave the choice, for an open question of the API."""

    def as_json(self) -> dict[str, object]:
        row = {"name": self.name, "value": self.value, "meaning": self.meaning, "takes": self.takes}
        return row | ({"question": self.meaning, "readings": list(self.readings)} if self.readings else {})


def list_settings(loaded: Settings) -> list[ListedSetting]:
    """Every setting, with its value in `loaded`; a secret is only said to be set."""
    return [_choice(name, loaded.choices) if name in CONFLICTS else _setting(name, loaded) for name in NAMES]


def _setting(name: str, loaded: Settings) -> ListedSetting:
    value = getattr(loaded, name)
    default = default_of(name)
    takes = f"{type_words(_TYPES[name], BOUNDS.get(name))}; default: {'unset' if default is None else default}"
    return ListedSetting(name, "(set)" if name in _SECRET and value else value, help_of(name).text, takes, default)


def _choice(name: str, choices: Choices) -> ListedSetting:
    conflict = CONFLICTS[name]
    readings = tuple(each.value for each in conflict.readings)
    words = " | ".join(f"{show_value(each.value)} ({each.meaning})" for each in conflict.readings)
    others = f", or {type_words(_TYPES[name], BOUNDS.get(name))}" if conflict.open_ended else ""
    takes = f"{words}{others}; default: {show_value(conflict.default)}"
    return ListedSetting(name, getattr(choices, name), conflict.question, takes, conflict.default, readings)


def show_value(value: object) -> str:
    """A value as TOML spells it."""
    if value is None:
        return "(unset)"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'"{name}" = {show_value(each)}' for name, each in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
