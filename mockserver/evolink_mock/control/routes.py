"""The control API under /__mock: time, worlds, tasks and what happened, for tests and for people at a prompt."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec
from starlette.routing import Route

from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.spec.wire import TERMINAL
from evolink_mock.clock import LAST_INSTANT, MAX_SPEED, Mode, make_clock, monotonic
from evolink_mock.control.deliveries import DeliveryCalls
from evolink_mock.control.endpoint import (
    ControlCall,
    ControlEndpoint,
    ControlError,
    ControlRequest,
    parse_body,
    read_duration,
    read_number,
)
from evolink_mock.control.long_poll import LOG_PARAMETERS, MAX_ROWS, MAX_WAIT, long_poll, settle_in_slices
from evolink_mock.control.scenarios import ScenarioCalls
from evolink_mock.control.views import task_detail, task_summary
from evolink_mock.core.billing import MAX_BALANCE
from evolink_mock.core.duration import Micros, show_duration, to_seconds
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.redaction import masked_key
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.core.task import EarlyEnd, Failure, Task, to_credits, to_units
from evolink_mock.delivery.dispatcher import Dispatcher
from evolink_mock.settings import Settings
from evolink_mock.worlds.journal import show_entry, show_event
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.world import World

if TYPE_CHECKING:
    from evolink_mock.scenarios.file import ScenarioFile

_CLOCK_CHANGES = '{"advance": "7s"}, {"until": "next-event"} or {"mode": "manual"}'
_LOOKING_ON = (
    "GET /__mock/timeline: tasks as lanes, as server-sent events; Last-Event-ID goes on where it broke off",
    "GET /__mock/ui: the timeline's page",
)
_WORLD_CHANGES = '{"reset": true}, {"seed": 7}, {"balance": 20}, {"balance": null} or {"top_up": 10}'
_OUTCOMES = 'end an unfinished task now: {"status": "failed", "code": "service_error"} or {"status": "completed"}'
_MODES: Mapping[str, Mode] = {"real": "real", "scaled": "scaled", "manual": "manual", "auto": "auto"}
_STATUS = re.compile("[1-5][0-9x][0-9x]")


class ClockChange(msgspec.Struct, forbid_unknown_fields=True):
    """Exactly one of `advance`, `until` and `mode`; `speed` goes with mode scaled."""

    advance: str | None = None
    until: str | None = None
    mode: str | None = None
    speed: float | None = None


class WorldChange(msgspec.Struct, forbid_unknown_fields=True):
    """`reset` starts the world anew; `seed` alone changes the luck of tasks to come.

    `balance` is how many credits shall remain, `null` without a limit; `top_up` is how many more there shall be.
    """

    reset: bool = False
    seed: int | None = None
    balance: float | msgspec.UnsetType | None = msgspec.UNSET
    top_up: float | None = None


class ForcedOutcome(msgspec.Struct, forbid_unknown_fields=True):
    """How a task shall end, now. `code` is free: upstream codes pass through the real service too."""

    status: str
    code: str | None = None
    message: str | None = None


class Control:
    """The control calls of one emulator."""

    def __init__(
        self, settings: Settings, worlds: WorldRegistry, dispatcher: Dispatcher, file: "ScenarioFile | None" = None
    ) -> None:
        self._settings = settings
        self._worlds = worlds
        self.dispatcher = dispatcher
        self._callbacks = DeliveryCalls(worlds)
        self._scenarios = ScenarioCalls(file)
        self.draining = False

    def table(self) -> tuple[ControlCall, ...]:
        """Every call, as data: routes, refusals of unknown parameters and the index are all made from it."""
        return (
            ControlCall("GET", "/", "this list", self._index, of_world=False),
            ControlCall("GET", "/health", "is the process alive", self._health, of_world=False),
            ControlCall("GET", "/ready", "are requests accepted", self._ready, of_world=False),
            ControlCall("GET", "/fidelity", "each behaviour and how well it is known", self._fidelity, of_world=False),
            ControlCall("GET", "/clock", "mode, instant and next event", self._clock),
            ControlCall("POST", "/clock", _CLOCK_CHANGES, self._move),
            ControlCall("GET", "/worlds", "what belongs to the key", self._list_worlds),
            ControlCall("POST", "/worlds", _WORLD_CHANGES, self._change_worlds),
            ControlCall("GET", "/tasks", "tasks, newest first", self._tasks, ("status", "limit", "offset")),
            ControlCall("GET", "/tasks/{task_id}", "one task: request, plan, state, charges", self._task),
            ControlCall("GET", "/tasks/{task_id}/explain", "the story of a task in words", self._explain),
            ControlCall("POST", "/tasks/{task_id}/cancel", "cancel an unfinished task", self._cancel),
            ControlCall("POST", "/tasks/{task_id}/outcome", _OUTCOMES, self._set_outcome),
            ControlCall("GET", "/events", "what happened to tasks and clocks", self._events, ("task", *LOG_PARAMETERS)),
            ControlCall(
                "GET",
                "/journal",
                "requests and their answers",
                self._journal,
                ("task", "route", "status", *LOG_PARAMETERS),
            ),
            *self._callbacks.table(),
            *self._scenarios.table(),
        )

    def routes(self) -> list[Route]:
        """One route a path, so that other methods get a 405 that names the right ones."""
        paths = dict.fromkeys(call.path for call in self.table())
        return [Route(path, self._endpoint([call for call in self.table() if call.path == path])) for path in paths]

    def unknown_route(self) -> ControlEndpoint:
        """Answers what no call matches."""
        return self._endpoint([])

    def _endpoint(self, calls: list[ControlCall]) -> ControlEndpoint:
        return ControlEndpoint(calls, self._worlds, self._settings.keys)

    def drain(self) -> None:
        """Stop being ready, and let everybody go who waits."""
        self.draining = True
        self.dispatcher.stop()
        self._callbacks.drain()
        self._worlds.notify_all()

    def is_shutting_down(self) -> bool:
        """Whether nobody shall wait any longer."""
        return self.draining

    # About the server

    async def _index(self, ask: ControlRequest) -> object:
        listed = [f"{call.method} /__mock{call.path}: {call.summary}" for call in self.table()]
        return {"calls": [*listed, *_LOOKING_ON]}

    async def _health(self, ask: ControlRequest) -> object:
        return {"status": "ok", "worlds": len(self._worlds), "worlds_evicted": self._worlds.evicted}

    async def _ready(self, ask: ControlRequest) -> object:
        if self.draining:
            raise ControlError(503, "draining", "Shutting down")
        return {"status": "ready"}

    async def _fidelity(self, ask: ControlRequest) -> object:
        from evolink_mock.control.fidelity import fidelity

        return fidelity(self._settings.choices)

    # Time

    async def _clock(self, ask: ControlRequest) -> object:
        for world in ask.worlds:
            await settle_in_slices(world)
        return _each(ask, [_show_clock(world) for world in ask.worlds])

    async def _move(self, ask: ControlRequest) -> object:
        change = parse_body(ask.body, ClockChange)
        chosen = [name for name in ("advance", "until", "mode") if getattr(change, name) is not None]
        if len(chosen) != 1:
            raise ControlError(400, "invalid_body", "Give exactly one of advance, until and mode")
        if change.mode is not None and change.mode not in _MODES:
            raise ControlError(400, "invalid_body", unknown_name("mode", change.mode, _MODES))
        if change.speed is not None and change.mode != "scaled":
            raise ControlError(400, "invalid_body", 'speed goes with {"mode": "scaled"}')
        speed = (change.speed or self._settings.speed) if change.mode == "scaled" else 1.0
        if not 0.001 <= speed <= MAX_SPEED or change.speed == 0:
            raise ControlError(400, "invalid_body", f"speed must be from 0.001 to {MAX_SPEED:.0f}; got {change.speed}")
        if change.until not in (None, "next-event"):
            raise ControlError(400, "invalid_body", f'until must be "next-event"; got {change.until[:40]!r}')
        by = read_duration("advance", change.advance) if change.advance is not None else 0
        until = monotonic() + to_seconds(MAX_WAIT)
        for world in ask.worlds:
            async with world.clock_lock:
                await settle_in_slices(world)
                if change.mode is not None:
                    world.change_clock(make_clock(_MODES[change.mode], start=world.clock.now(), speed=speed))
                elif change.until is not None:
                    await self._travel(world, world.next_event(), until)
                else:
                    await self._travel(world, world.clock.now() + by, until)
        return _each(ask, [_show_clock(world) for world in ask.worlds])

    async def _travel(self, world: World, target: Micros | None, until: float) -> None:
        if target is None:
            return
        if target > LAST_INSTANT:
            raise ControlError(400, "invalid_body", "No clock goes beyond the year 2100")
        before, generation = world.clock.now(), world.epoch
        await self.dispatcher.travel(world, target, until)
        await settle_in_slices(world)
        if world.epoch == generation:
            world.record_event("clock.moved", show_duration(max(min(target, world.clock.now()) - before, 0)))

    # Worlds

    async def _list_worlds(self, ask: ControlRequest) -> object:
        return {"worlds": [_show_world(world) for world in ask.worlds]}

    async def _change_worlds(self, ask: ControlRequest) -> object:
        change = parse_body(ask.body, WorldChange)
        if not change.reset and change.seed is None and change.balance is msgspec.UNSET and change.top_up is None:
            raise ControlError(400, "invalid_body", f"Give one or more of {_WORLD_CHANGES}")
        for amount in (change.balance, change.top_up):
            if isinstance(amount, float) and not 0 <= amount <= MAX_BALANCE:
                raise ControlError(400, "invalid_body", f"credits must be from 0 to {MAX_BALANCE:,}; got {amount}")
        if change.seed is not None and not 0 <= change.seed < 2**63:
            raise ControlError(400, "invalid_body", "seed must be from 0 to 2^63 - 1")
        for world in ask.worlds:
            if change.reset:
                self._worlds.reset(world, change.seed)
            elif change.seed is not None:
                world.reseed(change.seed)
            await settle_in_slices(world)
            if not isinstance(change.balance, msgspec.UnsetType):
                left = None if change.balance is None else to_units(change.balance)
                world.change_balance(world.store.ledger.limited_to(left))
            if change.top_up is not None:
                world.change_balance(world.store.ledger.topped_up(to_units(change.top_up)))
        return {"worlds": [_show_world(world) for world in ask.worlds]}

    # Tasks

    async def _tasks(self, ask: ControlRequest) -> object:
        limit = read_number(ask, "limit", 100, MAX_ROWS)
        offset = read_number(ask, "offset", 0, 10**9)
        wanted = ask.query.get("status")
        known = ("pending", "processing", *sorted(TERMINAL))
        if wanted is not None and wanted not in known:
            raise ControlError(400, "invalid_query", unknown_name("status", wanted, known))
        rows: list[dict[str, object]] = []
        for world in ask.worlds:
            for name, task in world.store.newest_first():
                row = task_summary(world, name, task)
                if wanted not in (None, row["status"]):
                    continue
                if offset:
                    offset -= 1
                    continue
                if len(rows) == limit:
                    return {"tasks": rows}
                rows.append(row | ({"key": masked_key(world.key)} if ask.all_worlds else {}))
        return {"tasks": rows}

    async def _task(self, ask: ControlRequest) -> object:
        world, name, task = self._find(ask)
        return task_detail(world, name, task, self._settings.choices)

    async def _explain(self, ask: ControlRequest) -> object:
        from evolink_mock.control.explain import explain_task, show_explanation

        world, name, task = self._find(ask)
        return show_explanation(name, explain_task(world, name, task), task.created)

    async def _cancel(self, ask: ControlRequest) -> object:
        if ask.body.strip() not in (b"", b"{}"):
            raise ControlError(400, "invalid_body", "cancel takes no body")
        return await self._end(ask, "cancelled", None)

    async def _set_outcome(self, ask: ControlRequest) -> object:
        outcome = parse_body(ask.body, ForcedOutcome)
        if outcome.status == "completed":
            if outcome.code is not None or outcome.message is not None:
                raise ControlError(400, "invalid_body", "code and message go with failed")
            return await self._end(ask, "forced", None)
        if outcome.status != "failed":
            raise ControlError(400, "invalid_body", f"status must be completed or failed; got {outcome.status[:40]!r}")
        code = outcome.code or "unknown_error"
        if len(code) > 100 or len(outcome.message or "") > 2000:
            raise ControlError(400, "invalid_body", "code has at most 100 characters, message at most 2000")
        documented = FAILURES.get(code)
        message = outcome.message or (documented.message if documented else code)
        return await self._end(ask, "forced", Failure(code, message))

    async def _end(self, ask: ControlRequest, kind: Literal["cancelled", "forced"], failure: Failure | None) -> object:
        for world in ask.worlds:
            await settle_in_slices(world)
        # From here on nobody else gets a turn: what is found unfinished is still so when it is ended.
        world, name, task = self._find(ask)
        now = world.clock.now()
        world.apply_due(now)
        elapsed = now - task.created
        state = state_of(task, now)
        if state.ended is not None:
            raise ControlError(409, "task_ended", f"The task has ended already: {state.status}")
        ended = world.end(name, task, EarlyEnd(kind, elapsed, failure))
        return task_detail(world, name, ended, self._settings.choices)

    def _find(self, ask: ControlRequest) -> tuple[World, str, Task]:
        name = ask.path["task_id"]
        for world in ask.worlds:
            if (task := world.store.get(name)) is not None:
                return world, name, task
        raise ControlError(404, "task_not_found", "No such task in this world; ?all=true looks in every one")

    # What happened

    async def _events(self, ask: ControlRequest) -> object:
        def rows(world: World, after: int, limit: int) -> list[dict[str, object]]:
            wanted = ask.query.get("task")
            matching = ((n, row) for n, row in world.events.after(after) if wanted in (None, row.task))
            return [show_event(n, row) for (n, row), _ in zip(matching, range(limit), strict=False)]

        return await long_poll(ask, rows, lambda world: world.events, self.is_shutting_down, on_clock=True)

    async def _journal(self, ask: ControlRequest) -> object:
        task, route, status = (ask.query.get(name) for name in ("task", "route", "status"))
        if route not in (None, "create", "query", "credits", "any"):
            raise ControlError(
                400, "invalid_query", unknown_name("route", route, ("create", "query", "credits", "any"))
            )
        if status is not None and not _STATUS.fullmatch(status):
            raise ControlError(400, "invalid_query", "status must be three digits, such as 404, or a class such as 4xx")

        def rows(world: World, after: int, limit: int) -> list[dict[str, object]]:
            matching = (
                (n, entry)
                for n, entry in world.journal.after(after)
                if task in (None, entry.task)
                and route in (None, entry.route)
                and (status is None or all(a in (b, "x") for a, b in zip(status, str(entry.status), strict=True)))
            )
            return [show_entry(n, entry) for (n, entry), _ in zip(matching, range(limit), strict=False)]

        return await long_poll(ask, rows, lambda world: world.journal, self.is_shutting_down)


def _each(ask: ControlRequest, rows: list[dict[str, object]]) -> object:
    return {"worlds": rows} if ask.all_worlds else rows[0]


def _show_clock(world: World) -> dict[str, object]:
    due = world.next_event()
    return {
        "key": masked_key(world.key),
        "mode": world.clock.mode,
        "speed": world.clock.speed,
        "now": to_seconds(world.clock.now()),
        "next_event": None if due is None else to_seconds(due),
        "attempts_in_flight": len(world.outbox.under_way),
    }


def _show_world(world: World) -> dict[str, object]:
    ledger = world.store.ledger
    return {
        "key": masked_key(world.key),
        "link_token": world.token,
        "generation": world.epoch,
        "seed": world.server_seed,
        "tasks": len(world.store),
        "clock": {"mode": world.clock.mode, "now": to_seconds(world.clock.now())},
        "credits": {
            "balance": None if ledger.balance is None else to_credits(ledger.balance),
            "reserved": to_credits(ledger.reserved),
            "spent": to_credits(ledger.spent),
        },
    }
