"""Rules that give scenarios to requests: in a known order, a number of times each, or by weights."""

from collections.abc import Iterable
from typing import NamedTuple

from evolink_mock.scenarios.language import OPERATIONS, Scenario, ScenarioOperation, parse_scenario


class RequestFacts(NamedTuple):
    """What a request is about, for rules that match some requests only."""

    operation: ScenarioOperation
    model: str = ""
    prompt: str = ""
    image_url: str = ""
    callback_url: str = ""
    task: str = ""


class RequestMatch(NamedTuple):
    """Which requests a rule is for: all that is given must hold."""

    key: str = ""
    model: str = ""
    prompt_contains: str = ""
    image_contains: str = ""
    callback_contains: str = ""
    task: str = ""

    def matches(self, key: str, subject: RequestFacts) -> bool:
        return (
            self.key in ("", key)
            and self.model in ("", subject.model)
            and self.prompt_contains in subject.prompt
            and self.image_contains in subject.image_url
            and self.callback_contains in subject.callback_url
            and self.task in ("", subject.task)
        )


class RuleStep(NamedTuple):
    """One of several scenarios by their weights, for `times` requests; `None` is for ever."""

    scenarios: tuple[str, ...]
    weights: tuple[float, ...]
    times: int | None = None

    def choose(self, luck: float) -> str:
        """The scenario of somebody's luck, a number in [0, 1)."""
        left = luck * sum(self.weights)
        for scenario, weight in zip(self.scenarios, self.weights, strict=True):
            left -= weight
            if left < 0:
                return scenario
        return self.scenarios[-1]


class Rule(NamedTuple):
    """Steps one after the other, for requests of one operation that match."""

    name: str
    operation: ScenarioOperation
    match: RequestMatch
    steps: tuple[RuleStep, ...]
    repeat: bool = False

    def step(self, used: int) -> tuple[int, RuleStep] | None:
        """The step, with its number from 1, for a request that finds the rule used so often; `None` when it is over."""
        whole = sum(step.times or 0 for step in self.steps)
        if self.repeat:
            used %= whole
        for number, step in enumerate(self.steps, 1):
            if step.times is None or used < step.times:
                return number, step
            used -= step.times
        return None


def read_step(scenarios: Iterable[tuple[str, float]], times: int | None) -> RuleStep:
    """Raises `ValueError` that names the scenario with its fault."""
    texts, weights = zip(*scenarios, strict=True) if scenarios else ((), ())
    if not texts:
        raise ValueError("a step needs a scenario, or weights of some")
    if not all(0 <= weight <= 1_000_000 for weight in weights) or not sum(weights):
        raise ValueError("weights must be from 0 to 1000000, and one of them above 0")
    for text in texts:
        _read(text)
    return RuleStep(tuple(texts), tuple(weights), times)


def read_rule(name: str, operation: str | None, match: RequestMatch, steps: tuple[RuleStep, ...], repeat: bool) -> Rule:
    """A rule that makes sense as a whole; its operation is, unless given, the first that its scenarios speak of.

    Raises `ValueError`.
    """
    if not steps:
        raise ValueError("a rule needs a scenario, or steps")
    if any(step.times is None for step in steps[:-1]):
        raise ValueError("steps: every step but the last needs times, or those after it never come")
    if repeat and steps[-1].times is None:
        raise ValueError("repeat: the last step needs times too")
    scenarios = [_read(text) for step in steps for text in step.scenarios]
    spoken = [each for each in OPERATIONS if any(s.applies_to(each) and not s.ok for s in scenarios)]
    chosen = next((each for each in OPERATIONS if each == operation), None) if operation else (spoken or OPERATIONS)[0]
    if chosen is None:
        raise ValueError(f"operation must be one of {', '.join(OPERATIONS)}; got {str(operation)[:40]!r}")
    if spoken and chosen not in spoken:
        raise ValueError(f"operation: it is {chosen}, and the scenarios speak of {', '.join(spoken)} alone")
    return Rule(name, chosen, match, steps, repeat)


def _read(text: str) -> Scenario:
    try:
        return parse_scenario(text)
    except ValueError as error:
        raise ValueError(f"scenario {text[:60]!r}: {error}") from None
