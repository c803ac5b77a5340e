"""Type checks of settings that Python code gives: the names that exist, and for each a value of its type."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import msgspec

from evolink_mock.core.redaction import REDACTED
from evolink_mock.core.suggestion import nearest_name, unknown_name
from evolink_mock.form_errors import short_repr
from evolink_mock.settings.bounds import Bounded

ROUTE_EXAMPLE = '{"https://app.example.com": "http://127.0.0.1:3000"}'
_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    list[str]: "a list of text",
    Mapping[str, str]: f"a mapping of text to text, such as {ROUTE_EXAMPLE}",
}


class UnknownSetting(ValueError, TypeError):
    """A setting that does not exist. Also a `TypeError`, as for any unknown argument of a call."""


def check_names(given: Iterable[str], known: tuple[str, ...], noun: str = "setting") -> None:
    """Raise `UnknownSetting` for the first name that is not known, with the nearest one that is."""
    for name in given:
        if name not in known:
            raise UnknownSetting(unknown_name(noun, name, known))


class TypeChecks:
    """The types of a record's fields, by their names; `secrets` are fields whose value no message shows."""

    def __init__(
        self, types: Mapping[str, Any], bounds: Mapping[str, Bounded], *, paths: Iterable[str] = (), secret: str = ""
    ) -> None:
        self._types = types
        self._bounds = bounds
        self._paths = frozenset(paths)
        self._secret = secret

    def check(self, record: object, title: Callable[[str], str] = str) -> None:
        """Raise `ValueError` for the first field whose value has another type; `title` names the field in it."""
        for _, message in self.mistakes(record, title):
            raise ValueError(message)

    def mistakes(self, record: object, title: Callable[[str], str] = str) -> Iterator[tuple[str, str]]:
        """Each field whose value has another type, with a message."""
        for name, wanted in self._types.items():
            value = getattr(record, name)
            if not (_has_type(value, wanted) or (name in self._paths and isinstance(value, os.PathLike))):
                yield name, f"{title(name)} must be {self._words(name)}; got {self._shown(name, value)}"

    def _words(self, name: str) -> str:
        wanted = self._types[name]
        words = words_of(wanted)
        bounds = self._bounds.get(name)
        return words if bounds is None or _closed(wanted) else f"{words}, {bounds.words}"

    def _shown(self, name: str, value: object) -> str:
        if name == self._secret:
            return REDACTED
        near = nearest_name(value, tuple(map(str, get_args(self._types[name])))) if isinstance(value, str) else None
        return f"{short_repr(value)}{f'; did you mean {near!r}?' if _closed(self._types[name]) and near else ''}"


def words_of(wanted: Any) -> str:
    """A type as the end of "clock must be"."""
    if _closed(wanted):
        return f"one of {', '.join(map(str, get_args(wanted)))}"
    if NoneType in get_args(wanted):
        return f"{words_of(_without_none(wanted))} or None"
    return _WORDS[wanted]


def _has_type(value: object, wanted: Any) -> bool:
    try:
        msgspec.convert(value, wanted)
    except (msgspec.ValidationError, RecursionError):
        return False
    return True


def _closed(wanted: Any) -> bool:
    return get_origin(wanted) is Literal


def _without_none(wanted: Any) -> Any:
    return next(part for part in get_args(wanted) if part is not NoneType)
