"""Throttling and isolation: worlds and receivers do not delay one another, and evicted worlds send nothing."""

import asyncio
import sqlite3
import sys
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from starlette.types import Receive, Scope, Send

from evolink_mock import create_app
from evolink_mock.clock import in_background
from evolink_mock.core.delivery import Delivery
from evolink_mock.delivery.throttle import Throttle
from evolink_mock.worlds.sqlite import FILE
from tests.support.emulator import DOCUMENTED, Emulator, bearer, settings
from tests.support.webhook_receiver import HOOK, ORIGIN, deliveries


async def create(client: httpx.AsyncClient, key: str, **fields: Any) -> str:
    answer = await client.post("/v1/videos/generations", json=DOCUMENTED | fields, headers=bearer(key))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def serve_five_requests_a_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if exactly five requests were served between any two turns of the loop."""
    begin_tick, request_served = Throttle.begin_tick, Throttle.request_served

    def busy_tick(throttle: Throttle) -> None:
        for _ in range(5):
            request_served(throttle)
        begin_tick(throttle)

    monkeypatch.setattr(Throttle, "begin_tick", busy_tick)
    monkeypatch.setattr(Throttle, "request_served", lambda throttle: None)


def test_worlds_take_turns_with_their_callbacks_under_load(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived: list[str] = []

    async def receiver(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.append(scope["path"].strip("/"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def scene() -> None:
        serve_five_requests_a_tick(monkeypatch)
        app = create_app(settings(), receivers={ORIGIN: receiver})
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://emulator.test")
        for key in ("sk-a", "sk-b"):
            for _ in range(40):
                await create(client, key, callback_url=f"{ORIGIN}/{key}")
        for key in ("sk-a", "sk-b"):
            world = app.worlds.get_or_create(key)
            world.clock.move_to(world.clock.now() + 60_000_000)
        async with in_background(app.control.dispatcher.run()), asyncio.timeout(20):
            while len(arrived) < 40:
                await asyncio.sleep(0)

    asyncio.run(scene())
    assert 17 <= arrived[:40].count("sk-b") <= 23


def test_every_request_of_the_api_is_counted_once_by_the_throttle(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Throttle] = []
    monkeypatch.setattr(Throttle, "request_served", lambda throttle: served.append(throttle))
    with Emulator.in_process() as emulator:
        task = emulator.create()
        emulator.query(task)
        emulator.request("GET", "/api/v1/files/quota")
        emulator.request("GET", "/no-such-route")
        emulator.control("clock")
    assert len(served) == 4


@pytest.mark.parametrize(("requests", "left"), [(0, sys.maxsize), (1, 1), (11, 1), (12, 2), (600, 100)])
def test_one_attempt_may_begin_for_every_six_requests_since_the_last_turn(requests: int, left: int) -> None:
    throttle = Throttle()
    for _ in range(requests):
        throttle.request_served()
    throttle.begin_tick()
    assert throttle.left == left
    throttle.begin_tick()
    assert throttle.left == sys.maxsize


def test_a_hanging_script_of_the_sink_delays_no_other_script() -> None:
    async def scene() -> None:
        app = create_app(settings(clock="real", generation_time="1ms", callback_concurrency=1))
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://emulator.test")
        async with in_background(app.control.dispatcher.run()), asyncio.timeout(20):
            await create(client, "sk-a", callback_url="https://sink.mock/timeout")
            await client.get("/__mock/deliveries?status=in_flight&wait=9s", headers=bearer("sk-a"))
            task = await create(client, "sk-a", callback_url="https://sink.mock/200")
            found = await client.get("/__mock/deliveries?status=delivered&wait=9s", headers=bearer("sk-a"))
            assert [row["task"] for row in found.json()["deliveries"]] == [task]
            await app.control.dispatcher.drain(0)

    asyncio.run(scene())


def test_an_evicted_world_sends_and_stores_nothing(tmp_path: Path) -> None:
    app = create_app(settings(state=str(tmp_path), world_limit=1))
    old = app.worlds.get_or_create("sk-old")
    new = app.worlds.get_or_create("sk-new")
    assert (old.epoch, len(old.view().deliveries.numbers())) == (-1, 0)
    now = old.clock.now()
    old.outbox.put(Delivery("task-unified-1-a", "replay", now, due=now))
    old.advance_to_next_event()
    old.record_event("nobody hears this")
    agenda = new.config.ready_queue
    assert list(agenda.owners) == []
    new.outbox.put(Delivery("task-unified-1-b", "replay", now, due=now))
    assert list(agenda.owners) == [new]
    with app.worlds.transaction():
        pass
    new.config.backend.close()
    with sqlite3.connect(tmp_path / FILE) as base:
        assert base.execute("SELECT key FROM world").fetchall() == [("sk-new",)]
        ((record,),) = base.execute("SELECT record FROM delivery")
    assert msgspec.msgpack.decode(record, type=Delivery).task == "task-unified-1-b"


def test_time_travel_in_an_evicted_world_ends() -> None:
    async def scene() -> bool:
        app = create_app(settings(world_limit=1), receivers={ORIGIN: hang})
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://emulator.test")
        await create(client, "sk-old", callback_url=HOOK)
        world = app.worlds.get_or_create("sk-old")
        async with asyncio.timeout(20):
            moving = asyncio.create_task(app.control.time_travel.travel(world, world.clock.now() + 60_000_000, 1e12))
            await begun.wait()
            await create(client, "sk-new")
            arrived = await moving
        await app.control.dispatcher.drain(0)
        return arrived

    begun = asyncio.Event()

    async def hang(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await asyncio.Event().wait()

    assert asyncio.run(scene()) is False


def test_delivery_numbers_continue_after_a_reset(emulator: Emulator) -> None:
    for number in (1, 2):
        emulator.create(callback_url="https://sink.mock/200")
        emulator.advance("10s")
        assert [row["number"] for row in deliveries(emulator)] == [number]
        emulator.control("worlds", {"reset": True})


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
