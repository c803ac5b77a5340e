"""Help texts of settings, read from their annotations: `Annotated[str, Help("Address to listen on.")]`."""

from functools import cache
from typing import Any, NamedTuple, get_type_hints


class Help(NamedTuple):
    """Documentation of a setting, for `--help` and the reference pages.

    `metavar` stands for a value; `default` describes a default that the field itself does not show; `unset` is the word
    that stands for `None` in texts and files, of a setting that can be `None`.
    """

    text: str
    metavar: str | None = None
    default: str | None = None
    unset: str = "unset"


def help_in(record: type, name: str) -> Help:
    """The documentation of a field of a class. Raises `LookupError` if it has none."""
    for part in getattr(_annotations(record)[name], "__metadata__", ()):
        if isinstance(part, Help):
            return part
    raise LookupError(f"{record.__name__}.{name} needs a Help in its annotation")


@cache
def _annotations(record: type) -> dict[str, Any]:
    return get_type_hints(record, include_extras=True)
