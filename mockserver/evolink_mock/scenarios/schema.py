"""Schema of scenario rules, as users write them in TOML or JSON."""

from typing import Annotated, Literal

import msgspec

from evolink_mock.scenarios.language import LONGEST
from evolink_mock.scenarios.rules import RequestMatch, Rule, RuleError, RuleStep, read_rule, read_step

MAX_RULES = 1000
Times = Annotated[
    int,
    msgspec.Meta(
        ge=1,
        le=1_000_000,
        description="number of requests that the step applies to; only the last step may lack it: it then applies to "
        "all further requests in a file, and to 1 in a queued rule",
    ),
]
Text = Annotated[
    str,
    msgspec.Meta(max_length=LONGEST, description="`word=value; word=value`, or `ok`", examples=["create=rate_limited"]),
]
Weights = Annotated[
    dict[str, float],
    msgspec.Meta(
        min_length=1,
        max_length=20,
        description="scenarios with their weights, of which one is chosen at random for each request",
    ),
]
Key = Annotated[str, msgspec.Meta(max_length=500, description="API key of the request")]
Model = Annotated[str, msgspec.Meta(max_length=500, description="model of the request")]
Prompt = Annotated[str, msgspec.Meta(max_length=500, description="text that the prompt contains")]
Image = Annotated[str, msgspec.Meta(max_length=500, description="text that an image URL contains")]
Callback = Annotated[str, msgspec.Meta(max_length=500, description="text that the callback URL contains")]
TaskId = Annotated[str, msgspec.Meta(max_length=500, description="id of the task that is queried")]
Name = Annotated[str, msgspec.Meta(max_length=100, description="name of the rule in the journal and in explanations")]
Operation = Annotated[
    Literal["create", "query", "credits"] | None,
    msgspec.Meta(description="operation that the rule applies to; unless given, the first that its scenarios affect"),
]
Repeat = Annotated[bool, msgspec.Meta(description="start again with the first step after the last")]


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


Steps = Annotated[
    list[StepSpec], msgspec.Meta(max_length=100, description="consecutive steps, instead of one scenario")
]


class MatchSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which requests a rule is for: all that is given must hold."""

    key: Key = ""
    model: Model = ""
    prompt_contains: Prompt = ""
    image_contains: Image = ""
    callback_contains: Callback = ""
    task: TaskId = ""


class RuleSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One `scenario` (or `weights`) for `times` requests, or `steps` one after the other, perhaps again and again.

    `operation` is, unless given, the first of create, query and credits that the scenarios speak of.
    """

    name: Name = ""
    operation: Operation = None
    match: Annotated[MatchSpec, msgspec.Meta(description="requests that the rule applies to; all unless given")] = (
        MatchSpec()
    )
    scenario: Text | None = None
    weights: Weights | None = None
    times: Times | None = None
    steps: Steps | None = None
    repeat: Repeat = False

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
