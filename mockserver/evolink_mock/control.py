"""The control API under /__mock: time, worlds, tasks and what happened, for tests and for people at a prompt."""

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.spec.wire import TERMINAL
from evolink_mock.auth import Stranger, identify
from evolink_mock.clock import MAX_SPEED, Bell, Mode, breathe, first_of, make_clock, wall_seconds
from evolink_mock.core.duration import SECOND, Micros, parse_duration, show_duration, to_seconds
from evolink_mock.core.lifecycle import observe
from evolink_mock.core.scenario import unknown
from evolink_mock.core.task import Event, Failure, Task, to_credits
from evolink_mock.errors import Answer, refuse_control, refuse_method
from evolink_mock.exchange import read_body, send_answer
from evolink_mock.inspection import brief, full_story
from evolink_mock.journal import Log, redact, show_entry, show_happening
from evolink_mock.settings import Settings
from evolink_mock.worlds import World, Worlds

log = logging.getLogger("evolink_mock")

_encode = msgspec.json.Encoder().encode
MAX_WAIT: Micros = 60 * SECOND
_MAX_BODY = 64 * 1024
_CLOCK_CHANGES = '{"advance": "7s"}, {"until": "next-event"} or {"mode": "manual"}'
_OUTCOMES = 'end an unfinished task now: {"status": "failed", "code": "service_error"} or {"status": "completed"}'
_STATUS = re.compile("[1-5][0-9x][0-9x]")
_MAX_ROWS = 1000
_SLICE = 500
"""Transitions carried out before other requests get their turn."""


