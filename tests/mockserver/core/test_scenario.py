"""Every word of the catalogue is understood, and every other is refused with a word that would have been right."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_contracts.spec.errors import ERRORS, FAILURES
from evolink_mock.core.chaos import CHAOS
from evolink_mock.core.scenario import CATALOGUE, DEFAULT, Scenario, parse_scenario, unknown

PAIRS = [(word, value) for word, values in CATALOGUE.items() for value in values]
CHOSEN = st.lists(st.sampled_from(PAIRS), min_size=1, max_size=4, unique_by=lambda pair: pair[0])
SPACE = st.text(" ", max_size=3)


def test_the_catalogue_is_every_error_of_an_operation_and_every_failure() -> None:
    errors = {(word, value) for word, value in PAIRS if word not in ("fail", "delivery")}
    assert errors == {key for key in ERRORS if key[0] != "any"}
    assert CATALOGUE["fail"] == tuple(FAILURES)
    assert len(CATALOGUE["fail"]) == 13
    assert CATALOGUE["delivery"] == tuple(CHAOS)


@pytest.mark.parametrize(("word", "value"), PAIRS)
def test_each_word_sets_its_own_part_alone(word: str, value: str) -> None:
    assert parse_scenario(f"{word}={value}") == DEFAULT._replace(**{word: value})


@given(CHOSEN, st.lists(SPACE, min_size=16, max_size=16))
def test_words_combine_in_any_order_and_spaces_do_not_matter(chosen: list[tuple[str, str]], spaces: list[str]) -> None:
    space = iter(spaces)
    text = ";".join(f"{next(space)}{word}{next(space)}={next(space)}{value}{next(space)}" for word, value in chosen)
    assert parse_scenario(text) == Scenario(**dict(chosen))


def test_an_operation_is_refused_only_where_the_scenario_says() -> None:
    scenario = parse_scenario("create=rate_limited; query=task_not_found; credits=upstream_error")
    assert scenario.refusal_of("create") == "rate_limited"
    assert scenario.refusal_of("query") == "task_not_found"
    assert scenario.refusal_of("credits") == "upstream_error"
    assert scenario.refusal_of("any") is None
    assert DEFAULT.refusal_of("create") is None


@pytest.mark.parametrize(("word", "value"), PAIRS)
def test_a_value_with_a_letter_missing_is_refused_with_the_right_one(word: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"not a known value of {word}; did you mean '{value}'\?"):
        parse_scenario(f"{word}={value[:-1]}")


@pytest.mark.parametrize("word", CATALOGUE)
def test_a_word_with_a_letter_missing_is_refused_with_the_right_one(word: str) -> None:
    with pytest.raises(ValueError, match=rf"'{word[1:]}' is not a known scenario word; did you mean '{word}'\?"):
        parse_scenario(f"{word[1:]}={CATALOGUE[word][0]}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not of the form word=value"),
        ("  ", "'' is not of the form word=value"),
        (";", "'' is not of the form word=value"),
        ("create", "'create' is not of the form word=value"),
        ("fail=service_error;;create=rate_limited", "'' is not of the form word=value"),
        ("fail=", "'' is not a known value of fail"),
        ("=service_error", "'' is not a known scenario word"),
        ("fail=Service_Error", "did you mean 'service_error'?"),
        ("FAIL=service_error", "known: create, query, credits, fail"),
        ("zzz=1", "known: create, query, credits, fail"),
        ("query=zzz", "known: invalid_task_id, unauthorized,"),
        ("any=not_found", "'any' is not a known scenario word"),
        ("create=task_not_found", "is not a known value of create"),
        ("fail=service_error=x", "'service_error=x' is not a known value of fail"),
        ("fail=service_error; fail=service_error", "fail is given twice"),
        ("fail=service_error; create=rate_limited; fail=unknown_error", "fail is given twice"),
    ],
)
def test_what_is_no_scenario_is_refused_and_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_scenario(text)


def test_a_scenario_has_at_most_500_characters() -> None:
    assert parse_scenario("fail=service_error".ljust(500)) == Scenario(fail="service_error")
    with pytest.raises(ValueError, match="at most 500 characters; this one has 501"):
        parse_scenario("fail=service_error".ljust(501))


@given(
    st.text(max_size=600) | st.lists(st.sampled_from(["create", "fail", "=", ";", " ", "rate_limited"])).map("".join)
)
def test_any_text_asks_for_something_or_is_refused(text: str) -> None:
    outcome: Scenario | str
    try:
        outcome = parse_scenario(text)
    except ValueError as refusal:
        outcome = str(refusal)
    assert outcome not in (DEFAULT, "")


def test_a_name_like_no_other_is_answered_with_all_that_are_known() -> None:
    assert unknown("flag", "zzz", ("port", "seed")) == "'zzz' is not a known flag; known: port, seed"
    assert unknown("flag", "prot", {"port": 1}) == "'prot' is not a known flag; did you mean 'port'?"
