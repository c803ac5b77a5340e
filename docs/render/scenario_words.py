"""The words of the scenario language with their values, and the sources that a scenario can come from."""

from docs.render import Page
from docs.render.markdown import code, codes, join, prose, sentence, table
from evolink_contracts.spec.errors import ERRORS, FAILURES
from evolink_mock.core.task import SCENARIO_SOURCES
from evolink_mock.scenarios.delivery_faults import DELIVERY_FAULTS
from evolink_mock.scenarios.language import EXCLUSIVE, NEEDS, OPERATIONS, SHORTHANDS, WORDS, Word
from evolink_mock.scenarios.precedence import SOURCE_MEANINGS
from evolink_mock.scenarios.wire_faults import WIRE_FAULTS


def _whole(name: str, example: str) -> str:
    """A shorthand as it is written: alone, or with its value."""
    return name if example == name else f"{name}={example}"


def _body() -> str:
    return join(
        _GRAMMAR,
        "## Sources of a scenario",
        "The first source that has a scenario for a request decides; the journal records it as `scenario_source`.",
        table(("Source", "Meaning"), [(code(name), sentence(SOURCE_MEANINGS[name])) for name in SCENARIO_SOURCES]),
        "## Words",
        *(_word(name, word) for name, word in WORDS.items()),
        *(
            join(
                f"### {name}",
                sentence(row.summary),
                f"Example: {code(_whole(name, row.example))}.",
            )
            for name, row in SHORTHANDS.items()
        ),
        "## Combinations",
        "Words that exclude one another:",
        "\n".join(f"- {codes(group)}" for group in dict.fromkeys(map(_named, EXCLUSIVE))),
        "Words that need another one:",
        "\n".join(f"- {codes(_named((field,)))} with one of {codes(others)}" for field, others in NEEDS.items()),
    )


def _named(group: tuple[str, ...]) -> tuple[str, ...]:
    """The words of some fields."""
    words = {word.field: name for name, word in WORDS.items()}
    return tuple(words[field] for field in group)


def _word(name: str, word: Word) -> str:
    applies = "It applies to the task that a create makes." if word.of_task else ""
    return join(f"### {name}", f"{sentence(word.summary)} {applies}".strip(), _values(name, word))


def _values(name: str, word: Word) -> str:
    if word.open:
        return f"Example: {code(f'{name}={word.values[0]}')}."
    return table(("Value", "Effect"), [(code(value), _effect(name, value)) for value in word.values])


def _effect(word: str, value: str) -> str:
    if word in OPERATIONS and (row := ERRORS.get((word, value))) is not None:
        return f"{row.status}, code {code(row.code)}: {prose(row.message)}"
    if word in OPERATIONS:
        return sentence(WIRE_FAULTS[value].summary)
    if word == "fail":
        return f"{sentence(FAILURES[value].message)}"
    if word == "delivery":
        return sentence(DELIVERY_FAULTS[value].summary)
    return ""


_GRAMMAR = """\
A scenario is `word=value`, or several with a semicolon between them: `create=rate_limited; times=3`.
`GET /__mock/scenarios/words` answers the same list, and `evolink-mock check FILE` checks a scenario file
([Files](files.md#scenario-file))."""

PAGE = Page("Scenario words", "The fault-injection language: each word with its values.", _body)
