"""Schema of scenario rules, as users write them in TOML or JSON."""

from typing import Annotated, Literal

import msgspec

from evolink_mock.scenarios.language import LONGEST
from evolink_mock.scenarios.rules import RequestMatch, Rule, RuleError, RuleStep, read_rule, read_step

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
        """The step. Raises `RuleError`."""
        if (self.scenario is None) == (self.weights is None):
            raise RuleError("give either scenario or weights", ("scenario",))
        weights = {self.scenario: 1.0} if self.scenario is not None else self.weights or {}
        try:
            return read_step(weights.items(), self.times)
        except RuleError as error:
            setting = "weights" if self.scenario is None else "scenario"
            raise RuleError(str(error), (setting, *error.path)) from None


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
        """The rule, with a name and with the times of its last step where it has none itself. Raises `RuleError`."""
        steps = self._steps()
        if steps and steps[-1].times is None:
            steps[-1] = steps[-1]._replace(times=times)
        match = RequestMatch(**msgspec.structs.asdict(self.match))
        return read_rule(self.name or name, self.operation, match, tuple(steps), self.repeat)

    def _steps(self) -> list[RuleStep]:
        if self.scenario is not None or self.weights is not None or self.times is not None:
            if self.steps is not None:
                raise RuleError("give either steps or one scenario with its times", ("steps",))
            return [StepSpec(self.scenario, self.weights, self.times).step()]
        steps: list[RuleStep] = []
        for place, spec in enumerate(self.steps or []):
            try:
                steps.append(spec.step())
            except RuleError as error:
                raise RuleError(f"step {place + 1}: {error}", ("steps", place, *error.path)) from None
        return steps
