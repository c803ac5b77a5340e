"""The timeline stream: the tasks of a world and their changes as server-sent events (SSE)."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import parse_qsl
from weakref import WeakKeyDictionary

import msgspec
from starlette.types import Receive, Scope, Send

from evolink_mock.api.asgi import response_of, send_response
from evolink_mock.api.responses import Result, error_control, error_method_not_allowed
from evolink_mock.clock import in_background, monotonic, sleep_wall, unix_micros
from evolink_mock.control.timeline.rows import task_rows
from evolink_mock.control.world_selection import WorldSelector, show_identity
from evolink_mock.core.duration import SECOND, Micros, to_seconds
from evolink_mock.core.redaction import redact
from evolink_mock.worlds.log import LogReader
from evolink_mock.worlds.outbox import DeliveryReader
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.store import StorageError
from evolink_mock.worlds.view import WorldView
from evolink_mock.worlds.world import World

MAX_TASKS = 2000
"""Tasks that a stream begins with, the newest."""
MAX_READERS = 100
"""Streams at a time; each reads its world ten times a second."""
_BATCH = 200
"""Tasks in one message."""
_INTERVAL = 0.1
"""Seconds of wall time between messages, so that many changes make one."""
_LISTING = 1.0
"""Seconds of wall time after which the worlds are listed anew."""
_KEEP_ALIVE = 15.0
"""Seconds without a message after which a comment is sent, for proxies that close idle connections."""

_CURSOR = re.compile(r"(\d{1,18})\.(\d{1,18})\.(\d{1,18})\.(\d{1,18})\.(\d{1,18})", re.ASCII)
_encode = msgspec.json.Encoder().encode


class Cursor(NamedTuple):
    """A reader's position in a world: the last numbers of its logs, and its instant.

    `mark` identifies the world among all worlds of all processes, `epoch` counts its resets.
    """

    mark: int
    epoch: int
    events: int
    requests: int
    at: Micros

    def __str__(self) -> str:
        return ".".join(map(str, self))


def parse_cursor(text: str) -> Cursor | None:
    match = _CURSOR.fullmatch(text)
    return None if match is None else Cursor(*map(int, match.groups()))


class Timeline:
    """`GET /__mock/timeline`: a stream of `begin`, `tasks` and `clock`, resumed by `Last-Event-ID`.

    The world is that of the key, or that of `?world=ID`. With `?worlds=true` the events `worlds` list all worlds.
    """

    def __init__(self, worlds: WorldRegistry, selector: WorldSelector, is_shutting_down: Callable[[], bool]) -> None:
        self._worlds = worlds
        self._selector = selector
        self._is_shutting_down = is_shutting_down
        self._directory = _Directory(worlds)
        self._readers = 0
        self._marks: WeakKeyDictionary[World, int] = WeakKeyDictionary()
        """Different for each world, in this process and in those before it."""
        self._next_mark = unix_micros()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        query = dict(parse_qsl(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True))
        found = self._error(scope["method"]) or self._selector.select(headers.get(b"authorization"), query.get("world"))
        if isinstance(found, Result):
            await send_response(send, response_of(found, self._worlds.anonymous), scope["method"])
            return
        cursor = parse_cursor(headers.get(b"last-event-id", b"").decode("latin-1"))
        self._readers += 1
        try:
            listed = self._directory if query.get("worlds") == "true" else None
            await self._stream(found, cursor, listed, receive, send)
        finally:
            self._readers -= 1

    def _error(self, method: str) -> Result | None:
        if method != "GET":
            error = error_control(405, "method_not_allowed", "A timeline takes GET")
            return error_method_not_allowed(error, ("GET",))
        if self._readers >= MAX_READERS:
            message = f"At most {MAX_READERS} clients can follow timelines at a time"
            return error_control(429, "too_many_readers", message)
        return None

    async def _stream(
        self, world: World, cursor: Cursor | None, directory: "_Directory | None", receive: Receive, send: Send
    ) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        disconnected: list[bool] = []

        async def watch_connection() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            disconnected.append(True)

        async with in_background(watch_connection()):
            quiet, unsent, listed = 0.0, b"", None
            with closing(_Subscription(world, self._mark(world), cursor)) as subscription:
                # An evicted world ends its streams: a reader that connects again gets the new world of the key.
                while not disconnected and not self._is_shutting_down() and self._worlds.get(world.key) is world:
                    try:
                        with self._worlds.transaction():
                            unsent += b"".join(subscription.messages(await world.settled_view()))
                    except StorageError:
                        news = b""  # Changes are stored before they are sent; the emulator's log has the reason.
                    else:
                        news, unsent = unsent, b""
                    if directory is not None and (rows := directory.rows(anew=listed is None)) is not listed:
                        listed = rows
                        news += _message("worlds", rows)
                    if not news and quiet >= _KEEP_ALIVE:
                        news = b": still here\n\n"
                    quiet = 0.0 if news else quiet + _INTERVAL
                    if news:
                        body = redact(news, world.key)
                        await send({"type": "http.response.body", "body": body, "more_body": True})
                    await sleep_wall(_INTERVAL)
        if not disconnected:
            await send({"type": "http.response.body", "body": b""})

    def _mark(self, world: World) -> int:
        if world not in self._marks:
            self._marks[world] = self._next_mark = self._next_mark + 1
        return self._marks[world]


class _Directory:
    """The worlds that there are, listed once a second for all readers, and for each new reader."""

    def __init__(self, worlds: WorldRegistry) -> None:
        self._worlds = worlds
        self._listed_at = -_LISTING
        self._tasks: dict[object, int] = {}
        self._rows: list[dict[str, object]] = []

    def rows(self, *, anew: bool) -> list[dict[str, object]]:
        """A row for each world, the last used one last; the same list until a number of tasks changes."""
        if anew or monotonic() - self._listed_at >= _LISTING:
            self._listed_at = monotonic()
            tasks: dict[object, int] = {world.id: len(world.tasks) for world in self._worlds}
            if tasks != self._tasks:
                self._tasks = tasks
                self._rows = [show_identity(world) | {"tasks": len(world.tasks)} for world in self._worlds]
        return self._rows


class _Subscription:
    """One reader's position in a world. To be closed, since it watches the world's outbox."""

    def __init__(self, world: World, mark: int, cursor: Cursor | None) -> None:
        self._world = world
        self._mark = mark
        self._cursor = cursor
        self._clock: dict[str, object] = {}
        """The clock as it was sent last, without the instant of one that runs."""
        self._clock_sent = (0.0, 0)
        """The wall time and the instant of that message."""
        self._watching = ExitStack()
        self._watch(world.view().deliveries)

    def close(self) -> None:
        self._watching.close()

    def _watch(self, deliveries: DeliveryReader) -> None:
        self._watching.close()
        self._deliveries = deliveries
        self._changed = self._watching.enter_context(deliveries.watched())

    def messages(self, view: WorldView) -> Iterator[bytes]:
        """The changes since the last call, as messages."""
        world, cursor = self._world, self._cursor
        here = Cursor(self._mark, world.epoch, view.events.last, world.journal.last, view.now)
        if self._deliveries is not view.deliveries:  # A reset has replaced them.
            self._watch(view.deliveries)
        if begins := cursor is None or not self._can_resume(cursor, view):
            names = [name for name, _ in islice(world.tasks.newest_first(), MAX_TASKS)]
            about = {"generation": world.epoch, "tasks": len(world.tasks), **show_identity(world)}
            yield _message("begin", about)
        else:
            names = self._changed_since(cursor, view)
        self._changed.clear()
        rows = task_rows(world, view, names)
        while batch := list(islice(rows, _BATCH)):
            yield _message("tasks", batch)
        clock = self._show_clock(view)
        if names or begins or clock != self._clock or self._clock_jumped():
            self._clock, self._clock_sent = clock, (monotonic(), here.at)
            yield _message("clock", clock | {"now": to_seconds(here.at)}, here)
        self._cursor = here

    def _show_clock(self, view: WorldView) -> dict[str, object]:
        world = self._world
        due = view.next_event()
        return {
            "mode": world.clock.mode,
            "speed": world.clock.speed,
            "next_event": None if due is None else to_seconds(due),
            # The page computes the instant of a running clock itself.
            "now": None if world.clock.speed else to_seconds(view.now),
        }

    def _can_resume(self, cursor: Cursor, view: WorldView) -> bool:
        """Whether the logs still have every row after the cursor."""
        world = self._world
        if (cursor.mark, cursor.epoch) != (self._mark, world.epoch) or cursor.at > view.now + SECOND:
            return False
        logs: list[tuple[LogReader[Any], int]] = [(view.events, cursor.events), (world.journal, cursor.requests)]
        return all(number <= log.last and (number == log.last or log.contains(number + 1)) for log, number in logs)

    def _clock_jumped(self) -> bool:
        """Whether a running clock is elsewhere than its speed and the wall time since the last message make it."""
        wall, at = self._clock_sent
        expected = at + (monotonic() - wall) * self._world.clock.speed * SECOND
        return abs(self._world.clock.now() - expected) > _INTERVAL * SECOND * max(self._world.clock.speed, 1)

    def _changed_since(self, cursor: Cursor, view: WorldView) -> list[str]:
        world = self._world
        names = dict.fromkeys(row.task for _, row in view.events.after(cursor.events))
        names |= dict.fromkeys(entry.task for _, entry in world.journal.after(cursor.requests))
        numbers = set(self._changed)
        if not self._clock:
            # The first messages of a resumed stream: attempts have no log of their own.
            numbers |= {number for number in view.deliveries.numbers() if _attempted_since(view, number, cursor.at)}
        for number in numbers:
            delivery = view.deliveries.get(number)
            names |= {} if delivery is None else {delivery.task: None}
        return [name for name in names if name is not None]


def _attempted_since(view: WorldView, number: int, at: Micros) -> bool:
    delivery = view.deliveries.get(number)
    if delivery is None:
        return False
    times = [delivery.queued, *(attempt.finished for attempt in delivery.attempts)]
    return delivery.started is not None or max(times) >= at


def _message(event: str, data: object, cursor: Cursor | None = None) -> bytes:
    identity = "" if cursor is None else f"id: {cursor}\n"
    return f"event: {event}\n{identity}data: ".encode() + _encode(data) + b"\n\n"
