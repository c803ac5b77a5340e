"""Prompt directives, a scenario inside a prompt: `A cat [[mock: fail=service_error]] playing piano`."""

import re

OPENING = "[[mock:"
_DIRECTIVE = re.compile(r"\s*\[\[mock:(.*?)\]\]", re.DOTALL)


def extract_directive(prompt: str) -> tuple[str, str]:
    """Split a prompt with an `OPENING` into the prompt without its directives, and their text.

    Several are read as one, in their order. Raises `ValueError` where one is never closed.
    """
    rest = _DIRECTIVE.sub("", prompt)
    if OPENING in rest:
        raise ValueError(f"a directive is never closed; write {OPENING} fail=service_error]]")
    return rest.strip(), ";".join(_DIRECTIVE.findall(prompt)).strip()
