"""Webhook receiver in this process, and an emulator whose callbacks reach it."""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeAlias

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from evolink_contracts.spec.timing import EVOLINK_CALLBACKS, CallbackPolicy
from evolink_mock import InProcessTransport, create_app
from evolink_mock.core.behaviour import DOCUMENTED
from tests.support.emulator import Emulator, bearer, settings

ORIGIN = "https://app.example.com"
CALLBACK_URL = f"{ORIGIN}/hooks/video"
START = 1757169743.0
ENDS = START + 10
"""The end of a task that is created on a manual clock before it moves."""


class Arrival(NamedTuple):
    """A callback as it arrived, and the time on the emulator's clock then."""

    target: str
    body: bytes
    at: float

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    @property
    def task(self) -> str:
        return str(self.content["id"])


Act: TypeAlias = Callable[[httpx.AsyncClient, Arrival], Awaitable[None]]


class WebhookReceiver:
    """Answers with its statuses in turn, and with the last of them from then on.

    `act` is called before each answer, with a client of the emulator that calls back.
    """

    def __init__(self, *statuses: int, answer: str = "", act: Act | None = None) -> None:
        self.arrivals: list[Arrival] = []
        self.emulator: httpx.AsyncClient
        self._statuses = statuses or (200,)
        self._answer = answer
        self._act = act

    @property
    def tasks(self) -> list[str]:
        return [arrival.task for arrival in self.arrivals]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        clock = (await self.emulator.get("/__mock/clock")).json()
        query = f"?{request.url.query}" if request.url.query else ""
        arrival = Arrival(f"{scope['raw_path'].decode()}{query}", body, clock["now"])
        self.arrivals.append(arrival)
        status = self._statuses[min(len(self.arrivals), len(self._statuses)) - 1]
        if self._act is not None:
            await self._act(self.emulator, arrival)
        await Response(self._answer, status)(scope, receive, send)


def connected(receiver: WebhookReceiver, policy: CallbackPolicy = EVOLINK_CALLBACKS, /, **given: Any) -> Emulator:
    """An emulator as `Emulator.in_process` makes it, whose callbacks to `ORIGIN` reach the receiver."""
    app = create_app(settings(**given), receivers={ORIGIN: receiver}, behaviour=DOCUMENTED._replace(policy=policy))
    receiver.emulator = httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://emulator.test", headers=bearer()
    )
    return Emulator(httpx.Client(transport=InProcessTransport(app), base_url="http://emulator.test"))


def deliveries(emulator: Emulator, **params: str) -> list[dict[str, Any]]:
    """The emulator's record of its deliveries."""
    rows = emulator.control("deliveries", params=params)["deliveries"]
    assert isinstance(rows, list)
    return rows


def until(emulator: Emulator, log: str = "deliveries", **params: str) -> dict[str, Any]:
    """Long-poll for the first row that matches; the wait must end as soon as there is one."""
    began = time.monotonic()
    answer = emulator.control(log, params={"wait": "10s", **params})
    rows = answer["deliveries" if log == "deliveries" else "rows"]
    assert rows, (log, params)
    assert time.monotonic() - began < 8, "the wait went on, although there was something"
    return dict(rows[0])