class Refused(Exception):
    """A control call that cannot be carried out; holds the answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = refuse_control(status, code, message)


class Ask(NamedTuple):
    """A control call: the worlds it is about, and what it says."""

    worlds: list[World]
    everything: bool
    query: Mapping[str, str]
    body: bytes
    path: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ControlCall:
    """One row of the table below: what it is, and the query parameters it knows beside `all`."""

    method: str
    path: str
    summary: str
    act: Callable[[Ask], Awaitable[object]]
    parameters: tuple[str, ...] = ()
    of_world: bool = True


class ClockChange(msgspec.Struct, forbid_unknown_fields=True):
    """Exactly one of `advance`, `until` and `mode`; `speed` goes with mode scaled."""

    advance: str | None = None
    until: str | None = None
    mode: Mode | None = None
    speed: float | None = None


class WorldChange(msgspec.Struct, forbid_unknown_fields=True):
    """`reset` starts the world anew; `seed` alone changes the luck of tasks to come."""

    reset: bool = False
    seed: int | None = None


class Outcome(msgspec.Struct, forbid_unknown_fields=True):
    """How a task shall end, now. `code` is free: upstream codes pass through the real service too."""

    status: str
    code: str | None = None
    message: str | None = None


Body = TypeVar("Body")


class Control:
    """The control calls of one emulator."""

    def __init__(self, settings: Settings, worlds: Worlds) -> None:
        self._settings = settings
        self._worlds = worlds
        self.draining = False

    def table(self) -> tuple[ControlCall, ...]:
        """Every call, as data: routes, refusals of unknown parameters and the index are all made from it."""
        return (
            ControlCall("GET", "", "this list", self._index, of_world=False),
            ControlCall("GET", "/health", "is the process alive", self._health, of_world=False),
            ControlCall("GET", "/ready", "are requests accepted", self._ready, of_world=False),
            ControlCall("GET", "/fidelity", "each behaviour and how well it is known", self._fidelity, of_world=False),
            ControlCall("GET", "/clock", "mode, instant and next event", self._clock),
            ControlCall("POST", "/clock", _CLOCK_CHANGES, self._move),
            ControlCall("GET", "/worlds", "what belongs to the key", self._list_worlds),
            ControlCall("POST", "/worlds", '{"reset": true} or {"seed": 7}', self._change_worlds),
            ControlCall("GET", "/tasks", "tasks, newest first", self._tasks, ("status", "limit", "offset")),
            ControlCall("GET", "/tasks/{task_id}", "one task: request, plan, state, charges", self._task),
            ControlCall("POST", "/tasks/{task_id}/cancel", "cancel an unfinished task", self._cancel),
            ControlCall("POST", "/tasks/{task_id}/outcome", _OUTCOMES, self._force),
            ControlCall("GET", "/events", "what happened to tasks and clocks", self._events, ("task", *_FEED)),
            ControlCall(
                "GET", "/journal", "requests and their answers", self._journal, ("task", "route", "status", *_FEED)
            ),
        )

    def routes(self) -> list[Route]:
        """One route a path, so that other methods get a 405 that names the right ones."""
        paths = dict.fromkeys(call.path for call in self.table())
        return [
            Route(path or "/", ControlEndpoint(self, [call for call in self.table() if call.path == path]))
            for path in paths
        ]

    def unknown_route(self) -> "ControlEndpoint":
        """Answers what no call matches."""
        return ControlEndpoint(self, [])

    def drain(self) -> None:
        """Stop being ready, and let everybody go who waits."""
        self.draining = True
        self._worlds.ring()

    @property
    def outside(self) -> World:
        return self._worlds.outside

    def worlds_of(self, call: ControlCall, headers: Mapping[bytes, bytes], everything: bool) -> list[World]:
        """The worlds a call acts on: the key's own, or every one with `?all=true`."""
        if not call.of_world:
            return []
        if everything:
            return [*self._worlds, self._worlds.outside] if call.path == "/journal" else list(self._worlds)
        key = identify(headers.get(b"authorization"), self._settings.keys)
        if isinstance(key, Stranger):
            raise Refused(
                401,
                "world_required",
                "Say whose world: send Authorization: Bearer <the API key whose world this is about>, or ?all=true",
            )
        return [self._worlds.of(key)]

    # About the server

    async def _index(self, ask: Ask) -> object:
        return {"calls": [f"{call.method} /__mock{call.path}: {call.summary}" for call in self.table()]}

    async def _health(self, ask: Ask) -> object:
        return {"status": "ok", "worlds": len(self._worlds), "worlds_evicted": self._worlds.evicted}

    async def _ready(self, ask: Ask) -> object:
        if self.draining:
            raise Refused(503, "draining", "Shutting down")
        return {"status": "ready"}

    async def _fidelity(self, ask: Ask) -> object:
        from evolink_mock.fidelity import fidelity

        return fidelity(self._settings.choices)

    # Time

    async def _clock(self, ask: Ask) -> object:
        for world in ask.worlds:
            await _settle(world)
        return _each(ask, [_show_clock(world) for world in ask.worlds])

    async def _move(self, ask: Ask) -> object:
        change = _parse(ask.body, ClockChange)
        chosen = [name for name in ("advance", "until", "mode") if getattr(change, name) is not None]
        if len(chosen) != 1:
            raise Refused(400, "invalid_body", "Give exactly one of advance, until and mode")
        speed = 1.0 if change.speed is None else change.speed
        if change.speed is not None and change.mode != "scaled":
            raise Refused(400, "invalid_body", 'speed goes with {"mode": "scaled"}')
        if not 0.001 <= speed <= MAX_SPEED:
            raise Refused(400, "invalid_body", f"speed must be from 0.001 to {MAX_SPEED:.0f}; got {speed}")
        if change.until not in (None, "next-event"):
            raise Refused(400, "invalid_body", f'until must be "next-event"; got {change.until[:40]!r}')
        by = _duration("advance", change.advance) if change.advance is not None else 0
        for world in ask.worlds:
            await _settle(world)
            if change.mode is not None:
                world.change_clock(make_clock(change.mode, start=world.clock.now(), speed=speed))
                continue
            target = world.next_event() if change.until is not None else world.clock.now() + by
            if target is not None:
                moved = target - world.clock.now()
                world.clock.move_to(target)
                await _settle(world)
                world.note("clock.moved", detail=show_duration(max(moved, 0)))
        return _each(ask, [_show_clock(world) for world in ask.worlds])

    # Worlds

    async def _list_worlds(self, ask: Ask) -> object:
        return {"worlds": [_show_world(world) for world in ask.worlds]}

    async def _change_worlds(self, ask: Ask) -> object:
        change = _parse(ask.body, WorldChange)
        if not change.reset and change.seed is None:
            raise Refused(400, "invalid_body", 'Give {"reset": true}, {"seed": NUMBER}, or both')
        if change.seed is not None and not 0 <= change.seed < 2**63:
            raise Refused(400, "invalid_body", "seed must be from 0 to 2^63 - 1")
        for world in ask.worlds:
            if change.reset:
                self._worlds.reset(world, change.seed)
            elif change.seed is not None:
                world.reseed(change.seed)
        return {"worlds": [_show_world(world) for world in ask.worlds]}

    # Tasks

    async def _tasks(self, ask: Ask) -> object:
        limit = _number(ask, "limit", 100, _MAX_ROWS)
        offset = _number(ask, "offset", 0, 10**9)
        wanted = ask.query.get("status")
        known = ("pending", "processing", *sorted(TERMINAL))
        if wanted is not None and wanted not in known:
            raise Refused(400, "invalid_query", unknown("status", wanted, known))
        rows = []
        for world in ask.worlds:
            matching = 0
            for name, task in world.store.newest_first():
                row = brief(world, name, task)
                if wanted in (None, row["status"]):
                    matching += 1
                    if matching > offset:
                        rows.append(row)
                if len(rows) >= limit:
                    break
        return {"tasks": rows[:limit]}

    async def _task(self, ask: Ask) -> object:
        world, name, task = self._find(ask)
        return full_story(world, name, task, self._settings.choices)

    async def _cancel(self, ask: Ask) -> object:
        if ask.body.strip() not in (b"", b"{}"):
            raise Refused(400, "invalid_body", "cancel takes no body")
        return await self._end(ask, "cancelled", None)

    async def _force(self, ask: Ask) -> object:
        outcome = _parse(ask.body, Outcome)
        if outcome.status == "completed":
            if outcome.code is not None or outcome.message is not None:
                raise Refused(400, "invalid_body", "code and message go with failed")
            return await self._end(ask, "forced", None)
        if outcome.status != "failed":
            raise Refused(400, "invalid_body", f"status must be completed or failed; got {outcome.status[:40]!r}")
        code = outcome.code or "unknown_error"
        if len(code) > 100 or len(outcome.message or "") > 2000:
            raise Refused(400, "invalid_body", "code has at most 100 characters, message at most 2000")
        documented = FAILURES.get(code)
        message = outcome.message or (documented.message if documented else code)
        return await self._end(ask, "forced", Failure(code, message))

    async def _end(self, ask: Ask, kind: Any, failure: Failure | None) -> object:
        world, name, task = self._find(ask)
        await _settle(world)
        elapsed = world.clock.now() - task.created
        state = observe(task.plan, elapsed, task.events)
        if state.ended is not None:
            raise Refused(409, "task_ended", f"The task has ended already: {state.status}")
        ended = world.end(name, task, Event(kind, elapsed, failure))
        return full_story(world, name, ended, self._settings.choices)

    def _find(self, ask: Ask) -> tuple[World, str, Task]:
        name = ask.path["task_id"]
        for world in ask.worlds:
            if (task := world.store.get(name)) is not None:
                return world, name, task
        raise Refused(404, "task_not_found", "No such task in this world; ?all=true looks in every one")

    # What happened

    async def _events(self, ask: Ask) -> object:
        def rows(world: World, after: int, limit: int) -> list[dict[str, object]]:
            wanted = ask.query.get("task")
            matching = ((n, row) for n, row in world.events.after(after) if wanted in (None, row.task))
            return [show_happening(n, row) for (n, row), _ in zip(matching, range(limit), strict=False)]

        return await self._feed(ask, rows, lambda world: world.events, on_clock=True)

    async def _journal(self, ask: Ask) -> object:
        task, route, status = (ask.query.get(name) for name in ("task", "route", "status"))
        if route not in (None, "create", "query", "credits", "any"):
            raise Refused(400, "invalid_query", unknown("route", route, ("create", "query", "credits", "any")))
        if status is not None and not _STATUS.fullmatch(status):
            raise Refused(400, "invalid_query", "status must be three digits, such as 404, or a class such as 4xx")

        def rows(world: World, after: int, limit: int) -> list[dict[str, object]]:
            matching = (
                (n, entry)
                for n, entry in world.journal.after(after)
                if task in (None, entry.task)
                and route in (None, entry.route)
                and (status is None or all(a in (b, "x") for a, b in zip(status, str(entry.status), strict=True)))
            )
            return [show_entry(n, entry, world.key) for (n, entry), _ in zip(matching, range(limit), strict=False)]

        return await self._feed(ask, rows, lambda world: world.journal)

    async def _feed(
        self,
        ask: Ask,
        rows_of: Callable[[World, int, int], list[dict[str, object]]],
        log_of: Callable[[World], Log[Any]],
        *,
        on_clock: bool = False,
    ) -> object:
        """Rows after a number; with `wait`, at least one, or none when the wait is over."""
        after = _number(ask, "after", 0, 10**15)
        limit = _number(ask, "limit", 100, _MAX_ROWS)
        wait = _duration("wait", ask.query["wait"]) if "wait" in ask.query else 0
        if wait > MAX_WAIT:
            raise Refused(400, "invalid_query", f"wait must be at most {MAX_WAIT // SECOND}s")
        if wait and ask.everything:
            raise Refused(400, "invalid_query", "wait is for one world; drop all=true")
        until = wall_seconds() + to_seconds(wait)
        while True:
            for world in ask.worlds:
                await _settle(world)
            found = [(world, row) for world in ask.worlds for row in rows_of(world, after, limit)]
            left = until - wall_seconds()
            if found or left <= 0 or self.draining:
                rows = [{**row, "key": redact(world.key)} if ask.everything else row for world, row in found]
                last = max((log_of(world).last for world in ask.worlds), default=0)
                return {"rows": rows[:limit], "last": last}
            (world,) = ask.worlds
            bell: Bell = log_of(world).bell
            await first_of(left, bell, world.clock, world.next_event() if on_clock else None)


