"""Scenario rules: which requests they match, and the steps that they give, in order or by weight."""

from collections.abc import Iterable
from typing import NamedTuple

from evolink_mock.scenarios.language import OPERATIONS, Scenario, ScenarioOperation, parse_scenario


class RuleError(ValueError):
    """A rule that makes no sense; `path` leads to the setting that does not, such as `("steps", 1, "scenario")`."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class RequestFacts(NamedTuple):
    """Facts of a request, for rules that match some requests only."""

    operation: ScenarioOperation
    model: str = ""
    prompt: str = ""
    image_url: str = ""
    callback_url: str = ""
    task: str = ""


class RequestMatch(NamedTuple):
    """Conditions on a request: a rule matches when all those that are given hold."""

    key: str = ""
    model: str = ""
    prompt_contains: str = ""
    image_contains: str = ""
    callback_contains: str = ""
    task: str = ""

    def matches(self, key: str, facts: RequestFacts) -> bool:
        return (
            self.key in ("", key)
            and self.model in ("", facts.model)
            and self.prompt_contains in facts.prompt
            and self.image_contains in facts.image_url
            and self.callback_contains in facts.callback_url
            and self.task in ("", facts.task)
        )


class RuleStep(NamedTuple):
    """One of several scenarios, drawn by their weights, for `times` requests; `None` is without end."""

    scenarios: tuple[str, ...]
    weights: tuple[float, ...]
    times: int | None = None

    def choose(self, unit: float) -> str:
        """Draw a scenario by a number in [0, 1)."""
        left = unit * sum(self.weights)
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
        """The step after `used` uses of the rule, with its number from 1; `None` when the rule is used up."""
        whole = sum(step.times or 0 for step in self.steps)
        if self.repeat:
            used %= whole
        for number, step in enumerate(self.steps, 1):
            if step.times is None or used < step.times:
                return number, step
            used -= step.times
        return None


def read_step(scenarios: Iterable[tuple[str, float]], times: int | None) -> RuleStep:
    """A step of scenarios with their weights. Raises `RuleError` whose path begins with the scenario's text, if any."""
    texts, weights = zip(*scenarios, strict=True) if scenarios else ((), ())
    if not texts:
        raise RuleError("a step needs a scenario, or weights of scenarios")
    if not all(0 <= weight <= 1_000_000 for weight in weights) or not sum(weights):
        raise RuleError("weights must be from 0 to 1000000, and one of them above 0")
    for text in texts:
        _read(text)
    return RuleStep(tuple(texts), tuple(weights), times)


def read_rule(name: str, operation: str | None, match: RequestMatch, steps: tuple[RuleStep, ...], repeat: bool) -> Rule:
    """A rule that makes sense as a whole; its operation is, unless given, the first that its scenarios speak of.

    Raises `RuleError`.
    """
    if not steps:
        raise RuleError("a rule needs a scenario, or steps", ("steps",))
    if any(step.times is None for step in steps[:-1]):
        raise RuleError(
            "steps: every step but the last needs times, or the steps after it are never reached", ("steps",)
        )
    if repeat and steps[-1].times is None:
        raise RuleError("repeat: the last step needs times too", ("repeat",))
    scenarios = [_read(text) for step in steps for text in step.scenarios]
    spoken = [each for each in OPERATIONS if any(s.applies_to(each) and not s.ok for s in scenarios)]
    chosen = next((each for each in OPERATIONS if each == operation), None) if operation else (spoken or OPERATIONS)[0]
    if chosen is None:
        message = f"operation must be one of {', '.join(OPERATIONS)}; got {str(operation)[:40]!r}"
        raise RuleError(message, ("operation",))
    if spoken and chosen not in spoken:
        message = f"operation is {chosen}, but the scenarios apply only to {', '.join(spoken)}"
        raise RuleError(message, ("operation",))
    return Rule(name, chosen, match, steps, repeat)


def _read(text: str) -> Scenario:
    try:
        return parse_scenario(text)
    except ValueError as error:
        raise RuleError(f"scenario {text[:60]!r}: {error}", (text,)) from None
