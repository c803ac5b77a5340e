"""A receiver that calls the emulator before it answers: nothing waits for it while it waits, on any clock."""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import httpx
import pytest

from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.webhook_receiver import CALLBACK_URL, Arrival, WebhookReceiver, connected, deliveries, until

Act: TypeAlias = Callable[[httpx.AsyncClient, Arrival], Awaitable[httpx.Response]]


async def query(client: httpx.AsyncClient, arrival: Arrival) -> httpx.Response:
    return await client.get(f"/v1/tasks/{arrival.task}")


async def create(client: httpx.AsyncClient, arrival: Arrival) -> httpx.Response:
    return await client.post("/v1/videos/generations", json=DOCUMENTED)


async def ask_credits(client: httpx.AsyncClient, arrival: Arrival) -> httpx.Response:
    return await client.get("/v1/credits")


async def advance(client: httpx.AsyncClient, arrival: Arrival) -> httpx.Response:
    return await client.post("/__mock/clock", json={"advance": "5s"})


async def to_next_event(client: httpx.AsyncClient, arrival: Arrival) -> httpx.Response:
    return await client.post("/__mock/clock", json={"until": "next-event"})


async def change_mode(client: httpx.AsyncClient, arrival: Arrival) -> httpx.Response:
    return await client.post("/__mock/clock", json={"mode": "manual"})


async def list_deliveries(client: httpx.AsyncClient, arrival: Arrival) -> httpx.Response:
    return await client.get("/__mock/deliveries")


async def queue(client: httpx.AsyncClient, arrival: Arrival) -> httpx.Response:
    return await client.post("/__mock/scenarios", json={"scenario": "ok"})


CALLS: tuple[Act, ...] = (query, create, ask_credits, advance, to_next_event, change_mode, list_deliveries, queue)


def receiver(call: Act, *statuses: int) -> WebhookReceiver:
    """Makes its call within the handler of its first callback, and answers afterwards."""

    async def act(client: httpx.AsyncClient, arrival: Arrival) -> None:
        if len(hook.arrivals) == 1:
            assert (await call(client, arrival)).status_code == 200

    hook = WebhookReceiver(*statuses, act=act)
    return hook


def delay_all(emulator: Emulator, latency: str) -> None:
    emulator.control("scenarios/default", {"scenario": f"query_latency={latency}; create_latency={latency}"})


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
@pytest.mark.parametrize("delayed", [False, True])
def test_on_a_manual_clock_the_first_attempt_arrives(call: Act, delayed: bool) -> None:
    """An attempt that waits for itself times out, and is followed by a second one."""
    hook = receiver(call)
    with connected(hook) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        if delayed:
            delay_all(emulator, "2s")
        emulator.advance("30s")
        (delivery,) = deliveries(emulator)
        assert (delivery["status"], len(delivery["attempts"])) == ("delivered", 1)
    assert len(hook.arrivals) == 1


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
@pytest.mark.parametrize("delayed", [False, True])
@pytest.mark.parametrize("clock", ["auto", "real"])
def test_on_a_clock_that_runs_by_itself_too(call: Act, delayed: bool, clock: Any) -> None:
    hook = receiver(call)
    with connected(hook, clock=clock, generation_time="0.1s") as emulator:
        task = emulator.create(callback_url=CALLBACK_URL)
        if delayed:
            delay_all(emulator, "0.2s")
        while emulator.query(task).json()["status"] != "completed":
            pass
        delivery = until(emulator, status="delivered")
        assert len(delivery["attempts"]) == 1
    assert len(hook.arrivals) == 1


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_an_attempt_that_begins_outside_of_a_journey_arrives_too(call: Act) -> None:
    """The end of a cancelled task is announced at once, while no call moves the clock."""
    hook = receiver(call)
    with connected(hook) as emulator:
        task = emulator.create(callback_url=CALLBACK_URL)
        delay_all(emulator, "2s")
        emulator.control(f"tasks/{task}/cancel", {})
        assert len(until(emulator, status="delivered")["attempts"]) == 1
    assert len(hook.arrivals) == 1


def test_calls_that_move_the_clock_meanwhile_add_up() -> None:
    hook = receiver(advance, 500, 200)
    with connected(hook) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        before = emulator.control("clock")["now"]
        emulator.advance("30s")
        assert emulator.control("clock")["now"] == before + 35
        (delivery,) = deliveries(emulator)
        assert [each["error"] or each["status"] for each in delivery["attempts"]] == [500, 200]


def test_parallel_calls_add_up() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator, ThreadPoolExecutor() as threads:
        before = emulator.control("clock")["now"]
        emulator.create(callback_url=CALLBACK_URL)
        assert [*threads.map(emulator.advance, ("7s", "5s", "11s"))] == [None] * 3
        assert emulator.control("clock")["now"] == before + 23


def test_a_latency_during_a_journey_moves_the_clock_no_further() -> None:
    hook = receiver(query)
    with connected(hook) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        delay_all(emulator, "20s")
        before = emulator.control("clock")["now"]
        emulator.advance("15s")
        assert emulator.control("clock")["now"] == before + 15
