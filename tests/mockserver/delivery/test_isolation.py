"""Isolation: a receiver or a world delays no other, and an evicted world sends and stores nothing."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from starlette.types import Receive, Scope, Send

from evolink_mock import create_app
from evolink_mock.clock import in_background, yield_to_loop
from evolink_mock.core.delivery import Delivery
from evolink_mock.worlds.storage.state_file import FILE
from tests.support.emulator import DOCUMENTED, Emulator, bearer, settings
from tests.support.webhook_receiver import CALLBACK_URL, ORIGIN, Arrival, WebhookReceiver, connected, deliveries


async def create(client: httpx.AsyncClient, key: str, **fields: Any) -> str:
    answer = await client.post("/v1/videos/generations", json=DOCUMENTED | fields, headers=bearer(key))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def test_a_hanging_script_of_the_sink_delays_no_other_script() -> None:
    async def main() -> None:
        app = create_app(settings(clock="real", generation_time="1ms", callback_concurrency=1))
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://emulator.test")
        async with in_background(app.control.dispatcher.run()), asyncio.timeout(20):
            await create(client, "sk-a", callback_url="https://sink.mock/timeout")
            await client.get("/__mock/deliveries?status=in_flight&wait=9s", headers=bearer("sk-a"))
            task = await create(client, "sk-a", callback_url="https://sink.mock/200")
            found = await client.get("/__mock/deliveries?status=delivered&wait=9s", headers=bearer("sk-a"))
            assert [row["task"] for row in found.json()["deliveries"]] == [task]
            await app.control.dispatcher.drain(0)

    asyncio.run(main())


def test_an_evicted_world_sends_and_stores_nothing(tmp_path: Path) -> None:
    app = create_app(settings(state=str(tmp_path), world_limit=1))
    old = app.worlds.get_or_create("sk-old")
    new = app.worlds.get_or_create("sk-new")
    assert (old.epoch, len(old.view().deliveries.numbers())) == (-1, 0)
    now = old.clock.now()
    old.outbox.put(Delivery("task-unified-1-a", "replay", now, due=now))
    old.advance_to_next_event()
    old.record_event("after the eviction")
    ready_queue = new.config.ready_queue
    assert list(ready_queue.owners) == []
    new.outbox.put(Delivery("task-unified-1-b", "replay", now, due=now))
    assert list(ready_queue.owners) == [new]
    with app.worlds.transaction():
        pass
    new.config.backend.close()
    with sqlite3.connect(tmp_path / FILE) as base:
        assert base.execute("SELECT key FROM world").fetchall() == [("sk-new",)]
        ((record,),) = base.execute("SELECT record FROM delivery")
    assert msgspec.msgpack.decode(record, type=Delivery).task == "task-unified-1-b"


def test_time_travel_in_an_evicted_world_ends() -> None:
    async def main() -> bool:
        app = create_app(settings(), receivers={ORIGIN: hang})
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://emulator.test")
        await create(client, "sk-old", callback_url=CALLBACK_URL)
        world = app.worlds.get_or_create("sk-old")
        async with asyncio.timeout(20):
            moving = asyncio.create_task(app.control.time_travel.travel(world, world.clock.now() + 60_000_000, 1e12))
            await begun.wait()
            world.evict()
            arrived = await moving
        await app.control.dispatcher.drain(0)
        return arrived

    begun = asyncio.Event()

    async def hang(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await asyncio.Event().wait()

    assert asyncio.run(main()) is False


@pytest.mark.parametrize("durable", [False, True])
def test_delivery_numbers_start_at_one_again_after_a_reset(tmp_path: Path, durable: bool) -> None:
    state = str(tmp_path) if durable else ""
    for _ in range(2):
        with Emulator.in_process(state=state) as emulator:
            for _ in range(2):
                emulator.control("worlds", {"reset": True})
                emulator.create(callback_url="https://sink.mock/200")
                emulator.advance("10s")
                assert [row["number"] for row in deliveries(emulator)] == [1]
                assert emulator.control("deliveries/1")["status"] == "delivered"
        if durable:
            with Emulator.in_process(state=state) as emulator:
                assert [row["number"] for row in deliveries(emulator)] == [1]


def test_a_wait_after_a_number_goes_on_from_the_beginning_after_a_reset() -> None:
    """Numbers from before the reset mean nothing any more; rows of logs go on."""
    found: dict[str, list[int]] = {}
    own = bearer("sk-waiter")

    async def begin_anew(emulator: httpx.AsyncClient) -> None:
        body = DOCUMENTED | {"callback_url": "https://sink.mock/200"}
        for path, content in (
            ("/__mock/worlds", {"reset": True}),
            ("/v1/videos/generations", body),
            ("/__mock/clock", {"advance": "10s"}),
        ):
            assert (await emulator.post(path, json=content, headers=own)).status_code == 200

    async def wait_meanwhile(emulator: httpx.AsyncClient, arrival: Arrival) -> None:
        body = DOCUMENTED | {"callback_url": "https://sink.mock/200"}
        for _ in range(2):
            assert (await emulator.post("/v1/videos/generations", json=body, headers=own)).status_code == 200
        await emulator.post("/__mock/clock", json={"advance": "10s"}, headers=own)
        last = (await emulator.get("/__mock/events", headers=own)).json()["last"]
        waits = {
            "deliveries": "/__mock/deliveries?status=delivered&after=2&wait=20s",
            "inbox": "/__mock/inbox?after=2&wait=20s",
            "events": f"/__mock/events?after={last}&wait=20s",
        }
        waiting = asyncio.gather(*(emulator.get(path, headers=own) for path in waits.values()))
        for _ in range(3):
            await yield_to_loop()  # The waits begin, each in a task of its own.
        answers, _ = await asyncio.gather(waiting, begin_anew(emulator))
        for name, answer in zip(waits, answers, strict=True):
            rows = answer.json()["deliveries" if name == "deliveries" else "rows"]
            found[name] = [row["number"] for row in rows]
        found["events"] = [number - last for number in found["events"]]

    with connected(WebhookReceiver(act=wait_meanwhile)) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("10s")
    assert found["deliveries"] == [1]
    assert found["inbox"] == [3]
    assert found["events"][0] == 1


def test_an_attempt_that_fails_after_a_reset_leaves_the_new_delivery_of_its_number_alone() -> None:
    async def reset_and_create(emulator: httpx.AsyncClient, arrival: Arrival) -> None:
        own = bearer()
        await emulator.post("/__mock/worlds", json={"reset": True}, headers=own)
        body = DOCUMENTED | {"callback_url": "https://sink.mock/200"}
        created = (await emulator.post("/v1/videos/generations", json=body, headers=own)).json()["id"]
        await emulator.post(f"/__mock/tasks/{created}/outcome", json={"status": "completed"}, headers=own)
        raise RuntimeError("the receiver fails as well")

    with connected(WebhookReceiver(act=reset_and_create)) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("10s")
        (row,) = deliveries(emulator, status="ended", wait="20s")
    assert (row["number"], row["status"]) == (1, "delivered")


def test_replays_are_limited_by_the_delivery_limit() -> None:
    with Emulator.in_process(delivery_limit=3) as emulator:
        emulator.create(callback_url="https://sink.mock/200")
        emulator.advance("10s")
        emulator.control("clock", {"mode": "real"})
        emulator.create("delivery=very_late", callback_url="https://sink.mock/200")
        for _ in range(3):
            emulator.create("delivery=very_late", callback_url="https://sink.mock/200")
        for task in emulator.control("tasks", params={"status": "pending"})["tasks"]:
            emulator.control(f"tasks/{task['id']}/outcome", {"status": "completed"})
        refused = emulator.request("POST", "/__mock/deliveries/1/replay")
        assert refused.status_code == 429
        assert "delivery_limit" in refused.json()["error"]["message"]


def test_a_task_is_kept_until_its_callback_is_sent() -> None:
    with Emulator.in_process(task_limit=1, task_retention=60) as emulator:
        task = emulator.create("delivery=very_late", callback_url="https://sink.mock/200")
        emulator.advance("5m")
        assert emulator.query(task).status_code == 404
        assert emulator.post(DOCUMENTED).status_code == 429
        emulator.advance("1h")
        assert [(row["task"], row["status"]) for row in deliveries(emulator)] == [(task, "delivered")]
        assert emulator.post(DOCUMENTED).status_code == 200
