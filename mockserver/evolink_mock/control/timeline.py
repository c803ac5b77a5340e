"""The tasks of a world as lanes on one time axis, and a stream of those that change (server-sent events)."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple
from weakref import WeakKeyDictionary

import msgspec
from starlette.types import Receive, Scope, Send

from evolink_mock.api.asgi import response_of, send_response
from evolink_mock.api.auth import Unauthenticated, authenticate
from evolink_mock.api.responses import error_control, error_method_not_allowed
from evolink_mock.clock import in_background, monotonic, sleep_wall, unix_micros
from evolink_mock.control.long_poll import apply_due_in_slices
from evolink_mock.core.bodies import public_status
from evolink_mock.core.duration import SECOND, Micros, to_seconds
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.redaction import masked_key, redact
from evolink_mock.core.task import NEVER, Task
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.world import World

MAX_TASKS = 2000
"""Lanes that a stream begins with, the newest."""
MAX_READERS = 100
"""Streams at a time; each looks at its world ten times a second."""
_AT_ONCE = 200
"""Lanes in one message."""
_LOOK = 0.1
"""Seconds of wall time between looks, so that many changes make one message."""
_SIGN_OF_LIFE = 15.0
"""Seconds after which something is said where nothing happens, for proxies that would hang up."""

_PLACE = re.compile(r"(\d{1,18})\.(\d{1,18})\.(\d{1,18})\.(\d{1,18})\.(\d{1,18})", re.ASCII)
_encode = msgspec.json.Encoder().encode


class Cursor(NamedTuple):
    """How far somebody has followed a world: the numbers of its logs, and its instant; `mark` is of this very world."""

    mark: int
    generation: int
    events: int
    requests: int
    at: Micros

    def __str__(self) -> str:
        return ".".join(map(str, self))


def parse_cursor(text: str) -> Cursor | None:
    match = _PLACE.fullmatch(text)
    return None if match is None else Cursor(*map(int, match.groups()))


def task_rows(world: World, names: Iterable[str]) -> Iterator[dict[str, object]]:
    """Each task with its states, its reads, and the attempts to call back; instants in seconds."""
    wanted = {name: task for name in names if (task := world.store.get(name)) is not None}
    reads: dict[str, list[float]] = defaultdict(list)
    for _, entry in world.journal.after(0):
        if entry.route == "query" and entry.task in wanted:
            reads[entry.task].append(to_seconds(entry.at))
    calls: dict[str, list[dict[str, object]]] = defaultdict(list)
    for number in world.outbox.numbers():
        delivery = world.outbox.get(number)
        if delivery is not None and delivery.task in wanted:
            attempts = [
                {
                    "started": to_seconds(attempt.started),
                    "finished": to_seconds(attempt.finished),
                    "status": attempt.result.status,
                    "fault": attempt.result.error,
                }
                for attempt in delivery.attempts
            ]
            call: dict[str, object] = {
                "number": number,
                "queued": to_seconds(delivery.queued),
                "stage": "in_flight" if delivery.started is not None else delivery.stage,
                "due": None if delivery.due is None else to_seconds(delivery.due),
                "attempts": attempts,
            }
            calls[delivery.task].append(call)
    for name, task in wanted.items():
        yield _task_row(world, name, task) | {"reads": reads[name], "calls": calls[name]}


def _task_row(world: World, name: str, task: Task) -> dict[str, object]:
    plan = task.plan
    state = state_of(task, world.clock.now())
    ends = task.created + (plan.ends if state.ended is None else state.ended)
    return {
        "id": name,
        "model": task.model,
        "status": public_status(state, world.config.choices),
        "progress": state.progress,
        "failure": None if state.failure is None else state.failure.code,
        "scenario": task.scenario,
        "created": to_seconds(task.created),
        "starts": None if plan.starts >= NEVER else to_seconds(min(task.created + plan.starts, ends)),
        "ends": None if ends >= NEVER else to_seconds(ends),
        "ended": state.ended is not None,
    }


class Timeline:
    """`GET /__mock/timeline`: a stream of `begin`, `lanes` and `clock`, resumed by `Last-Event-ID`."""

    def __init__(self, worlds: WorldRegistry, keys: Collection[str], over: Callable[[], bool]) -> None:
        self._worlds = worlds
        self._keys = keys
        self._over = over
        self._readers = 0
        self._marks: WeakKeyDictionary[World, int] = WeakKeyDictionary()
        """No two worlds have the same, in this process or in one before."""
        self._next_mark = unix_micros()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        key = authenticate(headers.get(b"authorization"), self._keys)
        outside = self._worlds.anonymous
        refused = None
        if scope["method"] != "GET":
            refused = error_method_not_allowed(
                error_control(405, "method_not_allowed", "A timeline is read by GET"), ("GET",)
            )
        elif isinstance(key, Unauthenticated):
            message = "A timeline is of one world: send Authorization: Bearer and its key"
            refused = error_control(401, "world_required", message)
        if refused is not None or isinstance(key, Unauthenticated):
            assert refused is not None
            await send_response(send, response_of(refused, outside), scope["method"])
            return
        if self._readers >= MAX_READERS:
            message = f"At most {MAX_READERS} readers follow timelines at a time"
            refused = error_control(429, "too_many_readers", message)
            await send_response(send, response_of(refused, outside), scope["method"])
            return
        self._readers += 1
        try:
            await self._follow(self._worlds.get_or_create(key), key, headers, receive, send)
        finally:
            self._readers -= 1

    async def _follow(
        self, world: World, key: str, headers: Mapping[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        place = parse_cursor(headers.get(b"last-event-id", b"").decode("latin-1"))
        kinds = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": kinds})
        gone: list[bool] = []

        async def listen() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.append(True)

        async with in_background(listen()):
            quiet = 0.0
            with _Subscription(world, self._mark(world), place) as follower:
                # Where a world was given up for others, whoever comes again gets the new one.
                while not gone and not self._over() and self._worlds.get(key) is world:
                    await apply_due_in_slices(world)
                    said = b"".join(follower.news())
                    if not said and quiet >= _SIGN_OF_LIFE:
                        said = b": still here\n\n"
                    quiet = 0.0 if said else quiet + _LOOK
                    if said:
                        body = redact(said, world.key)
                        await send({"type": "http.response.body", "body": body, "more_body": True})
                    await sleep_wall(_LOOK)
        if not gone:
            await send({"type": "http.response.body", "body": b""})

    def _mark(self, world: World) -> int:
        if world not in self._marks:
            self._marks[world] = self._next_mark = self._next_mark + 1
        return self._marks[world]


class _Subscription:
    """What one reader of a world has been told."""

    def __init__(self, world: World, mark: int, place: Cursor | None) -> None:
        self._world = world
        self._mark = mark
        self._place = place
        self._clock: dict[str, object] = {}
        self._told = (0.0, 0)
        """When the clock was told last, by the wall, and what it said."""
        self._outbox = world.outbox
        self._watching = self._outbox.watched()

    def __enter__(self) -> "_Subscription":
        self._changed = self._watching.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._watching.__exit__(None, None, None)

    def news(self) -> Iterator[bytes]:
        """What happened since it was asked last, as messages."""
        world, place = self._world, self._place
        here = Cursor(self._mark, world.epoch, world.events.last, world.journal.last, world.clock.now())
        if self._outbox is not world.outbox:
            self._watching.__exit__(None, None, None)
            self._outbox = world.outbox
            self._watching = self._outbox.watched()
            self._changed = self._watching.__enter__()
        anew = place is None or not self._remembered(place)
        if place is None or anew:
            names = [name for name, _ in islice(world.store.newest_first(), MAX_TASKS)]
            said = {"generation": world.epoch, "tasks": len(world.store), "key": masked_key(world.key)}
            yield _message("begin", said)
        else:
            names = self._since(place)
        self._changed.clear()
        for start in range(0, len(names), _AT_ONCE):
            yield _message("lanes", list(task_rows(world, names[start : start + _AT_ONCE])))
        due = world.next_event()
        clock: dict[str, object] = {
            "mode": world.clock.mode,
            "speed": world.clock.speed,
            "next_event": None if due is None else to_seconds(due),
            # One that runs need not be told at each instant.
            "now": None if world.clock.speed else to_seconds(here.at),
        }
        if names or anew or clock != self._clock or self._jumped():
            self._clock, self._told = clock, (monotonic(), here.at)
            yield _message("clock", clock | {"now": to_seconds(here.at)}, here)
        self._place = here

    def _remembered(self, place: Cursor) -> bool:
        """Whether all that happened since is still known."""
        world = self._world
        if (place.mark, place.generation) != (self._mark, world.epoch) or place.at > world.clock.now() + SECOND:
            return False
        logs = ((world.events, place.events), (world.journal, place.requests))
        return all(number <= log.last and (number == log.last or log.contains(number + 1)) for log, number in logs)

    def _jumped(self) -> bool:
        """Whether a clock that runs is not where it should be by now."""
        wall, at = self._told
        should = at + (monotonic() - wall) * self._world.clock.speed * SECOND
        return abs(self._world.clock.now() - should) > _LOOK * SECOND * max(self._world.clock.speed, 1)

    def _since(self, place: Cursor) -> list[str]:
        world = self._world
        names = dict.fromkeys(row.task for _, row in world.events.after(place.events))
        names |= dict.fromkeys(entry.task for _, entry in world.journal.after(place.requests))
        numbers = set(self._changed)
        if not self._clock:
            # The first look of a reader who was here before: attempts leave no row in a log of their own.
            numbers |= {number for number in world.outbox.numbers() if self._attempted_since(number, place.at)}
        for number in numbers:
            delivery = world.outbox.get(number)
            names |= {} if delivery is None else {delivery.task: None}
        return [name for name in names if name is not None]

    def _attempted_since(self, number: int, at: Micros) -> bool:
        delivery = self._world.outbox.get(number)
        if delivery is None:
            return False
        times = [delivery.queued, *(attempt.finished for attempt in delivery.attempts)]
        return delivery.started is not None or max(times) >= at


def _message(event: str, data: object, place: Cursor | None = None) -> bytes:
    mark = "" if place is None else f"id: {place}\n"
    return f"event: {event}\n{mark}data: ".encode() + _encode(data) + b"\n\n"