_FEED = ("after", "limit", "wait")


class ControlEndpoint:
    """One path of the control API as an ASGI application."""

    def __init__(self, control: Control, calls: Iterable[ControlCall]) -> None:
        self._control = control
        self._calls = {call.method: call for call in calls}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        outside = self._control.outside
        answer = await self._answer(scope, receive)
        await send_answer(send, answer, outside.clock.now(), outside.next_request_id(), method)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if not self._calls:
            return refuse_control(404, "not_found", "No such control call; GET /__mock/ lists them")
        call = self._calls.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if call is None:
            refused = refuse_control(405, "method_not_allowed", f"{scope['method'][:20]} is not allowed here")
            return refuse_method(refused, {*self._calls, *(["HEAD"] if "GET" in self._calls else [])})
        body = await read_body(receive, _MAX_BODY)
        if body is None:
            return refuse_control(413, "body_too_large", f"A control body has at most {_MAX_BODY} bytes")
        try:
            query = _query(scope["query_string"], call)
            everything = query.get("all") == "true"
            worlds = self._control.worlds_of(call, dict(scope["headers"]), everything)
            result = await call.act(Ask(worlds, everything, query, body, scope["path_params"]))
        except Refused as refused_call:
            return refused_call.answer
        except Exception:
            log.exception("%s /__mock%s failed", call.method, call.path)
            return refuse_control(500, "internal_error", "The control call failed; the emulator's log says why")
        return Answer(200, _encode(result))


