"""Rules give their steps in order, each as often as it says, and by their weights."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.scenarios.rules import RequestFacts, RequestMatch, Rule, RuleStep, read_rule, read_step

TIMES = st.lists(st.integers(1, 5), min_size=1, max_size=6)
ANY = RequestMatch()


def rule(times: list[int | None], *, repeat: bool = False) -> Rule:
    steps = tuple(read_step([(f"fail=upstream:{number}", 1)], each) for number, each in enumerate(times, 1))
    return read_rule("it", None, ANY, steps, repeat)


def numbers(of: Rule, count: int) -> list[int | None]:
    found = [of.step(used) for used in range(count)]
    return [None if step is None else step[0] for step in found]


@given(TIMES)
def test_each_step_is_used_its_number_of_times_then_the_next_then_none(times: list[int]) -> None:
    once = [number for number, each in enumerate(times, 1) for _ in range(each)]
    assert numbers(rule([*times]), len(once) + 3) == [*once, None, None, None]
    assert numbers(rule([*times, None]), len(once) + 3) == [*once, *[len(times) + 1] * 3]
    assert numbers(rule([*times], repeat=True), 3 * len(once)) == once * 3


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any))
def test_a_scenario_is_drawn_in_proportion_to_its_weight(weights: list[int]) -> None:
    step = read_step([(f"fail=upstream:{place}", weight) for place, weight in enumerate(weights)], None)
    total = sum(weights)
    drawn = [step.choose((number + 0.5) / total) for number in range(total)]
    assert [drawn.count(scenario) for scenario in step.scenarios] == weights
    assert step.choose(0.9999999999999999) in drawn


TEXTS = st.sampled_from(["", "a", "b", "ab"])
MATCHES = st.builds(RequestMatch, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)
SUBJECTS = st.builds(RequestFacts, st.just("create"), TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)


@given(MATCHES, TEXTS, SUBJECTS)
def test_a_rule_matches_where_all_its_conditions_hold(match: RequestMatch, key: str, subject: RequestFacts) -> None:
    wanted = [(match.key, key), (match.model, subject.model), (match.task, subject.task)]
    contained = [
        (match.prompt_contains, subject.prompt),
        (match.image_contains, subject.image_url),
        (match.callback_contains, subject.callback_url),
    ]
    expected = all(not a or a == b for a, b in wanted) and all(a in b for a, b in contained)
    assert match.matches(key, subject) == expected


@pytest.mark.parametrize(
    ("texts", "operation"),
    [
        (["fail=service_error"], "create"),
        (["query=internal_error"], "query"),
        (["credits=upstream_error"], "credits"),
        (["ok", "query=drip"], "query"),
        (["ok"], "create"),
        (["query=drip; create=drip"], "create"),
    ],
)
def test_a_rule_is_for_the_first_operation_of_its_scenarios(texts: list[str], operation: str) -> None:
    step = read_step([(text, 1) for text in texts], None)
    assert read_rule("it", None, ANY, (step,), repeat=False).operation == operation


FINE = RuleStep(("fail=service_error",), (1,), 1)


@pytest.mark.parametrize(
    ("steps", "operation", "repeat", "message"),
    [
        ((), None, False, "a rule needs a scenario, or steps"),
        ((FINE._replace(times=None), FINE), None, False, "steps: every step but the last needs times"),
        ((FINE._replace(times=None),), None, True, "repeat: the last step needs times too"),
        ((FINE,), "any", False, "operation must be one of create, query, credits; got 'any'"),
        ((FINE,), "query", False, "operation is query, but the scenarios apply only to create"),
        (
            (RuleStep(("fial=x",), (1,)),),
            None,
            False,
            "scenario 'fial=x': 'fial' is not a known scenario word",
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(
    steps: tuple[RuleStep, ...], operation: str | None, repeat: bool, message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read_rule("it", operation, ANY, steps, repeat)


@pytest.mark.parametrize(
    ("scenarios", "message"),
    [
        ([], "a step needs a scenario"),
        ([("ok", 0)], "one of them above 0"),
        ([("ok", -1)], "weights must be from 0 to 1000000"),
        ([("ok", float("inf"))], "weights must be from 0 to 1000000"),
        ([("ok", float("nan"))], "weights must be from 0 to 1000000"),
        (
            [("ok", 1), ("create=rate_limitd", 1)],
            "scenario 'create=rate_limitd': 'rate_limitd' is not a known",
        ),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(scenarios: list[tuple[str, float]], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read_step(scenarios, None)
