"""Messages about unknown names, with the nearest known ones: "did you mean ...?"."""

from collections.abc import Mapping

_LISTED = 30
"""Known names up to which a message lists them all."""
_COMPARED = 200
"""Characters of a name that are compared: a longer one is like no known name."""


def unknown_name(noun: str, name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """The message for a `name` that is not among `known`, with the nearest one that is.

    If none is near, all known names are listed, or of many the three nearest.
    """
    near = nearest_names(name, tuple(known))
    if near:
        hint = f"did you mean {near[0]!r}?"
    elif len(known) > _LISTED:
        hint = f"the nearest are {', '.join(map(repr, nearest_names(name, tuple(known), 3, 0.0)))}"
    else:
        hint = f"known: {', '.join(known)}"
    return f"{name[:60]!r} is not a known {noun}; {hint}"


def nearest_name(name: str, known: tuple[str, ...]) -> str | None:
    """The known name that is most like `name`, if one is like it."""
    return next(iter(nearest_names(name, known)), None)


def nearest_names(name: str, known: tuple[str, ...], count: int = 1, least: float = 0.5) -> list[str]:
    """The known names that are like `name`, from 0 (not at all) to 1 at least `least`; the nearest first."""
    # difflib takes 3 ms to import, and a correct name does not need it.
    from difflib import get_close_matches

    return get_close_matches(name[:_COMPARED], known, n=count, cutoff=least)
