"""Conversion of settings: values of a TOML file, or texts of options and variables, to the types of the record."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from evolink_mock.core.redaction import REDACTED, masked_key
from evolink_mock.core.suggestion import nearest_name, unknown_name
from evolink_mock.form_errors import short_repr
from evolink_mock.scenarios.toml_lines import TomlPath
from evolink_mock.settings.bounds import Bounded, bounds_of
from evolink_mock.settings.help import help_in
from evolink_mock.settings.keys import KeyRule, key_mistakes
from evolink_mock.settings.mistakes import KeyMistakes
from evolink_mock.settings.record import BOUNDS, Settings
from evolink_mock.settings.routes import check_texts

_KEY_TYPES: dict[str, Any] = get_type_hints(KeyRule)
_KEY_BOUNDS = bounds_of(KeyRule)
_COMMA = re.compile(",")
_SWITCHES: Mapping[str, bool] = {"on": True, "yes": True, "off": False, "no": False}
"""Words for true and false, beside those of JSON."""
_NOUNS: Mapping[Any, str] = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "text",
    list[str]: "a list of texts",
    Mapping[str, str]: "a table",
    Mapping[str, KeyRule]: "a list of keys, or a table for each",
}


def convert_setting(name: str, wanted: Any, value: Any, where: str, *, strict: bool) -> Any:
    """A value of the setting's type. A `strict` value, as of a file, is not converted from text."""
    if (special := _SPECIAL.get(name)) is not None:
        return special(value, where, strict)
    unset = unset_word(name, wanted)
    if isinstance(value, str):
        word = value.strip().lower()
        if unset and word in (unset, "unset"):
            return None
        if wanted is bool and not strict:
            value = _SWITCHES.get(word, value)
    return _convert(value, wanted, where, BOUNDS.get(name), strict=strict, secret=name == "control_token", unset=unset)


def unset_word(name: str, wanted: Any) -> str:
    """The word that stands for `None` in a text or file; empty for a setting that cannot be `None`."""
    return help_in(Settings, name).unset if NoneType in get_args(wanted) else ""


def type_words(wanted: Any, bounded: Bounded | None = None, unset: str = "") -> str:
    """The values that a setting takes, as the end of "port must be"."""
    if unset:
        return f"{type_words(wanted, bounded)}, or {unset}"
    kinds = [kind for kind in get_args(wanted) if kind is not NoneType]
    if get_origin(wanted) is Literal:
        return f"one of {', '.join(map(str, kinds))}"
    noun = _NOUNS.get(kinds[0] if NoneType in get_args(wanted) else wanted, "of another type")
    if bounded is None:
        return noun
    return f"{noun} {bounded.words}" if bounded.words.startswith(("from ", "of ")) else bounded.words


def _convert(
    value: Any,
    wanted: Any,
    where: str,
    bounded: Bounded | None = None,
    *,
    strict: bool,
    secret: bool = False,
    unset: str = "",
) -> Any:
    try:
        return msgspec.convert(value, wanted, strict=strict)
    except msgspec.ValidationError:
        shown = REDACTED if secret else _shown(value)
        if get_origin(wanted) is Literal and (near := _nearest(value, tuple(map(str, get_args(wanted))))):
            shown += f"; did you mean {near!r}?"
        raise ValueError(f"{where} must be {type_words(wanted, bounded, unset)}; got {shown}") from None


def _shown(value: Any) -> str:
    try:
        return repr(str(value)[:60])
    except ValueError:  # It has an integer of thousands of digits.
        return short_repr(value)


def _nearest(value: Any, names: tuple[str, ...]) -> str | None:
    return nearest_name(value, names) if isinstance(value, str) else None


def lists_keys(value: Any) -> bool:
    """Whether keys are given as a list, which names those to accept, and not as a table of their settings."""
    return not isinstance(value, Mapping) and bool(_items(value) if isinstance(value, str | list | tuple) else value)


