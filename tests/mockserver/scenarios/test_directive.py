"""A directive is taken out of a prompt whole, and nothing else is."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.scenarios.directive import LONGEST_READ, OPENING, extract_directive, unread_directive
from tests.support.emulator import DOCUMENTED, Emulator

WORDS = st.text(st.characters(exclude_characters="[]"), max_size=20)


@given(WORDS, WORDS, WORDS)
def test_the_prompt_around_a_directive_is_kept_and_its_text_is_extracted(before: str, inside: str, after: str) -> None:
    rest, said = extract_directive(f"{before}[[mock:{inside}]]{after}")
    assert said == inside.strip()
    assert rest == (before.rstrip() + after).strip()


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_several_directives_are_read_as_one(inside: list[str]) -> None:
    rest, said = extract_directive("A cat" + "".join(f" [[mock:{each}]] and" for each in inside))
    assert rest == "A cat" + " and" * len(inside)
    assert said == ";".join(inside).strip()


@pytest.mark.parametrize(
    ("prompt", "rest", "said"),
    [
        ("A cat [[mock: ok]] playing", "A cat playing", "ok"),
        ("[[mock:ok]]", "", "ok"),
        (
            "A cat\n[[mock: fail=service_error;\n message=no]]\nplaying",
            "A cat\nplaying",
            "fail=service_error;\n message=no",
        ),
        ("例え [[mock: ok]] [[ 🍕 ]]", "例え [[ 🍕 ]]", "ok"),
        ("[[mock: a [[b]] c]]", "c]]", "a [[b"),
    ],
)
def test_examples(prompt: str, rest: str, said: str) -> None:
    assert extract_directive(prompt) == (rest, said)


@pytest.mark.parametrize("prompt", ["A [[mock: cat", "[[mock:", "[[mock: ok]] [[mock: no"])
def test_a_directive_that_is_never_closed_is_refused(prompt: str) -> None:
    with pytest.raises(ValueError, match="a directive is not closed; write"):
        extract_directive(prompt)


@given(st.lists(st.sampled_from([OPENING, "]]", "[[", "]", "mock:", " ", "x"]), max_size=12).map("".join))
def test_no_part_of_a_directive_is_left_in_the_prompt(text: str) -> None:
    try:
        rest, _ = extract_directive(OPENING + text)
    except ValueError:
        return
    assert OPENING not in rest


HUGE = 400_000


@pytest.mark.parametrize("text", [" ", "[", "[[", "[[mock:", "[[mock", "[ ", " [[mock:x]]", "]]", "[[ mock:"])
@pytest.mark.parametrize("end", ["", OPENING])
def test_a_prompt_is_read_in_a_time_that_is_linear_in_it(text: str, end: str) -> None:
    """In quadratic time, most of these would take minutes."""
    huge = text * (HUGE // len(text)) + end
    with suppress(ValueError):
        assert OPENING not in extract_directive(huge)[0]
    unread_directive(huge)


def test_no_directive_is_read_in_a_prompt_that_is_too_long_for_any(emulator: Emulator) -> None:
    refused = emulator.post(DOCUMENTED | {"prompt": "x" * LONGEST_READ + "[[mock: create=rate_limited]]"})
    assert refused.status_code == 400
    assert "prompt must have at most" in refused.json()["error"]["message"]
    long = "a cat " * 200 + "[[mock: fail=service_error]]" + " " * (LONGEST_READ - 1228)
    assert len(long) == LONGEST_READ
    assert emulator.post(DOCUMENTED | {"prompt": long}).status_code == 200
