"""What the documents say is shown by a promise, or is listed with the reason why nothing shows it."""

from collections import Counter

import pytest

from evolink_contracts.promises.coverage import SENTENCES, Sentence
from evolink_contracts.promises.registry import BY_NUMBER
from tests.support.kit_command import kit


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence.says[:40])
def test_a_sentence_is_shown_or_says_why_not(sentence: Sentence) -> None:
    assert sentence.shown_by or sentence.why
    assert set(sentence.shown_by) <= BY_NUMBER.keys()


def test_every_documented_promise_has_its_sentence() -> None:
    shown = {number for sentence in SENTENCES for number in sentence.shown_by}
    documented = {number for number, promise in BY_NUMBER.items() if promise.basis == "documented"}
    assert documented <= shown
    assert len({(sentence.page, sentence.says) for sentence in SENTENCES}) == len(SENTENCES)
    assert Counter(sentence.page for sentence in SENTENCES) == {
        "create": 41,
        "callback": 13,
        "query": 14,
        "error": 8,
        "credits": 1,
    }


def test_what_nothing_shows_is_listed_with_the_promises() -> None:
    ran = kit("promises")
    assert ran.returncode == 0
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("VC-001 accepts: A request that breaks no rule is accepted. [S1a, documented, critical]")
    start = lines.index("Not checkable, or not all of it:")
    assert start == len(BY_NUMBER) + 1
    assert len(lines) - start - 1 == sum(bool(sentence.why) for sentence in SENTENCES) > 20
    assert "- error: A task that is too old cannot be queried. No page says how old that is." in lines
