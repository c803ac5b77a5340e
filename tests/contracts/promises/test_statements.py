"""Statements and names of the promises are plain technical English."""

import re

import pytest

from evolink_contracts.promises.coverage import SENTENCES
from evolink_contracts.promises.registry import BY_NUMBER
from evolink_contracts.runs.receiver_promises import PROMISES as RECEIVER_PROMISES

_STATEMENTS = {number: promise.statement for number, promise in BY_NUMBER.items()} | {
    promise.number: promise.statement for promise in RECEIVER_PROMISES
}
_DOCUMENTED = tuple(sentence.says for sentence in SENTENCES)
_IDIOMS = re.compile(
    r"\b(?:asked|called back|announced?|belongs?|is no|however|leads?|sound|picture|look|none|refusals?|who|words?|"
    r"held up|holds up|so\.|reads?|said|says so)\b"
)
_VERBLESS = re.compile(r"(?:It|They|What|Who|From|Only|Anything|There)\b")


@pytest.mark.parametrize("number", _STATEMENTS)
def test_a_statement_names_its_subject_in_standard_terms(number: str) -> None:
    statement = _STATEMENTS[number]
    assert statement.endswith(".")
    assert not _VERBLESS.match(statement)
    assert _IDIOMS.findall(statement) == []


@pytest.mark.parametrize("says", _DOCUMENTED)
def test_a_documented_sentence_is_plain(says: str) -> None:
    assert not re.match(r"(?:It|They|What|Who|From)\b", says)
    assert [found for found in _IDIOMS.findall(says) if found not in ("word", "words", "none")] == []


def test_no_name_has_an_idiom() -> None:
    assert [promise.name for promise in BY_NUMBER.values() if _IDIOMS.search(promise.name)] == []