def convert_keys(value: Any, where: str, *, strict: bool) -> dict[str, KeyRule]:
    """Keys with settings of their own as a table, or keys alone as a list."""
    if isinstance(value, Mapping):
        return _key_table(value, where, strict)
    listed = _items(value)
    if listed is None:
        raise ValueError(f"{where} must list API keys, such as sk-a,sk-b")
    for key in listed:
        name, equals, _ = key.partition("=")
        if equals:
            raise ValueError(
                f"{where} must list API keys alone, such as sk-a,sk-b; got {masked_key(name)} with a '=' behind it. "
                "A settings file gives a key settings, or names a key that has a '=' in it: [keys.\"KEY\"]"
            )
    return {key: KeyRule() for key in listed}


def _key_table(table: Mapping[str, Any], where: str, strict: bool) -> dict[str, KeyRule]:
    """The rules of a table. Raises `KeyMistakes` with all that is wrong in it."""
    rules: dict[str, KeyRule] = {}
    found: list[tuple[TomlPath, str]] = []
    for key, rule in table.items():
        if isinstance(rule, KeyRule):
            rules[key] = rule
        elif not isinstance(rule, Mapping):
            found.append(((key,), f'{where}: {masked_key(key)} must be a table of its settings: [keys."KEY"]'))
        else:
            values: dict[str, Any] = {}
            for name, value in rule.items():
                try:
                    values[name] = _of_key(name, value, key, where, strict)
                except ValueError as error:
                    found.append(((key, name), str(error)))
            rules[key] = KeyRule(**values)
    if found:
        raise KeyMistakes(found + key_mistakes(rules))
    return rules


def _of_key(name: str, value: Any, key: str, where: str, strict: bool) -> Any:
    """A value of the type of a key's setting."""
    if name not in _KEY_TYPES:
        known = tuple(_KEY_TYPES)
        raise ValueError(f"{where}: of {masked_key(key)}: {unknown_name('setting of a key', str(name), known)}")
    place = f"{where}: {name} of {masked_key(key)}"
    return _convert(value, _KEY_TYPES[name], place, _KEY_BOUNDS.get(name), strict=strict)


def _items(value: Any, comma: "re.Pattern[str]" = _COMMA) -> list[str] | None:
    """The items of a list: of a text with commas, or of several texts. `None` for any other value."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        return None
    return [item.strip() for text in texts for item in comma.split(text) if item.strip()]


def _routes(form: str, such_as: str, comma: "re.Pattern[str]", value: Any, where: str, strict: bool) -> dict[str, str]:
    """Routes as a table, or `ORIGIN=DESTINATION`, one or more."""
    if isinstance(value, Mapping):
        check_texts(value, where)
        return _convert(value, Mapping[str, str], where, strict=strict)  # type: ignore[no-any-return]
    routes: dict[str, str] = {}
    if (items := _items(value, comma)) is None:
        raise ValueError(f"{where} takes {form}, such as {such_as}; got {_shown(value)}")
    found: list[tuple[TomlPath, str]] = []
    for text in items:
        origin, equals, place = text.partition("=")
        routes[origin.strip()] = place.strip()
        if not equals:
            path = (value.index(text),) if isinstance(value, list) and text in value else ()
            found.append((path, f"{where} takes {form}, such as {such_as}; got {text[:80]!r}"))
    if found:
        raise KeyMistakes(found)
    return routes


_SPECIAL: Mapping[str, Callable[[Any, str, bool], Any]] = {
    "callback_route": partial(_routes, "ORIGIN=DESTINATION", "https://app.example.com=http://127.0.0.1:3000", _COMMA),
    "media_route": partial(
        # The name of a directory can have a comma.
        _routes,
        "ORIGIN=SOURCE",
        "https://cdn.example.com=./images",
        re.compile(r",(?=\s*https?://)", re.IGNORECASE),
    ),
}
"""Settings that have a short form as text, beside the table."""
