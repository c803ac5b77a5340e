"""Control calls of scenarios: the queue, the key's default, the file, the words and the schema."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import msgspec

from evolink_mock.control.endpoint import ControlCall, ControlError, ControlRequest, parse_body
from evolink_mock.scenarios.language import SHORTHANDS, WORDS, parse_scenario
from evolink_mock.scenarios.schema import RuleSpec
from evolink_mock.scenarios.state import QueuedRule
from evolink_mock.worlds.world import World

if TYPE_CHECKING:
    from evolink_mock.scenarios.file import ScenarioFile

_QUEUE = (
    'queue for the next creates: {"scenario": "fail=service_error", "times": 2, "match": {"prompt_contains": "cat"}}'
)
_DEFAULT = 'set the key\'s default: {"scenario": "create=rate_limited"}; {"scenario": null} removes it'


class DefaultScenario(msgspec.Struct, forbid_unknown_fields=True):
    """The key's default scenario; `None` removes it."""

    scenario: Annotated[str | None, msgspec.Meta(description="`word=value; word=value`; null removes the default")]


class ScenarioCalls:
    """The calls of `/__mock/scenarios`."""

    def __init__(self, file: "ScenarioFile | None") -> None:
        self._file = file

    def table(self) -> tuple[ControlCall, ...]:
        return (
            ControlCall("GET", "/scenarios", "queued scenarios, the key's default, the file", self._list),
            ControlCall("POST", "/scenarios", _QUEUE, self._queue, body=RuleSpec),
            ControlCall("DELETE", "/scenarios", "remove the queued scenarios and the key's default", self._clear),
            ControlCall("POST", "/scenarios/default", _DEFAULT, self._set_default, body=DefaultScenario),
            ControlCall("GET", "/scenarios/words", "every word of the scenario language", self._words, of_world=False),
            ControlCall("GET", "/scenarios/schema", "JSON Schema of a scenario file", self._schema, of_world=False),
            # Last, since its pattern matches `words` and `schema` too.
            ControlCall("DELETE", "/scenarios/{number}", "remove one queued scenario", self._forget),
        )

    async def _list(self, request: ControlRequest) -> object:
        return await request.one_or_all((world, partial(self._show, world)) for world in request.worlds)

    def _show(self, world: World) -> dict[str, object]:
        return {
            "queued": [_show_queued(row) for row, _ in world.scenarios.queued.values()],
            "key": world.scenarios.of_key,
            "file": self._show_file(world),
        }

    def _show_file(self, world: World) -> dict[str, object] | None:
        if self._file is None:
            return None
        rules = [
            {"name": rule.name, "operation": rule.operation, "used": world.scenarios.used.get(digest, 0)}
            for digest, rule in self._file.rules()
        ]
        return {
            "path": str(self._file.path),
            "error": self._file.error,
            "warnings": self._file.warnings,
            "loads": self._file.loads,
            "rules": rules,
        }

    async def _queue(self, request: ControlRequest) -> object:
        spec = parse_body(request.body, RuleSpec)
        queued = []
        for world in request.worlds:
            try:
                queued.append(world.scenarios.queue(spec))
            except ValueError as error:
                raise ControlError(400, "invalid_body", str(error)) from None
            except OverflowError as error:
                raise ControlError(429, "too_many_waiting", f"{error}; DELETE /__mock/scenarios removes them") from None
        shown = (partial(_show_queued, row) for row in queued)
        return await request.one_or_all(zip(request.worlds, shown, strict=True))

    async def _clear(self, request: ControlRequest) -> object:
        for world in request.worlds:
            world.scenarios.clear()
        return await self._list(request)

    async def _forget(self, request: ControlRequest) -> object:
        text = request.path["number"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0  # Numbers begin at 1.
        holders = [world for world in request.worlds if number in world.scenarios.queued]
        if not holders:
            raise ControlError(
                404, "scenario_not_found", "No such scenario is queued; GET /__mock/scenarios lists them"
            )
        for world in holders:
            world.scenarios.forget(number)
        return await self._list(request)

    async def _set_default(self, request: ControlRequest) -> object:
        text = parse_body(request.body, DefaultScenario).scenario
        if text is not None:
            try:
                parse_scenario(text)
            except ValueError as error:
                raise ControlError(400, "invalid_body", f"scenario: {error}") from None
        for world in request.worlds:
            world.scenarios.set_default(text)
        return await self._list(request)

    async def _words(self, request: ControlRequest) -> object:
        return {
            "words": {
                name: {"says": word.summary, ("example" if word.open else "values"): _examples(word.values, word.open)}
                for name, word in WORDS.items()
            }
            | {name: {"says": row.summary, "example": row.example} for name, row in SHORTHANDS.items()}
        }

    async def _schema(self, request: ControlRequest) -> object:
        from evolink_mock.scenarios.file import schema

        return schema()


def _examples(values: tuple[str, ...], is_open: bool) -> object:
    return values[0] if is_open else values


def _show_queued(row: QueuedRule) -> dict[str, object]:
    return {"number": row.number, "used": row.used, **msgspec.to_builtins(row.spec)}
