"""Every word of the catalogue is understood, and every other is refused with a word that would have been right."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_contracts.spec.errors import ERRORS, FAILURES
from evolink_mock.core.distribution import Distribution
from evolink_mock.core.duration import SECOND
from evolink_mock.scenarios.delivery_faults import DELIVERY_FAULTS
from evolink_mock.scenarios.language import DEFAULT, OPERATIONS, WORDS, Scenario, parse_scenario
from evolink_mock.scenarios.wire_faults import COMMITTING, WIRE_FAULTS

CLOSED = {name: word.values for name, word in WORDS.items() if not word.open}
PAIRS = [(word, value) for word, values in CLOSED.items() for value in values]
APART = {("fail", "cancel"), ("fail", "stuck"), ("cancel", "stuck"), ("stuck", "delivery")}
CHOSEN = st.lists(st.sampled_from(PAIRS), min_size=1, max_size=4, unique_by=lambda pair: pair[0]).filter(
    lambda chosen: not any({a, b} <= {word for word, _ in chosen} for a, b in APART)
)
SPACE = st.text(" ", max_size=3)


def test_the_words_cover_every_error_every_wire_fault_and_every_failure() -> None:
    answers = {(word, value) for word, value in PAIRS if word in OPERATIONS}
    spoiled = {(operation, fault) for operation in OPERATIONS for fault in WIRE_FAULTS}
    spoiled -= {(operation, fault) for operation in ("query", "credits") for fault in COMMITTING}
    assert answers == {key for key in ERRORS if key[0] != "any"} | spoiled
    assert CLOSED["fail"] == tuple(FAILURES)
    assert len(CLOSED["fail"]) == 13
    assert CLOSED["delivery"] == tuple(DELIVERY_FAULTS)
    assert {word.field for word in WORDS.values()} | {"ok"} == set(Scenario._fields)


@pytest.mark.parametrize(("word", "value"), PAIRS)
def test_each_word_sets_its_own_part_alone(word: str, value: str) -> None:
    assert parse_scenario(f"{word}={value}")._asdict() == DEFAULT._asdict() | {word: value}


OPEN = [
    ("create_latency=2s", {"create_latency": Distribution(2 * SECOND, 2 * SECOND)}),
    ("query_latency=1s-3s", {"query_latency": Distribution(SECOND, 3 * SECOND)}),
    ("credits_latency=lognormal:800ms:0.5", {"credits_latency": Distribution(800_000, 800_000, 0.5)}),
    ("query=drip; drip_time=5s", {"query": "drip", "drip_time": 5 * SECOND}),
    ("create=rate_limited; times=3; retry_after=7", {"create": "rate_limited", "times": 3, "retry_after": 7}),
    ("create=rate_limited; for=30s", {"create": "rate_limited", "valid_for": 30 * SECOND}),
    ("query_latency=1s; times=1", {"query_latency": Distribution(SECOND, SECOND), "times": 1}),
    ("flap=2", {"query": "internal_error", "times": 2}),
    ("fail=upstream:InvalidParameter.TaskTypeConstraint", {"fail": "upstream:InvalidParameter.TaskTypeConstraint"}),
    ("fail=service_error; message=nudity detected", {"fail": "service_error", "message": "nudity detected"}),
    ("slow_start=1m", {"slow_start": 60 * SECOND}),
    ("slow_finish=90s", {"slow_finish": 90 * SECOND}),
    ("polls=3; fail=service_error", {"polls": 3, "fail": "service_error"}),
    ("actual_duration=3.5s", {"actual_duration": 3_500_000}),
    ("stuck=99; slow_start=1s", {"stuck": "99", "slow_start": SECOND}),
    ("delivery=lost; stuck=pending", {"delivery": "lost", "stuck": "pending"}),
    (" ok ", {"ok": True}),
]


@pytest.mark.parametrize(("text", "sets"), OPEN, ids=[text for text, _ in OPEN])
def test_words_with_an_open_value_are_parsed(text: str, sets: dict[str, object]) -> None:
    assert parse_scenario(text)._asdict() == DEFAULT._asdict() | sets


@given(CHOSEN, st.lists(SPACE, min_size=16, max_size=16))
def test_words_combine_in_any_order_and_spaces_do_not_matter(chosen: list[tuple[str, str]], spaces: list[str]) -> None:
    space = iter(spaces)
    text = ";".join(f"{next(space)}{word}{next(space)}={next(space)}{value}{next(space)}" for word, value in chosen)
    assert parse_scenario(text)._asdict() == DEFAULT._asdict() | dict(chosen)


def test_a_scenario_affects_only_its_own_operation() -> None:
    scenario = parse_scenario("create=rate_limited; query=reset_midway; credits=upstream_error; query_latency=1s")
    assert scenario.answer_to("create") == "rate_limited"
    assert scenario.answer_to("query") == "reset_midway"
    assert scenario.answer_to("credits") == "upstream_error"
    assert scenario.answer_to("any") is None
    assert DEFAULT.answer_to("create") is None
    assert scenario.latency_of("query") == Distribution(SECOND, SECOND)
    assert scenario.latency_of("create") is None


@pytest.mark.parametrize(
    ("text", "concerned"),
    [
        ("ok", OPERATIONS),
        ("create=rate_limited", ["create"]),
        ("query=drip", ["query"]),
        ("credits=upstream_error; query_latency=1s", ["query", "credits"]),
        *(
            (text, ["create"])
            for text in ("fail=service_error", "cancel=failed", "stuck=99", "polls=2", "delivery=lost")
        ),
        *(
            (text, ["create"])
            for text in ("slow_start=1s", "slow_finish=1s", "actual_duration=2s", "create_latency=1s")
        ),
    ],
)
def test_a_scenario_applies_to_its_operations_and_words_about_tasks_to_create(text: str, concerned: object) -> None:
    assert [each for each in OPERATIONS if parse_scenario(text).applies_to(each)] == list(concerned)  # type: ignore[call-overload]


@pytest.mark.parametrize(("word", "value"), PAIRS)
def test_a_value_with_a_letter_missing_is_refused_with_the_right_one(word: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"not a known value of {word}; did you mean '{value}'\?"):
        parse_scenario(f"{word}={value[:-1]}")


@pytest.mark.parametrize("word", CLOSED)
def test_a_word_with_a_letter_missing_is_refused_with_the_right_one(word: str) -> None:
    with pytest.raises(ValueError, match=rf"'{word[1:]}' is not a known scenario word; did you mean '{word}'\?"):
        parse_scenario(f"{word[1:]}={CLOSED[word][0]}")


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
        ("FAIL=service_error", "known: create, query, credits, create_latency"),
        ("zzz=1", "known: create, query, credits, create_latency"),
        ("query=zzz", "known: invalid_task_id, unauthorized,"),
        ("any=not_found", "'any' is not a known scenario word"),
        ("create=task_not_found", "is not a known value of create"),
        ("fail=service_error=x", "'service_error=x' is not a known value of fail"),
        ("fail=service_error; fail=service_error", "fail is given twice"),
        ("fail=service_error; create=rate_limited; fail=unknown_error", "fail is given twice"),
        ("query=commit_then_drop", "is not a known value of query"),
        ("ok; fail=service_error", "'ok' is not of the form word=value"),
        ("fail=service_error; cancel=failed", "fail and cancel contradict each other"),
        ("stuck=99; cancel=failed", "cancel and stuck contradict each other"),
        ("polls=2; stuck=99", "stuck and polls contradict each other"),
        ("slow_finish=2s; stuck=pending", "stuck and slow_finish contradict each other"),
        ("delivery=before_create; polls=1", "delivery and polls contradict each other"),
        ("flap=1; query=drip", "query is given twice"),
        ("times=3", "times has no effect by itself; it needs create, query, credits, create_latency"),
        ("for=3s; fail=service_error", "for has no effect by itself"),
        ("message=hello", "message has no effect by itself; it needs fail"),
        ("retry_after=3", "retry_after has no effect by itself"),
        ("drip_time=3s; create_latency=3s", "drip_time has no effect by itself"),
        ("create=drip; times=0", "times: '0' is not a number from 1 to 1000000"),
        ("create=drip; times=1.5", "times: '1.5' is not a number from 1 to 1000000"),
        ("create=drip; times=²", "times: '²' is not a number from 1 to 1000000"),
        ("create=drip; for=3", "for: '3' is not a duration: write a number and a unit"),
        ("create=drip; for=25h", "for: '25h' is above 86400s"),
        ("create=drip; drip_time=61s", "drip_time: '61s' is above 60s"),
        ("create_latency=11m", "create_latency: '11m' is not a latency (it is above 600s): write a duration (2s)"),
        ("create_latency=3s-1s", "its end is before its start"),
        ("create_latency=quick", "'quick' is not a latency"),
        ("fail=upstream:", "a code after upstream: has 1 to 100 letters"),
        ("fail=upstream:a b", "a code after upstream: has 1 to 100 letters"),
        ("fail=service_error; message=", "message must be printable text"),
        ("fail=service_error; message=a\nb", "message must be printable text"),
    ],
)
def test_a_text_that_is_no_scenario_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_scenario(text)


def test_a_scenario_has_at_most_500_characters() -> None:
    assert parse_scenario("fail=service_error".ljust(500)) == Scenario(fail="service_error")
    with pytest.raises(ValueError, match="at most 500 characters; this one has 501"):
        parse_scenario("fail=service_error".ljust(501))


@given(
    st.text(max_size=600) | st.lists(st.sampled_from(["create", "fail", "=", ";", " ", "rate_limited"])).map("".join)
)
def test_any_text_has_an_effect_or_is_refused(text: str) -> None:
    outcome: Scenario | str
    try:
        outcome = parse_scenario(text)
    except ValueError as refusal:
        outcome = str(refusal)
    assert outcome not in (DEFAULT, "")


def test_an_error_names_every_mistake_of_a_text() -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        parse_scenario("create=rate_limitd; fial=x; stuck; query=drip; query=empty; times=no")
    assert str(refused.value) == "; ".join(
        [
            "'rate_limitd' is not a known value of create; did you mean 'rate_limited'?",
            "'fial' is not a known scenario word; did you mean 'fail'?",
            "'stuck' is not of the form word=value, such as create=rate_limited",
            "query is given twice",
            "times: 'no' is not a number from 1 to 1000000",
        ]
    )
    with pytest.raises(ValueError, match="stuck and polls contradict each other; message has no effect by itself"):
        parse_scenario("stuck=99; polls=2; message=x")


def test_an_error_does_not_name_mistakes_without_end() -> None:
    with pytest.raises(ValueError, match=r"; and 8 more mistakes$") as refused:
        parse_scenario("a;" * 12)
    assert str(refused.value).count("is not of the form") == 5


@pytest.mark.parametrize(
    "message",
    [
        "erreur\u00a0: x",
        "\U0001f469\u200d\U0001f467",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "a\u3000b",
        "x\u00ad",
    ],
)
def test_a_message_may_have_the_spaces_and_joiners_of_every_script(message: str) -> None:
    assert parse_scenario(f"fail=service_error; message={message}").message == message


@pytest.mark.parametrize("char", ["\0", "\t", "\x7f", "\x85", "\u2028", "\udcff", "\ue000", "\uffff"])
def test_a_message_has_no_character_that_is_no_text(char: str) -> None:
    with pytest.raises(ValueError, match=f"message must be printable text; it has the character U\\+{ord(char):04X}"):
        parse_scenario(f"fail=service_error; message=a{char}b")
