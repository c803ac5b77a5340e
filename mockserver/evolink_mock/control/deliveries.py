"""Control calls of deliveries: their attempts, replays and resends, and the inbox of the scripted receiver."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated, TypeAlias

import msgspec

from evolink_contracts.spec.timing import CallbackPolicy
from evolink_mock.clock import monotonic, wait_first, yield_to_loop
from evolink_mock.control.endpoint import ControlCall, ControlError, ControlRequest, parse_body, read_number
from evolink_mock.control.long_poll import (
    LOG_PARAMETERS,
    MAX_ROWS,
    LogView,
    jump_if_auto,
    long_poll,
    read_after,
    read_wait,
)
from evolink_mock.control.redacted_rows import Redacted, show_one, show_rows
from evolink_mock.control.views import show_delivery
from evolink_mock.core.delivery import DEAD, Delivery, Origin, Stage
from evolink_mock.core.duration import Micros
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.delivery.attempts import callback_url
from evolink_mock.worlds.journal import InboxEntry, show_received
from evolink_mock.worlds.outbox import DeliveryReader
from evolink_mock.worlds.slices import RECORD_SLICE, WORLD_SLICE
from evolink_mock.worlds.view import WorldView
from evolink_mock.worlds.world import World

_WAITING = ("queued", "in_flight")
_STAGES: tuple[Stage, ...] = ("delivered", *DEAD)
Found: TypeAlias = list[tuple[int, Delivery]]
Matcher: TypeAlias = Callable[[DeliveryReader, list[int]], Awaitable[Found]]
_GROUPS = {"dead": DEAD, "ended": _STAGES, "waiting": _WAITING}
"""Values of `status` that stand for several stages."""
_LIST_PARAMETERS = {
    "task": "only deliveries of this task",
    "status": f"only deliveries of this status: {', '.join((*_WAITING, *_STAGES))}, or one of {', '.join(_GROUPS)}",
    **LOG_PARAMETERS,
    "after": "only deliveries whose number is greater; a reset, which `generation` counts, numbers from 1 again",
}
_INBOX_PARAMETERS = {"task": "only callbacks of this task", **LOG_PARAMETERS}


class ResendForm(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a resend: `body` is posted byte for byte, in place of the task's body."""

    body: Annotated[msgspec.Raw, msgspec.Meta(description="JSON to post")]


