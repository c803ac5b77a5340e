"""The emulator with many tasks in one world already.

`python -m tests.bench.measure.preloaded PORT TASKS unfinished|settled` prints one line of JSON before it serves: the
memory of a task, the time of a full collection, and ids for queries.
"""

import gc
import json
import random
import sys
import time

from evolink_contracts.spec.models import MODELS
from evolink_mock import Settings, create_app
from evolink_mock.core.duration import SECOND
from evolink_mock.core.validation import CreateRequest, Validator
from evolink_mock.server.fast_path import FastPathProtocol
from evolink_mock.worlds.tasks import NewTask
from evolink_mock.worlds.world import World
from tests.bench.measure.asgi import serve
from tests.bench.measure.resident import resident
from tests.bench.measure.traffic import BODY, KEY

ASKED_FOR = 1000
_AGO = 2000 * SECOND
"""Tasks that have ended were created this long ago, over half that time."""


def fill(world: World, tasks: int, settled: bool) -> list[str]:
    """The ids of the new tasks, of which all have ended or none."""
    request = Validator(MODELS, world.config.choices).validate(BODY)
    assert isinstance(request, CreateRequest)
    begin = world.clock.now()
    chosen = set(random.Random(1).sample(range(tasks), min(ASKED_FOR, tasks)))
    names = []
    for number in range(tasks):
        at = begin - _AGO + _AGO // 2 * number // tasks if settled else begin
        made = world.tasks.create(NewTask(request), at)
        assert made is not None
        if number in chosen:
            names.append(made[0])
    if settled:
        assert world.view(begin).next_event() is None
    return names


def main(port: int, tasks: int, state: str) -> None:
    settled = state == "settled"
    app = create_app(Settings(port=port, generation_time="quick" if settled else "24h"))
    # As the emulator does when it is ready, which is before there are worlds: collections have to walk what they hold.
    gc.collect()
    gc.freeze()
    world = app.worlds.get_or_create(KEY)
    before = resident()
    names = fill(world, tasks, settled)
    began = time.perf_counter()
    gc.collect()
    collection = time.perf_counter() - began
    taken = (resident() - before) / tasks
    print(json.dumps({"bytes_a_task": taken, "collection_ms": collection * 1000, "ids": names}), flush=True)
    serve(app, port, FastPathProtocol)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
