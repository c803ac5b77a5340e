"""Bounds of settings, read from their annotations: `Annotated[int, Meta(ge=0, le=65535)]`."""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec

from evolink_mock.form_errors import short_repr


class Bounded(NamedTuple):
    """A type with bounds, and what a value must be, as the end of "port must be"."""

    type: Any
    words: str


def bounds_of(record: type) -> dict[str, Bounded]:
    """The bounded fields of a class by their names."""
    hints = get_type_hints(record, include_extras=True)
    return {name: Bounded(hint, _words(meta)) for name, hint in hints.items() if (meta := _meta(hint)) is not None}


def check_bounds(record: object, bounds: Mapping[str, Bounded], title: Callable[[str], str] = str) -> None:
    """Raise `ValueError` for the first field out of its bounds; `title` gives the field's name in the message."""
    for _, message in out_of_bounds(record, bounds, title):
        raise ValueError(message)


def out_of_bounds(
    record: object, bounds: Mapping[str, Bounded], title: Callable[[str], str] = str
) -> Iterator[tuple[str, str]]:
    """Each field out of its bounds, with a message."""
    for name, bounded in bounds.items():
        given = getattr(record, name)
        value = os.fspath(given) if isinstance(given, os.PathLike) else given
        try:
            msgspec.convert(value, bounded.type)
        except msgspec.ValidationError:
            yield name, f"{title(name)} must be {bounded.words}; got {short_repr(value)}"


def _meta(hint: Any) -> msgspec.Meta | None:
    """The bounds of a type, or of one of its alternatives."""
    own = (part for part in getattr(hint, "__metadata__", ()) if isinstance(part, msgspec.Meta))
    inner = (meta for part in get_args(hint) if (meta := _meta(part)) is not None)
    return next(own, None) or next(inner, None)


def _words(meta: msgspec.Meta) -> str:
    return meta.description or f"from {_number(meta.ge)} to {_number(meta.le)}"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and value % 1000 == 0 else f"{value:g}" if value else "0"
