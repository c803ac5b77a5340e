"""Chains of callbacks where time passes by itself, or whenever somebody asks."""

from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.support.emulator import Emulator
from tests.support.receivers import HOST, Receiver
from tests.support.server_process import Server

URL = f"https://{HOST}/hook"


def micros(seconds: float) -> int:
    """An instant as the emulator counts it, which its JSON shows as a float."""
    return round(seconds * 1_000_000)


def ended(emulator: Emulator, task: str) -> dict[str, Any]:
    """The delivery of a task, as soon as nothing more comes of it."""
    (delivery,) = emulator.control(f"deliveries?task={task}&status=ended&wait=20s")["deliveries"]
    assert isinstance(delivery, dict)
    return delivery


def gaps(delivery: dict[str, Any]) -> list[int]:
    """From the end of each attempt to when the next is due."""
    return [micros(after["due"]) - micros(before["finished"]) for before, after in pairwise(delivery["attempts"])]


def test_the_third_callback_arrives_1_s_and_then_2_s_later() -> None:
    with (
        Receiver(500, 500, 200) as receiver,
        Server("--generation-time", "500ms", "--forward-to", receiver.place) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        emulator = Emulator(client)
        delivery = ended(emulator, emulator.create(callback_url=URL))
    assert delivery["status"] == "delivered"
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 500, 200]
    assert gaps(delivery) == [1_000_000, 2_000_000]
    for gap, (before, after) in zip((1, 2), pairwise(receiver.received), strict=True):
        assert gap - 0.05 <= after.at - before.at <= gap + 1.5
    for attempt in delivery["attempts"]:
        assert attempt["due"] <= attempt["started"] <= attempt["finished"]
        assert attempt["finished"] - attempt["started"] <= 1.5


@pytest.mark.slow
def test_on_the_real_clock_an_attempt_takes_its_time() -> None:
    """A receiver that drips is cut off after 10 s, and the gap counts from then."""
    with (
        Receiver("drip", 200) as receiver,
        Server("--generation-time", "100ms", "--forward-to", receiver.place) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        emulator = Emulator(client)
        delivery = ended(emulator, emulator.create(callback_url=URL))
    first, second = delivery["attempts"]
    assert (first["error"], second["status"]) == ("timeout", 200)
    assert 9.95 <= first["finished"] - first["started"] <= 11.5
    assert gaps(delivery) == [1_000_000]
    assert 10.5 <= receiver.received[1].at - receiver.received[0].at <= 13


def test_on_a_scaled_clock_the_gaps_are_the_documented_ones_of_that_clock() -> None:
    with (
        Receiver(500) as receiver,
        Server("--speed", "20", "--generation-time", "20s", "--forward-to", receiver.place) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        emulator = Emulator(client)
        delivery = ended(emulator, emulator.create(callback_url=URL))
    attempts = delivery["attempts"]
    assert (delivery["status"], len(attempts)) == ("exhausted", 4)
    assert gaps(delivery) == [1_000_000, 2_000_000, 4_000_000]
    assert [before["next_due"] for before in attempts] == [*(after["due"] for after in attempts[1:]), None]
    assert micros(attempts[0]["due"]) == micros(delivery["queued"])
    for attempt in attempts:
        assert attempt["due"] <= attempt["started"] == attempt["finished"] <= attempt["due"] + 20
    assert receiver.received[3].at - receiver.received[0].at < 7


def test_on_an_automatic_clock_whoever_polls_or_waits_brings_the_callbacks_on() -> None:
    with (
        Receiver(500, 500, 500, 200) as receiver,
        Server("--clock", "auto", "--generation-time", "1h", "--forward-to", receiver.place) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        emulator = Emulator(client)
        task = emulator.create(callback_url=URL)
        polled = [emulator.query(task) for _ in range(2)]
        assert [each.json()["status"] for each in polled] == ["processing", "completed"]
        assert receiver.wait_for(1)[0].body == polled[-1].content
        delivery = ended(emulator, task)
    end = 1757169743 + 3600
    assert delivery["status"] == "delivered"
    assert [(a["due"], a["started"], a["finished"]) for a in delivery["attempts"]] == [
        (end + gap, end + gap, end + gap) for gap in (0, 1, 3, 7)
    ]
    assert len(receiver.received) == 4


def test_on_an_automatic_clock_a_time_out_costs_10_s_of_it() -> None:
    with (
        Server("--clock", "auto", "--generation-time", "1h") as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        emulator = Emulator(client)
        delivery = ended(emulator, emulator.create(callback_url="https://sink.mock/timeout"))
    end = 1757169743 + 3600
    assert [(a["due"], a["finished"]) for a in delivery["attempts"]] == [
        (end + due, end + due + 10) for due in (0, 11, 23, 37)
    ]


def test_a_wait_for_a_delivery_ends_with_the_first_that_fits() -> None:
    with (
        Receiver(500, 200) as receiver,
        Server("--generation-time", "100ms", "--forward-to", receiver.place) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        emulator = Emulator(client)
        assert emulator.control("deliveries?wait=1ms")["deliveries"] == []
        task = emulator.create(callback_url=URL)
        (any_state,) = emulator.control("deliveries?wait=30s")["deliveries"]
        assert any_state["status"] in ("queued", "in_flight")
        assert emulator.control("deliveries?status=exhausted&wait=1ms")["deliveries"] == []
        (delivered,) = emulator.control("deliveries?status=delivered&wait=30s")["deliveries"]
        assert (delivered["task"], len(delivered["attempts"])) == (task, 2)
        assert emulator.control(f"deliveries?after={delivered['number']}&wait=1ms")["deliveries"] == []
