"""The emulator's own sending, without requests: `python -m tests.bench.measure.outgoing URL COUNT [AUTHORITY]`.

Lets so many tasks end on a manual clock, then sends their callbacks to URL, and prints one line of JSON: the seconds
that ending and sending took, and the bytes that a queued delivery takes. AUTHORITY is a directory with a certificate
authority to believe.
"""

import gc
import json
import sys
import time

import uvloop

from evolink_contracts.spec.models import MODELS
from evolink_mock import Settings, create_app
from evolink_mock.core.delivery import Delivery
from evolink_mock.core.duration import SECOND
from evolink_mock.core.validation import CreateRequest, Validator
from evolink_mock.worlds.tasks import NewTask
from evolink_mock.worlds.world import World
from tests.bench.measure.resident import resident
from tests.bench.measure.traffic import BODY, CALLBACK_URL, KEY

QUEUED = 100_000
"""Deliveries put down to see what one takes."""
WARM = 500


def make(world: World, count: int) -> list[str]:
    request = Validator(MODELS, world.config.choices).validate({**BODY, "callback_url": CALLBACK_URL})
    assert isinstance(request, CreateRequest)
    made = (world.tasks.create(NewTask(request), world.clock.now()) for _ in range(count))
    return [name for found in made if found is not None for name, _ in [found]]


def bytes_queued(world: World) -> float:
    (name,) = make(world, 1)
    now = world.clock.now()
    gc.collect()
    before = resident()
    for number in range(QUEUED):
        world.outbox.put(Delivery(name, "ended", now, due=now + 3600 * SECOND + number))
    return (resident() - before) / QUEUED


async def main(place: str, count: int, authority: str = "") -> dict[str, float]:
    settings = Settings(
        clock="manual", generation_time="10s", forward_to=place, authority=authority, delivery_limit=1_000_000
    )
    app = create_app(settings)
    world, dispatcher = app.worlds.get_or_create(KEY), app.control.dispatcher
    ends = sends = 0.0
    for round_of in (WARM, count):
        make(world, round_of)
        world.move_clock(world.clock.now() + 10 * SECOND)
        began = time.perf_counter()
        world.tasks.apply_due(world.clock.now())
        settled = time.perf_counter()
        assert await app.control.time_travel.travel(world, world.clock.now(), time.monotonic() + 600)
        ends, sends = settled - began, time.perf_counter() - settled
    deliveries = world.view().deliveries
    delivered = [deliveries.get(number) for number in deliveries.numbers()]
    assert len(delivered) == WARM + count
    assert {row.stage for row in delivered if row is not None} == {"delivered"}
    await dispatcher.drain(1)
    return {"ends": ends, "sends": sends, "bytes": bytes_queued(app.worlds.get_or_create("sk-memory"))}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))), flush=True)
