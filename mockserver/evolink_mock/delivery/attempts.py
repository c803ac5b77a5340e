"""The callbacks of a world: what to send next, where and with which body, and what became of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from evolink_mock.core.delivery import USER_AGENT, Delivery, describe
from evolink_mock.core.duration import Micros
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.task import Task
from evolink_mock.worlds.journal import WorldEvent
from evolink_mock.worlds.world import World

_SLICE = 500
"""Transitions settled before an attempt without letting others have their turn: about two milliseconds' worth."""


_HEADERS = MappingProxyType({"Content-Type": "application/json", "User-Agent": USER_AGENT})


class _Called(msgspec.Struct):
    """What a callback needs of a request."""

    callback_url: str = ""


_decode_url = msgspec.json.Decoder(_Called).decode


def next_attempt(world: World, now: Micros) -> int | Literal["later"] | None:
    """The number of a delivery to attempt now; `later` where more has to be settled first than a turn is long."""
    while (due := world.outbox.take(now)) is not None:
        number = world.outbox.number_of(due)
        if number is not None:
            return number
        if world.apply_due(due.at, _SLICE):
            world.outbox.put_back(due)
            return "later"
    return None


def attempt_headers() -> Mapping[str, str]:
    """The headers of every attempt, beside those that a transport adds for HTTP itself."""
    return _HEADERS


def callback_url(task: Task) -> str:
    """Where the callback of a task goes."""
    return _decode_url(task.request).callback_url


def callback_body(world: World, delivery: Delivery, task: Task) -> bytes:
    """What a query of the task answers at this moment, to the byte, unless somebody gave another body."""
    if delivery.body is not None:
        return delivery.body
    return world.shown(delivery.task, task, state_of(task, world.clock.now()))


def record(world: World, number: int, delivery: Delivery) -> None:
    """Keep a delivery as it is after an attempt, or after it was found that none can be made."""
    now = world.clock.now()
    world.outbox.keep(number, delivery)
    if delivery.attempts:
        world.outbox.release_overtaken(number, now)
    last = delivery.attempts[-1] if delivery.attempts else None
    detail = (
        delivery.note if last is None else f"attempt {len(delivery.attempts)}: the receiver {describe(last.result)}"
    )
    stage = "failed" if delivery.stage == "queued" else delivery.stage
    world.events.append(WorldEvent(now, f"callback.{stage}", delivery.task, detail))
