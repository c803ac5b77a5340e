"""The next attempt of a world, its URL and body, and its record."""

from typing import Literal

import msgspec

from evolink_mock.core.delivery import Delivery, describe
from evolink_mock.core.duration import Micros
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.task import Task
from evolink_mock.worlds.journal import WorldEvent
from evolink_mock.worlds.rendering import query_body
from evolink_mock.worlds.slices import ATTEMPT_SLICE
from evolink_mock.worlds.world import World


class _CallbackFields(msgspec.Struct):
    """The field of a request that a callback needs."""

    callback_url: str = ""


_decode_url = msgspec.json.Decoder(_CallbackFields).decode


def next_attempt(world: World, now: Micros) -> int | Literal["later"] | None:
    """The number of a delivery to attempt now; `later` if too many transitions have to be applied first."""
    while (due := world.outbox.take(now)) is not None:
        if isinstance(due.key, int):
            return due.key
        if world.tasks.apply_due(due.at, ATTEMPT_SLICE):
            world.outbox.put_back(due)
            return "later"
    return None


def callback_url(task: Task) -> str:
    """The URL that the callback of a task is posted to."""
    return _decode_url(task.request).callback_url


def callback_body(world: World, delivery: Delivery, task: Task) -> bytes:
    """The body that a query of the task has at this moment, to the byte, unless another body was given to resend."""
    if delivery.body is not None:
        return delivery.body
    return query_body(world, delivery.task, task, state_of(task, world.clock.now()))


def record(world: World, number: int, delivery: Delivery) -> None:
    """Record a delivery after an attempt, or after it was found that none can be made."""
    last = delivery.attempts[-1] if delivery.attempts else None
    detail = (
        delivery.note if last is None else f"attempt {len(delivery.attempts)}: the receiver {describe(last.result)}"
    )
    stage = "failed" if delivery.stage == "queued" else delivery.stage
    event = WorldEvent(world.clock.now(), f"callback.{stage}", delivery.task, detail)
    world.keep_delivery(number, delivery, event)
