"""Receivers, worlds, waits and signals that must not get in one another's way."""

import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

import httpx
import pytest

from tests.support.emulator import Emulator, bearer
from tests.support.receivers import HOST, Answer, Received, Receiver
from tests.support.server_process import PATIENCE, Server

START = 1757169743
URL = f"https://{HOST}/hook"
MANUAL = ("--clock", "manual", "--generation-time", "10s")


class Door:
    """An answer that is given once somebody opens."""

    def __init__(self) -> None:
        self._opened = threading.Event()

    def open(self) -> None:
        self._opened.set()

    def __call__(self, received: Received) -> int:
        assert self._opened.wait(PATIENCE)
        return 200


class Home(NamedTuple):
    server: Server
    emulator: Emulator
    receiver: Receiver


@contextmanager
def home(*script: Answer, options: tuple[str, ...] = MANUAL) -> Iterator[Home]:
    """An emulator that forwards every callback to one receiver."""
    with (
        Receiver(*script) as receiver,
        Server(*options, "--forward-to", receiver.place) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        yield Home(server, Emulator(client), receiver)


@contextmanager
def waiting(server: Server, path: str) -> Iterator[BinaryIO]:
    """The answer to a GET that has begun to wait."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer sk-local\r\n\r\n"
    with socket.create_connection(server.address, timeout=PATIENCE) as connection, connection.makefile("rb") as answer:
        connection.sendall(request.encode())
        # The listener answers in order of arrival, so by then the wait has begun.
        assert httpx.get(f"{server.url}/__mock/worlds?all=true").json()["worlds"]
        yield answer


def test_a_receiver_that_never_answers_does_not_slow_a_thousand_others() -> None:
    with (
        Receiver("timeout") as silent,
        Receiver(200) as normal,
        Server(*MANUAL, *(f"--callback-route={each.route}" for each in (silent, normal))) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        emulator = Emulator(client)
        for place, count in ((silent, 300), (normal, 1000)):
            server.create_many(emulator.key, count, callback_url=f"{place.origin}/hook")
        moving = pool.submit(emulator.advance, "10s")
        silent.wait_for(256)
        normal.wait_for(1000)
        while emulator.control("clock")["attempts_in_flight"] > 300:
            pass
        assert len(emulator.control("deliveries?status=delivered&limit=1000")["deliveries"]) == 1000
        hanging = emulator.control("deliveries?status=waiting&limit=1000")["deliveries"]
        assert [each["status"] for each in hanging] == ["in_flight"] * 300
        assert not any(each["attempts"] for each in hanging)
        assert len(silent.received) == 256
        assert not moving.done()
        silent.close()
        moving.result()


def test_attempts_at_one_receiver_are_bounded_and_all_have_their_turn() -> None:
    door = Door()
    with home(door, options=(*MANUAL, "--set", "callback_concurrency=3")) as (_, emulator, receiver):
        for _ in range(8):
            emulator.create(callback_url=URL)
        with ThreadPoolExecutor(1) as pool:
            moving = pool.submit(emulator.advance, "10s")
            receiver.wait_for(3)
            assert emulator.control("clock")["attempts_in_flight"] == 8
            assert len(receiver.received) == 3
            door.open()
            moving.result()
        assert len(receiver.received) == 8
        assert len(emulator.control("deliveries?status=delivered")["deliveries"]) == 8


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_an_attempt_in_flight_finish(how: signal.Signals) -> None:
    door = Door()
    with home(door, options=("--generation-time", "1ms")) as (server, emulator, receiver):
        emulator.create(callback_url=URL)
        receiver.wait_for(1)
        with waiting(server, "/__mock/deliveries?status=dead&wait=60s") as told, ThreadPoolExecutor(1) as pool:
            stopping = pool.submit(server.stop, how)
            assert told.readline().startswith(b"HTTP/1.1 200")
            with pytest.raises(TimeoutError):
                stopping.result(1)
            door.open()
            assert stopping.result() in (0, -how)
        assert receiver.deserted == 0


def test_a_reset_discards_the_outcome_of_an_attempt_in_flight() -> None:
    """Even though the world that follows has a task of the same id, whose callback has the same number."""
    door = Door()
    with home(door, 500, 200) as (_, emulator, receiver):
        before = emulator.create(callback_url=f"{URL}/before")
        emulator.control(f"tasks/{before}/cancel", {})
        receiver.wait_for(1)
        emulator.control("worlds", {"reset": True})
        assert emulator.control("deliveries")["deliveries"] == []
        assert emulator.control("clock")["attempts_in_flight"] == 0
        assert emulator.create(callback_url=f"{URL}/after") == before
        emulator.advance("10s")
        door.open()
        emulator.advance("1h")
        (delivery,) = emulator.control("deliveries")["deliveries"]
        assert [(each["started"], each["status"]) for each in delivery["attempts"]] == [
            (START + 10, 500),
            (START + 11, 200),
        ]
        assert [each.target for each in receiver.received] == ["/hook/before", "/hook/after", "/hook/after"]
        sent = [row["event"] for row in emulator.control("events")["rows"] if row["event"].startswith("callback.")]
        assert sent == ["callback.failed", "callback.delivered"]


def test_a_clock_that_was_on_its_way_does_not_move_the_world_that_a_reset_began() -> None:
    door = Door()
    with home(door) as (_, emulator, receiver), ThreadPoolExecutor(1) as pool:
        emulator.create(callback_url=URL)
        moving = pool.submit(emulator.advance, "1h")
        receiver.wait_for(1)
        emulator.control("worlds", {"reset": True})
        door.open()
        moving.result()
        assert emulator.control("clock")["now"] == START


def test_a_receiver_that_asks_back_is_told_what_it_was_sent() -> None:
    asked: list[tuple[bytes, int, bytes]] = []
    found: list[str] = []

    def ask(received: Received) -> int:
        task = httpx.Response(200, content=received.body).json()["id"]
        response = httpx.get(f"{found[0]}/v1/tasks/{task}", headers=bearer())
        asked.append((received.body, response.status_code, response.content))
        return 200

    with home(ask) as (server, emulator, _):
        found.append(server.url)
        for scenario in (None, "fail=service_error"):
            emulator.create(scenario, callback_url=URL)
        emulator.advance("10s")
        assert len(asked) == 2
        assert all((status, queried) == (200, body) for body, status, queried in asked)
        assert len(emulator.control("deliveries?status=delivered")["deliveries"]) == 2


def test_two_who_move_the_clock_at_once_move_it_one_after_the_other() -> None:
    with home(500) as (_, emulator, receiver), ThreadPoolExecutor(2) as pool:
        for _ in range(50):
            emulator.create(callback_url=URL)
        list(pool.map(emulator.advance, ("7s", "7s")))
        assert emulator.control("clock")["now"] == START + 14
        starts = {
            tuple(attempt["started"] for attempt in delivery["attempts"])
            for delivery in emulator.control("deliveries")["deliveries"]
        }
        assert starts == {(START + 10, START + 11, START + 13)}
        assert len(receiver.received) == 150


def test_another_worlds_receiver_that_hangs_holds_back_no_clock_but_its_own() -> None:
    door = Door()
    with home(door, 200) as (_, emulator, receiver), ThreadPoolExecutor(1) as pool:
        emulator.create(callback_url=URL)
        moving = pool.submit(emulator.advance, "10s")
        receiver.wait_for(1)
        other = emulator.as_key("sk-other")
        other.create(callback_url=URL)
        other.advance("10s")
        assert len(other.control("deliveries?status=delivered")["deliveries"]) == 1
        assert not moving.done()
        door.open()
        moving.result()


def test_a_wait_that_is_over_leaves_other_waits_alone() -> None:
    with home(200) as (server, emulator, _):
        task = emulator.create(callback_url=URL)
        with waiting(server, f"/__mock/deliveries?task={task}&status=delivered&wait=20s") as told:
            assert emulator.control("deliveries?status=lost&wait=1ms")["deliveries"] == []
            emulator.advance("10s")
            answer = told.read()
        assert task.encode() in answer


def test_a_wait_never_misses_what_happens_as_it_begins() -> None:
    """The sink answers at once: what it answers may be known in the very moment in which somebody starts to wait."""
    with Server("--clock", "auto") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        emulator = Emulator(client)
        for _ in range(20):
            task = emulator.create(callback_url="https://sink.mock/500,404,302,200")
            (delivery,) = emulator.control(f"deliveries?task={task}&status=delivered&wait=20s")["deliveries"]
            assert len(delivery["attempts"]) == 4
