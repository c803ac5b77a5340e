"""What a caller asks to go wrong, as data: `create=rate_limited; fail=service_error`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from evolink_contracts.spec.errors import ERRORS, FAILURES, Operation
from evolink_mock.core.chaos import CHAOS

CATALOGUE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **{
            operation: tuple(condition for of, condition in ERRORS if of == operation)
            for operation in ("create", "query", "credits")
        },
        "fail": tuple(FAILURES),
        "delivery": tuple(CHAOS),
    }
)
"""Every word a scenario may use: the operation that shall answer a condition, the code a task shall fail with, or what
shall happen to its callback."""

LONGEST = 500
"""Characters of one scenario text."""


class Scenario(NamedTuple):
    """`create`, `query` and `credits` name the error that the operation answers; `fail` is how the task ends, and
    `delivery` what happens to its callback."""

    create: str | None = None
    query: str | None = None
    credits: str | None = None
    fail: str | None = None
    delivery: str | None = None

    def refusal_of(self, operation: Operation) -> str | None:
        match operation:
            case "create":
                return self.create
            case "query":
                return self.query
            case "credits":
                return self.credits
            case _:
                return None


DEFAULT = Scenario()


def parse_scenario(text: str) -> Scenario:
    """Read `word=value; word=value`. Raises `ValueError` that names what was wrong and the nearest right word."""
    if len(text) > LONGEST:
        raise ValueError(f"a scenario has at most {LONGEST} characters; this one has {len(text)}")
    found: dict[str, str] = {}
    for part in text.split(";"):
        word, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ValueError(f"{part.strip()[:40]!r} is not of the form word=value, such as create=rate_limited")
        if word not in CATALOGUE:
            raise ValueError(unknown("scenario word", word, CATALOGUE))
        if word in found:
            raise ValueError(f"{word} is given twice")
        if value not in CATALOGUE[word]:
            raise ValueError(unknown(f"value of {word}", value, CATALOGUE[word]))
        found[word] = value
    return Scenario(**found)


def unknown(noun: str, name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """The message about a name that does not exist, with the nearest that does."""
    # difflib takes 3 ms to import, and nobody who writes correctly needs it.
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return f"{name[:60]!r} is not a known {noun}; {hint}"
