"""A broken record, a kill in the middle of a callback: what was said stays true."""

import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.emulator import Emulator
from tests.support.receivers import HOST, Receiver
from tests.support.server_process import PATIENCE, Server

FILE = "evolink-mock.sqlite3"
MANUAL = ("--clock", "manual", "--generation-time", "10s", "--public-url", "http://emulator.test")
CALLBACK = {"callback_url": f"https://{HOST}/hook"}


@contextmanager
def started(*arguments: str) -> Iterator[tuple[Server, Emulator]]:
    with Server(*arguments) as server:
        client = httpx.Client(base_url="http://{}:{}".format(*server.address), timeout=PATIENCE)
        with Emulator(client) as emulator:
            yield server, emulator


@pytest.mark.parametrize("attempt", [1, 2])
def test_what_a_receiver_has_heard_is_true_after_a_kill(tmp_path: Path, attempt: int) -> None:
    """The emulator is killed when the attempt has arrived and before it is answered."""
    with Receiver(*[500] * (attempt - 1), "timeout") as receiver, ThreadPoolExecutor(1) as pool:
        arguments = ("--state", str(tmp_path), "--forward-to", receiver.place, *MANUAL)
        with started(*arguments) as (server, emulator):
            task = emulator.create(**CALLBACK)
            moving = pool.submit(emulator.request, "POST", "/__mock/clock", json={"advance": "60s"})
            body = receiver.wait_for(attempt)[-1].body
            server.stop(signal.SIGKILL)
            assert isinstance(moving.exception(PATIENCE), httpx.TransportError)
        with started(*arguments) as (server, emulator):
            assert emulator.query(task).content == body
            began = 1757169743 + 10 + (attempt - 1)
            assert emulator.control("clock")["now"] == began, "no instant comes twice"
            (row,) = emulator.control("deliveries")["deliveries"]
            assert (row["next_due"], len(row["attempts"])) == (began, attempt - 1)


def test_a_signal_lets_go_whoever_moves_the_clock() -> None:
    with (
        Receiver("timeout") as receiver,
        ThreadPoolExecutor(1) as pool,
        started("--forward-to", receiver.place, *MANUAL) as (server, emulator),
    ):
        emulator.create(**CALLBACK)
        moving = pool.submit(emulator.control, "clock", {"advance": "60s"})
        receiver.wait_for(1)
        server.process.send_signal(signal.SIGTERM)
        assert moving.result(PATIENCE)["attempts_in_flight"] == 1, "it did not wait for the attempt to end"


def test_a_changed_speed_holds_for_worlds_from_before(tmp_path: Path) -> None:
    def speed(*arguments: str) -> float:
        with started("--state", str(tmp_path), *arguments) as (_, emulator):
            emulator.create()
            return float(emulator.control("clock")["speed"])

    assert [speed("--speed", "10"), speed("--speed", "10"), speed("--speed", "60"), speed()] == [10, 10, 60, 1]


def test_a_state_that_cannot_be_read_is_refused_in_words(tmp_path: Path) -> None:
    with started("--state", str(tmp_path), *MANUAL) as (server, emulator):
        emulator.create()
        server.stop()
    base = sqlite3.connect(tmp_path / FILE)
    base.execute("DROP TABLE world")
    base.commit()
    base.close()
    with pytest.raises(AssertionError, match="move it away to start with an empty state") as refused:
        Server("--state", str(tmp_path)).__enter__()
    assert "Traceback" not in str(refused.value)
