"""Check of a scenario file's rules: every mistake, and every rule or word that can never take effect."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from evolink_contracts.spec.models import MODELS
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.form_errors import FormError, FormPath, Wording, form_errors
from evolink_mock.scenarios.language import parse_scenario, scenario_mistakes
from evolink_mock.scenarios.rules import RequestMatch, Rule, RuleError
from evolink_mock.scenarios.schema import RuleSpec, StepSpec

_WORDING = Wording("a table", "setting of a {}", "rule")
_NEVER_KNOWN = {
    "create": ("task",),
    "query": (),
    "credits": ("model", "prompt_contains", "image_contains", "callback_contains", "task"),
}
"""Conditions on facts that requests of an operation do not have."""


def read_rule_of_file(given: object, place: int) -> tuple[RuleSpec, Rule] | list[FormError]:
    """A rule of a file, or every mistake in it."""
    errors = list(_mistakes(given))
    if errors:
        return errors
    try:
        spec = msgspec.convert(given, RuleSpec)
        return spec, spec.rule(f"rule {place + 1}")
    except RuleError as error:
        return [FormError(error.path, str(error))]
    except msgspec.ValidationError as error:
        return [FormError((), str(error))]


def _mistakes(given: object) -> Iterator[FormError]:
    """Mistakes of the form, of each scenario's text, and of each step by itself."""
    found = [
        FormError(path, message.replace("setting of a steps", "setting of a step"))
        for path, message in form_errors(given, RuleSpec, _WORDING)
    ]
    found += _mistakes_of_texts(given)
    steps = given.get("steps") if isinstance(given, dict) else None
    for place, step in enumerate(steps if isinstance(steps, list) else []):
        if not any(error.path[:2] == ("steps", place) for error in found):
            try:
                msgspec.convert(step, StepSpec).step()
            except RuleError as error:
                found.append(FormError(("steps", place, *error.path), f"step {place + 1}: {error}"))
    yield from found


def _mistakes_of_texts(given: object) -> Iterator[FormError]:
    for path, text in _texts(given):
        prefix = f"step {int(path[1]) + 1}: " if path[0] == "steps" else ""
        for mistake in scenario_mistakes(text):
            yield FormError(path, f"{prefix}scenario {text[:60]!r}: {mistake}")


def _texts(given: object) -> Iterator[tuple[FormPath, str]]:
    """The scenario texts of a rule, as far as they are where they belong, with their paths."""
    if not isinstance(given, dict):
        return
    steps = given.get("steps")
    tables: list[tuple[FormPath, Any]] = [((), given)]
    tables += [(("steps", place), step) for place, step in enumerate(steps if isinstance(steps, list) else [])]
    for path, table in tables:
        if isinstance(table, dict):
            if isinstance(text := table.get("scenario"), str):
                yield (*path, "scenario"), text
            weights = table.get("weights")
            for name in weights if isinstance(weights, dict) else ():
                yield (*path, "weights", name), name


def rule_warnings(rules: Sequence[Rule]) -> Iterator[tuple[int, FormPath, str]]:
    """Rules, conditions and scenarios that can never take effect: the rule's place, the path in it, and the reason."""
    for place, rule in enumerate(rules):
        before = next((each for each in rules[:place] if _hides(each, rule)), None)
        if before is not None:
            yield (
                place,
                (),
                f"{rule.name!r} never applies: {before.name!r} before it matches the same requests, without an end",
            )
            continue
        for condition in _NEVER_KNOWN[rule.operation]:
            if getattr(rule.match, condition):
                fact = condition.removesuffix("_contains")
                says = f"{rule.name!r} never applies: a {rule.operation} request has no {fact}"
                yield place, ("match", condition), says
        if rule.operation != "credits" and rule.match.model and rule.match.model not in MODELS:
            yield place, ("match", "model"), unknown_name("model", rule.match.model, tuple(MODELS))
        yield from ((place, path, says) for path, says in _idle_scenarios(rule))


def _idle_scenarios(rule: Rule) -> Iterator[tuple[FormPath, str]]:
    for number, step in enumerate(rule.steps, 1):
        path: FormPath = ("steps", number - 1) if len(rule.steps) > 1 else ()
        for text, weight in zip(step.scenarios, step.weights, strict=True):
            if not parse_scenario(text).applies_to(rule.operation):
                yield path, f"step {number}: {text!r} has no word that applies to a {rule.operation} request"
            elif not weight:
                yield path, f"step {number}: {text!r} has the weight 0, so it is never drawn"


def _hides(before: Rule, rule: Rule) -> bool:
    """Whether the earlier of two rules takes every request that the later one would match."""
    endless = before.repeat or before.steps[-1].times is None
    return endless and before.operation == rule.operation and _covers(before.match, rule.match)


def _covers(wide: RequestMatch, narrow: RequestMatch) -> bool:
    equal = all(getattr(wide, name) in ("", getattr(narrow, name)) for name in ("key", "model", "task"))
    contained = ("prompt_contains", "image_contains", "callback_contains")
    return equal and all(getattr(wide, name) in getattr(narrow, name) for name in contained)
