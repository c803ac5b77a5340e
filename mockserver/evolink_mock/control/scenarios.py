"""The control calls about scenarios: what waits in the queue, the key's own, the file, and the words there are."""

from typing import TYPE_CHECKING

import msgspec

from evolink_mock.control.endpoint import ControlCall, ControlError, ControlRequest, parse_body
from evolink_mock.core.redaction import masked_key
from evolink_mock.scenarios.language import WORDS, parse_scenario
from evolink_mock.scenarios.schema import RuleSpec
from evolink_mock.scenarios.state import QueuedRule
from evolink_mock.worlds.world import World

_QUEUE = (
    'queue for the next creates: {"scenario": "fail=service_error", "times": 2, "match": {"prompt_contains": "cat"}}'
)

if TYPE_CHECKING:
    from evolink_mock.scenarios.file import ScenarioFile
_DEFAULT = 'what the key\'s requests get: {"scenario": "create=rate_limited"}, or {"scenario": null} for nothing'


class DefaultForm(msgspec.Struct, forbid_unknown_fields=True):
    """The key's own scenario; `None` takes it away."""

    scenario: str | None


class ScenarioCalls:
    """The calls about the scenarios of one emulator's worlds."""

    def __init__(self, file: "ScenarioFile | None") -> None:
        self._file = file

    def table(self) -> tuple[ControlCall, ...]:
        return (
            ControlCall("GET", "/scenarios", "queued scenarios, the key's own, the file", self._list),
            ControlCall("POST", "/scenarios", _QUEUE, self._queue),
            ControlCall("DELETE", "/scenarios", "forget what is queued, and the key's own", self._clear),
            ControlCall("POST", "/scenarios/default", _DEFAULT, self._set_default),
            ControlCall("GET", "/scenarios/words", "every word of a scenario", self._words, of_world=False),
            ControlCall("GET", "/scenarios/schema", "JSON Schema of a scenario file", self._schema, of_world=False),
            # Last, since any word would do as its number.
            ControlCall("DELETE", "/scenarios/{number}", "forget one that is queued", self._forget),
        )

    async def _list(self, ask: ControlRequest) -> object:
        rows = [self._show(world) | ({"key": masked_key(world.key)} if ask.all_worlds else {}) for world in ask.worlds]
        return {"worlds": rows} if ask.all_worlds else rows[0]

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
        return {"path": str(self._file.path), "error": self._file.error, "loads": self._file.loads, "rules": rules}

    async def _queue(self, ask: ControlRequest) -> object:
        form = parse_body(ask.body, RuleSpec)
        rows = []
        for world in ask.worlds:
            try:
                rows.append(_show_queued(world.scenarios.queue(form)))
            except ValueError as error:
                raise ControlError(400, "invalid_body", str(error)) from None
            except OverflowError as error:
                raise ControlError(429, "too_many_waiting", f"{error}; DELETE /__mock/scenarios forgets them") from None
        return {"worlds": rows} if ask.all_worlds else rows[0]

    async def _clear(self, ask: ControlRequest) -> object:
        for world in ask.worlds:
            world.scenarios.clear()
        return await self._list(ask)

    async def _forget(self, ask: ControlRequest) -> object:
        text = ask.path["number"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0  # They begin at 1.
        held = [world for world in ask.worlds if number in world.scenarios.queued]
        if not held:
            raise ControlError(
                404, "scenario_not_found", "No such scenario is queued; GET /__mock/scenarios lists them"
            )
        for world in held:
            world.scenarios.forget(number)
        return await self._list(ask)

    async def _set_default(self, ask: ControlRequest) -> object:
        text = parse_body(ask.body, DefaultForm).scenario
        if text is not None:
            try:
                parse_scenario(text)
            except ValueError as error:
                raise ControlError(400, "invalid_body", f"scenario: {error}") from None
        for world in ask.worlds:
            world.scenarios.set_default(text)
        return await self._list(ask)

    async def _words(self, ask: ControlRequest) -> object:
        return {
            "words": {
                name: {"says": word.summary, ("example" if word.open else "values"): _examples(word.values, word.open)}
                for name, word in WORDS.items()
            }
            | {
                "flap": {"says": "short for query=internal_error; times=N", "example": "2"},
                "ok": {"says": "nothing goes wrong; stands alone", "values": []},
            }
        }

    async def _schema(self, ask: ControlRequest) -> object:
        from evolink_mock.scenarios.file import schema

        return schema()


def _examples(values: tuple[str, ...], is_open: bool) -> object:
    return values[0] if is_open else values


def _show_queued(row: QueuedRule) -> dict[str, object]:
    return {"number": row.number, "used": row.used, **msgspec.to_builtins(row.spec)}
