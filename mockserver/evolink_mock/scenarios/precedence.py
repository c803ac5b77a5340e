"""Scenario precedence: resolves which scenario applies to a request, from six sources in a fixed order."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from evolink_mock.core.seed import random_unit
from evolink_mock.core.task import SCENARIO_SOURCES, ScenarioSource, Task
from evolink_mock.scenarios.language import DEFAULT, Scenario, ScenarioOperation, parse_scenario
from evolink_mock.scenarios.rules import RequestFacts, Rule
from evolink_mock.scenarios.state import ScenarioState

if TYPE_CHECKING:
    from evolink_mock.scenarios.file import ScenarioFile

SOURCE_MEANINGS: Mapping[ScenarioSource, str] = {
    "prompt": "a directive at the end of the prompt: `[[mock: fail=service_error]]`",
    "header": "the header `X-Mock-Scenario: fail=service_error` of the request",
    "queued": "a scenario queued with `POST /__mock/scenarios`",
    "key": "the default of the key, from `POST /__mock/scenarios/default` or from the settings",
    "file": "a rule of the scenario file",
    "default": "no scenario: no faults",
}

_decode = msgspec.json.Decoder().decode


class Decision(NamedTuple):
    """The scenario of a request, its source, and the rule of that source that gave it."""

    source: ScenarioSource
    scenario: Scenario
    text: str | None = None
    rule: str = ""


BUILT_IN = Decision("default", DEFAULT)


class Lookup(NamedTuple):
    """One request, as the scenario sources see it. `task` is that of a query."""

    state: ScenarioState
    operation: ScenarioOperation
    directive: str | None
    header: str | None
    task: Task | None
    facts: Callable[[], RequestFacts]


class ScenarioResolver:
    """Resolves the scenario of each request of one emulator. `file` holds the rules of the scenario file, if any."""

    def __init__(self, file: "ScenarioFile | None") -> None:
        self._file = file

    def may_skip(self, state: ScenarioState, task: Task | None) -> bool:
        """Whether no source applies, leaving aside those that a request itself may carry."""
        return self._file is None and state.is_empty() and (task is None or task.scenario is None)

    def decide(self, lookup: Lookup) -> Decision:
        """Resolve the scenario of a request: the first source that applies wins.

        The scenario that a task was created with applies to its queries too, at the rank of its own source. Raises
        `ValueError` that names the source whose text is not a scenario, even where another source wins.
        """
        written = {
            "prompt": _parse(lookup, "prompt", "prompt", lookup.directive),
            "header": _parse(lookup, "header", "X-Mock-Scenario", lookup.header),
            "key": _parse(lookup, "key", "the key's scenario", lookup.state.of_key),
        }
        for source in SCENARIO_SOURCES[:-1]:
            if (found := self._from_source(source, lookup, written)) is not None:
                return found
            if (found := _of_task(lookup, source)) is not None:
                return found
        return BUILT_IN

    def _from_source(
        self, source: ScenarioSource, lookup: Lookup, written: Mapping[str, Decision | None]
    ) -> Decision | None:
        match source:
            case "queued":
                return _of_queue(lookup)
            case "file":
                return self._of_file(lookup)
            case _:
                return written[source]

    def _of_file(self, lookup: Lookup) -> Decision | None:
        if self._file is None:
            return None
        state = lookup.state
        found = _first_match(lookup, ((digest, rule, state.used.get(digest, 0)) for digest, rule in self._file.rules()))
        if found is None:
            return None
        state.use_of_file(found.label)
        return found.decision("file", f"{found.rule.name}, step {found.step}")


class _Found(NamedTuple):
    """A rule that matches a request, the step that it has reached, and the scenario drawn there."""

    label: str
    rule: Rule
    step: int
    text: str

    def decision(self, source: ScenarioSource, where: str) -> Decision:
        return Decision(source, parse_scenario(self.text), self.text, where)


def _first_match(lookup: Lookup, rules: Iterable[tuple[str, Rule, int]]) -> _Found | None:
    """The first of `rules` that matches the request; each comes with a label, which seeds its draws, and its uses.

    The caller counts the use.
    """
    state = lookup.state
    for label, rule, used in rules:
        if rule.operation != lookup.operation or not rule.match.matches(state.key, lookup.facts()):
            continue
        if (reached := rule.step(used)) is not None:
            number, step = reached
            return _Found(label, rule, number, step.choose(random_unit(state.seed, f"{label} {used}")))
    return None


def _parse(lookup: Lookup, source: ScenarioSource, where: str, text: str | None) -> Decision | None:
    if text is None:
        return None
    try:
        scenario = parse_scenario(text)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    # Words about queries in the scenario of a create apply to the queries of its task.
    of_queries = lookup.operation == "create" and source in ("prompt", "header") and scenario.applies_to("query")
    return Decision(source, scenario, text) if of_queries or scenario.applies_to(lookup.operation) else None


def _of_queue(lookup: Lookup) -> Decision | None:
    state = lookup.state
    queued = ((f"queued {number}", rule, row.used) for number, (row, rule) in state.queued.items())
    found = _first_match(lookup, queued)
    if found is None:
        return None
    state.use(int(found.label.removeprefix("queued ")))
    return found.decision("queued", found.rule.name)


def _of_task(lookup: Lookup, source: ScenarioSource) -> Decision | None:
    task = lookup.task
    if task is None or task.source != source or task.scenario is None:
        return None
    scenario = parse_scenario(task.scenario)
    if scenario.ok or not scenario.applies_to(lookup.operation):
        return None
    return Decision(source, scenario, task.scenario, task.rule)


def facts_of_create(body: object) -> RequestFacts:
    """The facts of a create that is not validated yet."""
    if not isinstance(body, dict):
        return RequestFacts("create")
    images = body.get("image_urls")
    image = images[0] if isinstance(images, list) and images else ""
    texts = (body.get("model"), body.get("prompt"), image, body.get("callback_url"))
    return RequestFacts("create", *(text if isinstance(text, str) else "" for text in texts))


def facts_of_query(name: str, task: Task | None) -> RequestFacts:
    about = RequestFacts("query") if task is None else facts_of_create(_decode(task.request))
    return about._replace(operation="query", task=name)
