"""Messages about unknown names, with the nearest known one: "did you mean ...?"."""

from collections.abc import Mapping


def unknown_name(noun: str, name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """The message for a `name` that is not among `known`, with the nearest one that is."""
    near = nearest_name(name, tuple(known))
    hint = f"known: {', '.join(known)}" if near is None else f"did you mean {near!r}?"
    return f"{name[:60]!r} is not a known {noun}; {hint}"


def nearest_name(name: str, known: tuple[str, ...]) -> str | None:
    """The known name that is most like `name`, if one is like it."""
    # difflib takes 3 ms to import, and a correct name does not need it.
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, known, n=1, cutoff=0.5)), None)
