"""A long poll whose client has left ends at once and holds nothing; very many that are woken leave others a turn."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from evolink_mock import create_app
from evolink_mock.clock import Notifier
from evolink_mock.worlds.world import World
from tests.support.emulator import bearer, settings

POLLS = ("events?wait=60s", "events?after=0&wait=60s", "journal?wait=60s", "inbox?wait=60s", "deliveries?wait=60s")


def notifiers_of(world: World) -> list[Notifier]:
    view = world.view()
    return [world.journal.changed, world.inbox.changed, view.events.changed, view.deliveries.changed]


def waiting_in(world: World) -> int:
    return sum(len(notifier._waiting) for notifier in notifiers_of(world))


async def turns_until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not reached():
            await asyncio.sleep(0)


@pytest.mark.parametrize("poll", POLLS)
def test_a_poll_ends_when_its_client_leaves(poll: str) -> None:
    async def run() -> None:
        app = create_app(settings())
        world = app.worlds.get_or_create("sk-local")
        left = asyncio.Event()
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if not asked:
                asked.append(True)
                return {"type": "http.request", "body": b"", "more_body": False}
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        asked: list[bool] = []
        path, _, query = f"/__mock/{poll}".partition("?")
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"127.0.0.1"), (b"authorization", bearer("sk-local")["Authorization"].encode())],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8080),
            "scheme": "http",
            "root_path": "",
            "http_version": "1.1",
        }
        call = asyncio.ensure_future(app(scope, receive, send))
        await turns_until(lambda: waiting_in(world) > 0)
        left.set()
        await turns_until(call.done)
        assert call.exception() is None
        assert (sent, waiting_in(world)) == ([], 0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_very_many_that_wait_are_woken_in_slices() -> None:
    async def run() -> None:
        notifier = Notifier()
        waiting = [notifier.subscribe() for _ in range(1000)]
        notifier.notify_all()
        later = notifier.subscribe()
        turns = []
        while not all(future.done() for future in waiting):
            turns.append(sum(future.done() for future in waiting))
            await asyncio.sleep(0)
        assert len(turns) >= 5
        assert max(b - a for a, b in zip([0, *turns], [*turns, 1000], strict=True)) <= 200
        assert not later.done()

    asyncio.run(run())
