"""List of all settings: the value, meaning, type, bounds and default of each."""

from collections.abc import Mapping
from typing import Any, NamedTuple, get_type_hints

from evolink_contracts.spec.sources import CONFLICTS
from evolink_mock.core.choices import Choices
from evolink_mock.settings.conversion import type_words, unset_word
from evolink_mock.settings.loading import NAMES
from evolink_mock.settings.options import default_of, help_of, written_default
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
    shown: str
    """The value, as TOML spells it."""
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
    unset = unset_word(name, _TYPES[name])
    written, described = written_default(name) or "empty", help_of(name).default
    default = written if described in (None, written) else f"{written} ({described})"
    takes = f"{type_words(_TYPES[name], BOUNDS.get(name), unset)}; default: {default}"
    safe = "(set)" if name in _SECRET and value else value
    return ListedSetting(name, safe, help_of(name).text, takes, default_of(name), show_value(safe, unset))


def _choice(name: str, choices: Choices) -> ListedSetting:
    conflict = CONFLICTS[name]
    readings = tuple(each.value for each in conflict.readings)
    words = " | ".join(f"{show_value(each.value)} ({each.meaning})" for each in conflict.readings)
    others = f", or {type_words(_TYPES[name], BOUNDS.get(name))}" if conflict.open_ended else ""
    takes = f"{words}{others}; default: {show_value(conflict.default)}"
    value = getattr(choices, name)
    return ListedSetting(name, value, conflict.question, takes, conflict.default, show_value(value), readings)


def show_value(value: object, unset: str = "unset") -> str:
    """A value as TOML spells it; `unset` is the word for `None`."""
    if value is None:
        return f'"{unset}"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'"{name}" = {show_value(each)}' for name, each in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
