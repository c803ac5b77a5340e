"""Words that the project's prose does without, each with the one to write instead."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "whoever": "the one who, each",
        "somebody": "a person, a caller",
        "nobody": "no one, nothing",
        "everybody": "all",
        "so many": "the number",
        "for so long": "the time",
        "what is none": "what is not one",
        "doors?": "source",
        "chaos": "fault",
        "pictures?": "image",
        "sounds?": "audio",
        "judge[sd]?|judging": "check, validate",
        "lies?|lying|liars?": "mutant, be",
        "teeth": "mutant",
        "exhibits?": "sample trace",
        "story|stories": "explanation, event log",
        "tells?|telling|told": "say, show, report",
        "lanes?": "worker pool",
        "agendas?": "ready queue",
        "pace": "throttle",
        "happenings?": "event",
        "purses?": "budget",
        "luck": "random draw",
        "steer(?:s|ed|ing)?": "control",
        "restless": "busy",
    }
)
"""Regular expressions of banned words, by the word of the glossary."""

NOT_PLAIN = re.compile(
    rf"\b({'|'.join(word for word in INSTEAD if word.endswith(('body', 'ever')) or ' ' in word)})\b", re.IGNORECASE
)
"""Words that no line of the code has, not even a comment."""
NOT_A_BEGINNING = re.compile(r"\s*(What|Who|How|Of)\b")
"""Words that no docstring begins with."""

_BANNED = {word: re.compile(rf"\b(?:{word})\b", re.IGNORECASE) for word in INSTEAD}


def banned_in(text: str) -> Iterator[str]:
    """Each banned word of a text, with the words around it and those to write instead."""
    for word, pattern in _BANNED.items():
        for found in pattern.finditer(text):
            around = " ".join(text[max(found.start() - 30, 0) : found.end() + 30].split())
            yield f"…{around}…: write {INSTEAD[word]}, not {found[0]!r}"
