"""Messages about unknown names, with the nearest known one: "did you mean ...?"."""

from collections.abc import Mapping


def unknown_name(noun: str, name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """The message for a `name` that is not among `known`, with the nearest one that is."""
    # difflib takes 3 ms to import, and a correct name does not need it.
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return f"{name[:60]!r} is not a known {noun}; {hint}"
