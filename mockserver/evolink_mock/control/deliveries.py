"""Control calls of deliveries: their attempts, replays and resends, and the inbox of the scripted receiver."""

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Annotated, TypeAlias

import msgspec

from evolink_contracts.spec.timing import CallbackPolicy
from evolink_mock.clock import monotonic, wait_first, yield_to_loop
from evolink_mock.control.endpoint import ControlCall, ControlError, ControlRequest, parse_body, read_number
from evolink_mock.control.long_poll import (
    LOG_PARAMETERS,
    MAX_ROWS,
    LogView,
    Rows,
    jump_if_auto,
    long_poll,
    read_after,
    read_wait,
)
from evolink_mock.control.views import show_delivery
from evolink_mock.control.world_selection import show_identity
from evolink_mock.core.delivery import DEAD, Delivery, Origin, Stage
from evolink_mock.core.duration import Micros
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.delivery.attempts import callback_url
from evolink_mock.worlds.journal import InboxEntry, show_received
from evolink_mock.worlds.outbox import DeliveryReader
from evolink_mock.worlds.view import WorldView
from evolink_mock.worlds.world import World

_WAITING = ("queued", "in_flight")
_STAGES: tuple[Stage, ...] = ("delivered", *DEAD)
Matcher: TypeAlias = Callable[[World, DeliveryReader, list[int]], Rows]
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

        def match(world: World, deliveries: DeliveryReader, numbers: list[int], after: int | None) -> Rows:
            """The first `limit` after a number, or without one the last `limit`; oldest first."""
            listed = reversed(numbers) if after is None else (number for number in numbers if number > after)
            known = ((number, deliveries.get(number)) for number in listed)
            found = ((number, each) for number, each in known if each is not None and matches(each))
            rows = [self._show(world, number, delivery) for number, delivery in islice(found, limit)]
            return rows[::-1] if after is None else rows

        if request.all_worlds:
            read = [(world, (await world.settled_view()).deliveries) for world in request.worlds]
            every = [
                row | show_identity(world)
                for world, deliveries in read
                for row in match(world, deliveries, deliveries.numbers(), None)
            ]
            return {"deliveries": every[max(len(every) - limit, 0) :], "last": None}
        (world,) = request.worlds
        deadline = deadline if limit else 0
        while (rows := await self._wait(world, partial(match, after=after), deadline)) is None:
            after = None if after is None else 0  # A reset numbers deliveries from 1 again.
        more_may_follow = after is not None and len(rows) == limit
        last = (rows[-1]["number"] if rows else after) if more_may_follow else world.view().deliveries.last
        return {"deliveries": rows, "last": last, "generation": world.epoch}

    async def _wait(self, world: World, match: Matcher, deadline: float) -> Rows | None:
        """Rows that match, at the latest at `deadline`; `None` after a reset, which brings another outbox."""
        deliveries = (await world.settled_view()).deliveries
        with deliveries.watched() as changed:
            rows = match(world, deliveries, deliveries.numbers())
            while not rows and (remaining := deadline - monotonic()) > 0 and not self._is_shutting_down():
                if jump_if_auto(world):
                    await yield_to_loop()
                else:
                    await wait_first(remaining, deliveries.changed, world.clock, world.view().next_event())
                if (await world.settled_view()).deliveries is not deliveries:
                    return None
                rows = match(world, deliveries, sorted(set(changed)))
                changed.clear()
        return rows

    async def _get(self, request: ControlRequest) -> object:
        world, _, number, delivery = await _find(request)
        return self._show(world, number, delivery)

    async def _replay(self, request: ControlRequest) -> object:
        if request.body.strip() not in (b"", b"{}"):
            raise ControlError(400, "invalid_body", "replay takes no body; resend does")
        world, view, number, delivery = await _find(request)
        return self._send_again(world, view, _repeat(number, delivery, "replay", view.now, delivery.body))

    async def _resend(self, request: ControlRequest) -> object:
        change = parse_body(request.body, ResendForm)
        # A raw part has its brackets checked, and not its text.
        parse_body(bytes(change.body), object)
        world, view, number, delivery = await _find(request)
        return self._send_again(world, view, _repeat(number, delivery, "resend", view.now, bytes(change.body)))

    async def _inbox(self, request: ControlRequest) -> object:
        task = request.query.get("task")

        def matches(row: InboxEntry) -> bool:
            return task in (None, row.task)

        view = LogView(lambda world, _: world.inbox, matches, show_received)
        return await long_poll(request, view, self._is_shutting_down, on_clock=True)

    def _send_again(self, world: World, view: WorldView, delivery: Delivery) -> object:
        if delivery.task not in world.tasks:
            raise ControlError(409, "task_forgotten", "Its task was evicted, and its callback URL with it")
        limit = world.config.delivery_limit
        if view.deliveries.waiting >= limit:
            raise ControlError(429, "too_many_waiting", f"{limit} callbacks are waiting already (delivery_limit)")
        return self._show(world, world.outbox.put(delivery), delivery)

    def _show(self, world: World, number: int, delivery: Delivery) -> dict[str, object]:
        task = world.tasks.get(delivery.task)
        return show_delivery(number, delivery, task and callback_url(task), self._policy)


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
        for world in request.worlds:
            view = await world.settled_view()
            if (delivery := view.deliveries.get(int(text))) is not None:
                return world, view, int(text), delivery
    raise ControlError(
        404, "delivery_not_found", "No such delivery in this world; GET /__mock/deliveries lists its deliveries"
    )
