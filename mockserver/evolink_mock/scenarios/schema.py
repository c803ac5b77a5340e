"""A rule as users write it, in TOML or in JSON, and what must hold of it."""

from typing import Annotated, Literal

import msgspec

from evolink_mock.scenarios.language import LONGEST
from evolink_mock.scenarios.rules import RequestMatch, Rule, RuleStep, read_rule, read_step

MAX_RULES = 1000
Times = Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="requests that the step is for")]
Text = Annotated[
    str,
    msgspec.Meta(max_length=LONGEST, description="word=value; word=value, or ok", examples=["create=rate_limited"]),
]
Weights = Annotated[
    dict[str, float],
    msgspec.Meta(min_length=1, max_length=20, description="scenarios, each with how often it comes among the others"),
]
Short = Annotated[str, msgspec.Meta(max_length=500)]


class StepSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One `scenario`, or one drawn by `weights`, for `times` requests."""

    scenario: Text | None = None
    weights: Weights | None = None
    times: Times | None = None

    def step(self) -> RuleStep:
        """Raises `ValueError`."""
        if (self.scenario is None) == (self.weights is None):
            raise ValueError("give either scenario or weights")
        drawn = {self.scenario: 1.0} if self.scenario is not None else self.weights or {}
        return read_step(drawn.items(), self.times)


class MatchSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which requests a rule is for: all that is given must hold."""

    key: Short = ""
    model: Short = ""
    prompt_contains: Short = ""
    image_contains: Short = ""
    callback_contains: Short = ""
    task: Short = ""


class RuleSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One `scenario` (or `weights`) for `times` requests, or `steps` one after the other, perhaps again and again.

    `operation` is, unless given, the first of create, query and credits that the scenarios speak of.
    """

    name: Annotated[str, msgspec.Meta(max_length=100)] = ""
    operation: Literal["create", "query", "credits"] | None = None
    match: MatchSpec = MatchSpec()
    scenario: Text | None = None
    weights: Weights | None = None
    times: Times | None = None
    steps: Annotated[list[StepSpec], msgspec.Meta(max_length=100)] | None = None
    repeat: bool = False

    def rule(self, name: str = "", times: int | None = None) -> Rule:
        """The rule, with a name and with the times of its last step where it has none itself. Raises `ValueError`."""
        own = self.scenario is not None or self.weights is not None or self.times is not None
        if own and self.steps is not None:
            raise ValueError("give either steps or one scenario with its times")
        forms = [StepSpec(self.scenario, self.weights, self.times)] if own else self.steps or []
        steps: list[RuleStep] = []
        for number, form in enumerate(forms, 1):
            try:
                steps.append(form.step())
            except ValueError as error:
                raise ValueError(f"step {number}: {error}" if self.steps else str(error)) from None
        if steps and steps[-1].times is None:
            steps[-1] = steps[-1]._replace(times=times)
        matched = RequestMatch(*msgspec.structs.astuple(self.match))
        return read_rule(self.name or name, self.operation, matched, tuple(steps), self.repeat)