def _query(raw: bytes, call: ControlCall) -> dict[str, str]:
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=bool(raw), max_num_fields=20)
    except ValueError:
        raise Refused(400, "invalid_query", "The query string is malformed; write name=value&name=value") from None
    known = ("all", *call.parameters)
    for name, value in pairs:
        if name not in known:
            raise Refused(400, "invalid_query", unknown("parameter of this call", name, known))
        if name == "all" and value not in ("true", "false"):
            raise Refused(400, "invalid_query", f"all must be true or false; got {value[:40]!r}")
    return dict(pairs)


def _parse(body: bytes, wanted: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body or b"{}", type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "invalid_body", f"The body is not what this call takes: {str(error)[:300]}") from None


def _duration(name: str, text: str) -> Micros:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Refused(400, "invalid_query" if name == "wait" else "invalid_body", f"{name}: {error}") from None


def _number(ask: Ask, name: str, default: int, most: int) -> int:
    text = ask.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= most):
        raise Refused(400, "invalid_query", f"{name} must be a number from 0 to {most}; got {text[:40]!r}")
    return int(text)


async def _settle(world: World) -> None:
    while world.settle(world.clock.now(), _SLICE):
        await breathe()


def _each(ask: Ask, rows: list[dict[str, object]]) -> object:
    return {"worlds": rows} if ask.everything else rows[0]


def _show_clock(world: World) -> dict[str, object]:
    due = world.next_event()
    return {
        "key": redact(world.key),
        "mode": world.clock.mode,
        "speed": world.clock.speed,
        "now": to_seconds(world.clock.now()),
        "next_event": None if due is None else to_seconds(due),
    }


def _show_world(world: World) -> dict[str, object]:
    ledger = world.store.ledger
    return {
        "key": redact(world.key),
        "token": world.token,
        "generation": world.generation,
        "seed": world.server_seed,
        "tasks": len(world.store),
        "clock": {"mode": world.clock.mode, "now": to_seconds(world.clock.now())},
        "credits": {
            "balance": None if ledger.balance is None else to_credits(ledger.balance),
            "reserved": to_credits(ledger.reserved),
            "spent": to_credits(ledger.spent),
        },
    }