class DeliveryCalls:
    """The calls of `/__mock/deliveries` and `/__mock/inbox`."""

    def __init__(self, is_shutting_down: Callable[[], bool], policy: CallbackPolicy) -> None:
        self._policy = policy
        self._is_shutting_down = is_shutting_down

    def table(self) -> tuple[ControlCall, ...]:
        return (
            ControlCall("GET", "/deliveries", "deliveries and their attempts", self._list, _LIST_PARAMETERS),
            ControlCall("GET", "/deliveries/{number}", "one delivery: each attempt, and why it was made", self._get),
            ControlCall("POST", "/deliveries/{number}/replay", "send a delivery again", self._replay),
            ControlCall(
                "POST",
                "/deliveries/{number}/resend",
                'send a delivery again with another body: {"body": {...}}',
                self._resend,
                body=ResendForm,
            ),
            ControlCall(
                "GET",
                "/inbox",
                "callbacks that https://sink.mock/500,200 received",
                self._inbox,
                _INBOX_PARAMETERS,
            ),
        )

    async def _list(self, request: ControlRequest) -> object:
        task, wanted = request.query.get("task"), _read_status(request)
        after, limit = read_after(request), read_number(request, "limit", 100, MAX_ROWS)
        deadline = read_wait(request)

        def matches(delivery: Delivery) -> bool:
            return task in (None, delivery.task) and (wanted is None or delivery.stage_now in wanted)

        if request.all_worlds:
            return await self._list_all(request.worlds, matches, limit)
        (world,) = request.worlds
        deadline = deadline if limit else 0
        while (found := await self._wait(world, partial(_find_matching, matches, after, limit), deadline)) is None:
            after = None if after is None else 0  # A reset numbers deliveries from 1 again.
        more_may_follow = after is not None and len(found) == limit
        last = (found[-1][0] if found else after) if more_may_follow else world.view().deliveries.last
        rows = await show_rows((world, partial(self._show, world, *row)) for row in found)
        return Redacted({"deliveries": rows, "last": last, "generation": world.epoch})

    async def _list_all(self, worlds: Sequence[World], matches: Callable[[Delivery], bool], limit: int) -> Redacted:
        """The last `limit` deliveries of all worlds, one world after the other."""
        found: list[tuple[World, int, Delivery]] = []
        for place, world in enumerate(reversed(worlds), 1):
            if len(found) == limit:
                break
            deliveries = (await world.settled_view()).deliveries
            rows = await _find_matching(matches, None, limit - len(found), deliveries, deliveries.numbers())
            found += [(world, *row) for row in reversed(rows)]
            if place % WORLD_SLICE == 0:
                await yield_to_loop()
        shown = ((row[0], partial(self._show, *row)) for row in reversed(found))
        return Redacted({"deliveries": await show_rows(shown, identified=True), "last": None})

    async def _wait(self, world: World, match: Matcher, deadline: float) -> Found | None:
        """Deliveries that match, at the latest at `deadline`; `None` after a reset, which brings another outbox."""
        deliveries = (await world.settled_view()).deliveries
        with deliveries.watched() as changed:
            found = await match(deliveries, deliveries.numbers())
            while not found and (remaining := deadline - monotonic()) > 0 and not self._is_shutting_down():
                if jump_if_auto(world):
                    await yield_to_loop()
                elif not changed:
                    await wait_first(remaining, deliveries.changed, world.clock, world.view().next_event())
                if (await world.settled_view()).deliveries is not deliveries:
                    return None
                numbers = sorted(set(changed))
                changed.clear()
                found = await match(deliveries, numbers)
        return found

    async def _get(self, request: ControlRequest) -> object:
        world, _, number, delivery = await _find(request)
        return await show_one(world, self._show(world, number, delivery))

    async def _replay(self, request: ControlRequest) -> object:
        if request.body.strip() not in (b"", b"{}"):
            raise ControlError(400, "invalid_body", "replay takes no body; resend does")
        world, view, number, delivery = await _find(request)
        return await self._send_again(world, view, _repeat(number, delivery, "replay", view.now, delivery.body))

    async def _resend(self, request: ControlRequest) -> object:
        change = parse_body(request.body, ResendForm)
        # A raw part has its brackets checked, and not its text.
        parse_body(bytes(change.body), object)
        world, view, number, delivery = await _find(request)
        return await self._send_again(world, view, _repeat(number, delivery, "resend", view.now, bytes(change.body)))

    async def _inbox(self, request: ControlRequest) -> object:
        task = request.query.get("task")

        def matches(row: InboxEntry) -> bool:
            return task in (None, row.task)

        view = LogView(lambda world, _: world.inbox, matches, show_received)
        return await long_poll(request, view, self._is_shutting_down, on_clock=True)

    async def _send_again(self, world: World, view: WorldView, delivery: Delivery) -> object:
        if delivery.task not in world.tasks:
            raise ControlError(409, "task_forgotten", "Its task was evicted, and its callback URL with it")
        limit = world.config.delivery_limit
        if view.deliveries.waiting >= limit:
            raise ControlError(429, "too_many_waiting", f"{limit} callbacks are waiting already (delivery_limit)")
        return await show_one(world, self._show(world, world.outbox.put(delivery), delivery))

    def _show(self, world: World, number: int, delivery: Delivery) -> dict[str, object]:
        task = world.tasks.get(delivery.task)
        return show_delivery(number, delivery, task and callback_url(task), self._policy)


async def _find_matching(
    matches: Callable[[Delivery], bool],
    after: int | None,
    limit: int,
    deliveries: DeliveryReader,
    numbers: Sequence[int],
) -> Found:
    """The first `limit` after a number, or without one the last `limit`; oldest first."""
    listed = reversed(numbers) if after is None else (number for number in numbers if number > after)
    found: Found = []
    for place, number in enumerate(listed, 1):
        if len(found) == limit:
            break
        if (delivery := deliveries.get(number)) is not None and matches(delivery):
            found.append((number, delivery))
        if place % RECORD_SLICE == 0:
            await yield_to_loop()
    return found[::-1] if after is None else found


def _read_status(request: ControlRequest) -> tuple[str, ...] | None:
    status = request.query.get("status")
    if status is None:
        return None
    if status in _GROUPS:
        return _GROUPS[status]
    known = (*_WAITING, *_STAGES)
    if status not in known:
        raise ControlError(400, "invalid_query", unknown_name("status", status, (*known, *_GROUPS)))
    return (status,)


def _repeat(number: int, delivery: Delivery, origin: Origin, now: Micros, body: bytes | None) -> Delivery:
    return Delivery(delivery.task, origin, now, due=now, of=number, body=body)


async def _find(request: ControlRequest) -> tuple[World, WorldView, int, Delivery]:
    """The delivery, its world, and the settled view of that world. Raises `ControlError`."""
    text = request.path["number"]
    if text.isascii() and text.isdigit() and len(text) <= 15:
        for place, world in enumerate(request.worlds, 1):
            if place % WORLD_SLICE == 0:
                await yield_to_loop()
            view = await world.settled_view()
            if (delivery := view.deliveries.get(int(text))) is not None:
                return world, view, int(text), delivery
    raise ControlError(
        404, "delivery_not_found", "No such delivery in this world; GET /__mock/deliveries lists its deliveries"
    )
