"""Check of a scenario file's rules: every mistake, and every rule or word that can never take effect."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
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
    endless: dict[tuple[object, ...], list[tuple[int, Rule]]] = defaultdict(list)
    for place, rule in enumerate(rules):
        hiding = (found for each in _wider(rule) if (found := _first_hiding(endless.get(each, ()), rule)))
        _, before = min(hiding, key=lambda found: found[0], default=(0, None))
        if rule.repeat or rule.steps[-1].times is None:
            match = rule.match
            endless[rule.operation, match.key, match.model, match.task].append((place, rule))
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


def _wider(rule: Rule) -> Iterator[tuple[object, ...]]:
    """The operation, key, model and task of a rule, and each way to leave some of them open."""
    match = rule.match
    for parts in product(*({"", part} for part in (match.key, match.model, match.task))):
        yield (rule.operation, *parts)


def _first_hiding(earlier: Sequence[tuple[int, Rule]], rule: Rule) -> tuple[int, Rule] | None:
    """The first of some earlier rules that takes every request which this rule would match, with its place."""
    return next(((place, each) for place, each in earlier if _covers(each.match, rule.match)), None)


def _covers(wide: RequestMatch, narrow: RequestMatch) -> bool:
    return (
        wide.prompt_contains in narrow.prompt_contains
        and wide.image_contains in narrow.image_contains
        and wide.callback_contains in narrow.callback_contains
    )
