"""Throttling: requests keep half of the event loop, and worlds take turns with their callbacks."""

import asyncio
import sys
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from evolink_mock import create_app
from evolink_mock.clock import in_background
from evolink_mock.delivery.throttle import Throttle
from tests.support.emulator import DOCUMENTED, Emulator, bearer, settings
from tests.support.webhook_receiver import ORIGIN


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

    async def main() -> None:
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

    asyncio.run(main())
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
