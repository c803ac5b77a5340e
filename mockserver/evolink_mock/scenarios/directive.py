"""Prompt directives, a scenario inside a prompt: `A cat [[mock: fail=service_error]] playing piano`."""

import re

OPENING = "[[mock:"
_MEANT = re.compile(r"\[\[\s*mock\b:?|(?<!\[)\[\s*mock:", re.IGNORECASE)
_CLOSING = "]]"
LONGEST_READ = 4_000
"""Characters of the longest prompt that is searched for a directive: more than the longest prompt and the longest
scenario have together."""


def extract_directive(prompt: str) -> tuple[str, str]:
    """Split a prompt with an `OPENING` into the prompt without its directives, and their text.

    Several are read as one, in their order. Raises `ValueError` where one is never closed.
    """
    kept, directives = [], []
    place = 0
    while (start := prompt.find(OPENING, place)) >= 0 and (end := prompt.find(_CLOSING, start + len(OPENING))) >= 0:
        kept.append(prompt[place:start].rstrip())
        directives.append(prompt[start + len(OPENING) : end])
        place = end + len(_CLOSING)
    rest = "".join(kept) + prompt[place:]
    if OPENING in rest:
        raise ValueError(f"a directive is not closed; write {OPENING} fail=service_error]]")
    return rest.strip(), ";".join(directives).strip()


def unread_directive(prompt: str) -> str | None:
    """A note on a prompt that has something like a directive but none of its form, and so is used as it is."""
    meant = next((found for found in _MEANT.finditer(prompt) if found[0] != OPENING), None)
    if meant is None:
        return None
    shown = prompt[meant.start() :][:60]
    return f"the prompt has {shown!r}, which is not a directive and stays there; write {OPENING} fail=service_error]]"
