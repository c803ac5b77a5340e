"""A broken record, a kill in the middle of a callback: what was said stays true."""

import shutil
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.emulator import DOCUMENTED
from tests.support.receivers import HOST, Receiver
from tests.support.server_process import PATIENCE, Server, started

FILE = "evolink-mock.sqlite3"
MANUAL = ("--clock", "manual", "--generation-time", "10s", "--public-url", "http://emulator.test")
CALLBACK = {"callback_url": f"https://{HOST}/hook"}


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


@pytest.mark.parametrize("replaced", [False, True], ids=["deleted", "replaced"])
def test_a_state_that_is_deleted_under_the_emulator_refuses_in_words(tmp_path: Path, replaced: bool) -> None:
    with started("--state", str(tmp_path / "state"), *MANUAL) as (server, emulator):
        first = emulator.create()
        (tmp_path / "state").rename(tmp_path / "away")
        if replaced:
            shutil.copytree(tmp_path / "away", tmp_path / "state")
        refused = emulator.request("POST", "/v1/videos/generations", json=DOCUMENTED)
        assert refused.status_code == 500
        assert "its files were deleted, or replaced" in refused.json()["error"]["message"]
        assert emulator.request("GET", "/__mock/ready").status_code == 503
        if replaced:
            shutil.rmtree(tmp_path / "state")
        (tmp_path / "away").rename(tmp_path / "state")
        second = emulator.create()
        assert [row["id"] for row in emulator.control("tasks")["tasks"]] == [first, second]
        server.stop(signal.SIGKILL)
    with started("--state", str(tmp_path / "state"), *MANUAL) as (_, emulator):
        assert [row["id"] for row in emulator.control("tasks")["tasks"]] == [first, second]


def test_a_state_file_that_others_could_read_is_for_its_owner_alone(tmp_path: Path) -> None:
    with started("--state", str(tmp_path), *MANUAL) as (server, emulator):
        emulator.create()
        server.stop()
    (tmp_path / FILE).chmod(0o644)
    with started("--state", str(tmp_path), *MANUAL) as (_, emulator):
        emulator.create()
        assert {path.stat().st_mode & 0o777 for path in tmp_path.glob(f"{FILE}*")} == {0o600}
