"""Which scenario decides a request: several doors, of which the first that says something about it does."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from evolink_mock.core.seed import luck_of
from evolink_mock.core.task import DOORS, Door, Task
from evolink_mock.scenarios.language import DEFAULT, Scenario, Scripted, parse_scenario
from evolink_mock.scenarios.rules import Rule, Subject
from evolink_mock.worlds.world import World

if TYPE_CHECKING:
    from evolink_mock.scenarios.file import ScenarioFile

_decode = msgspec.json.Decoder().decode


class Decision(NamedTuple):
    """The scenario of a request, the door it came in by, and where in the door's rules it stood."""

    door: Door
    scenario: Scenario
    text: str | None = None
    rule: str = ""


BUILT_IN = Decision("default", DEFAULT)


class Asked(NamedTuple):
    """A request, as far as doors look at it. `task` is what a query asks for."""

    world: World
    operation: Scripted
    directive: str | None
    header: str | None
    task: Task | None
    subject: Callable[[], Subject]


class Doors:
    """All doors of one emulator. `file` holds the rules of the scenario file, if there is one."""

    def __init__(self, file: "ScenarioFile | None") -> None:
        self._file = file

    def silent(self, world: World, task: Task | None) -> bool:
        """Whether no door says anything but those that a request itself may have."""
        script = world.script
        return (
            not script.queued
            and script.default is None
            and self._file is None
            and world.grant.scenario is None
            and (task is None or task.scenario is None)
        )

    def decide(self, asked: Asked) -> Decision:
        """Raises `ValueError` that names the door whose text is no scenario.

        What was said of a task when it was created counts for its queries too, at the rank of its own door.
        """
        world = asked.world
        at_door: dict[Door, Callable[[], Decision | None]] = {
            "prompt": _read(asked, "prompt", "prompt", asked.directive),
            "header": _read(asked, "header", "X-Mock-Scenario", asked.header),
            "queued": lambda: _queued(asked),
            "key": _read(asked, "key", "the key's scenario", world.script.default or world.grant.scenario),
            "file": lambda: self._of_file(asked),
        }
        for door in DOORS[:-1]:
            if (found := at_door[door]()) is not None or (found := _of_task(asked, door)) is not None:
                return found
        return BUILT_IN

    def _of_file(self, asked: Asked) -> Decision | None:
        if self._file is None:
            return None
        script = asked.world.script
        found = _first_for(asked, ((digest, rule, script.used.get(digest, 0)) for digest, rule in self._file.rules()))
        if found is None:
            return None
        script.use_of_file(found.label)
        return found.decision("file", f"{found.rule.name}, step {found.step}")


class _Found(NamedTuple):
    """The rule for a request, the step that it has come to, and the scenario drawn there."""

    label: str
    rule: Rule
    step: int
    text: str

    def decision(self, door: Door, where: str) -> Decision:
        return Decision(door, parse_scenario(self.text), self.text, where)


def _first_for(asked: Asked, rules: Iterable[tuple[str, Rule, int]]) -> _Found | None:
    """Of rules, each with a label that its luck grows from and how often it was used, the first that is for a request.

    Whoever asks counts the use.
    """
    world = asked.world
    for label, rule, used in rules:
        if rule.operation != asked.operation or not rule.match.holds(world.key, asked.subject()):
            continue
        if (reached := rule.step(used)) is not None:
            world.store.touch()
            number, step = reached
            return _Found(label, rule, number, step.drawn(luck_of(world.seed, f"{label} {used}")))
    return None


def _read(asked: Asked, door: Door, where: str, text: str | None) -> Callable[[], Decision | None]:
    """Read at once, so that a faulty text is refused even where another door decides."""
    if text is None:
        return lambda: None
    try:
        scenario = parse_scenario(text)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    # What comes with a create and speaks of queries is said of those of its task.
    of_queries = asked.operation == "create" and door in ("prompt", "header") and scenario.concerns("query")
    concerned = of_queries or scenario.concerns(asked.operation)
    return lambda: Decision(door, scenario, text) if concerned else None


def _queued(asked: Asked) -> Decision | None:
    script = asked.world.script
    found = _first_for(asked, ((f"queued {number}", rule, row.used) for number, (row, rule) in script.queued.items()))
    if found is None:
        return None
    script.use(int(found.label.removeprefix("queued ")))
    return found.decision("queued", found.rule.name)


def _of_task(asked: Asked, door: Door) -> Decision | None:
    task = asked.task
    if task is None or task.door != door or task.scenario is None:
        return None
    scenario = parse_scenario(task.scenario)
    if scenario.ok or not scenario.concerns(asked.operation):
        return None
    return Decision(door, scenario, task.scenario, task.rule)


def subject_of(body: object) -> Subject:
    """What a create asks for, which nobody has judged yet."""
    if not isinstance(body, dict):
        return Subject("create")
    images = body.get("image_urls")
    image = images[0] if isinstance(images, list) and images else ""
    texts = (body.get("model"), body.get("prompt"), image, body.get("callback_url"))
    return Subject("create", *(text if isinstance(text, str) else "" for text in texts))


def subject_of_task(name: str, task: Task | None) -> Subject:
    about = Subject("query") if task is None else subject_of(_decode(task.request))
    return about._replace(operation="query", task=name)
