"""Own trouble is no attempt: without a descriptor, a port or a buffer, a callback is sent later and nothing counts."""

import asyncio
import errno
import os
import socket
from typing import Any

import pytest

from evolink_mock.delivery import connection_pool, dispatcher
from evolink_mock.delivery.throttle import Throttle
from evolink_mock.delivery.transport import ResourcesExhausted, is_exhaustion
from evolink_mock.delivery.worker_pools import WorkerPools
from tests.support.emulator import Emulator
from tests.support.raw_server import forwarded_request, send
from tests.support.receivers import HOST, Receiver

EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL)


def failing(monkeypatch: pytest.MonkeyPatch, *codes: int) -> list[int]:
    """Let connecting fail with each of these errors, and then succeed; the list shrinks with each failure."""
    left = list(codes)
    original = connection_pool._connect_to

    async def connect_to(address: Any) -> socket.socket:
        if left:
            code = left.pop(0)
            raise OSError(code, os.strerror(code))
        return await original(address)

    monkeypatch.setattr(connection_pool, "_connect_to", connect_to)
    return left


@pytest.mark.parametrize("code", EXHAUSTED)
def test_the_transport_says_that_nothing_was_sent(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    failing(monkeypatch, code)
    with pytest.raises(ResourcesExhausted, match=os.strerror(code)):
        asyncio.run(send(forwarded_request(f"https://{HOST}/hook", "http://127.0.0.1:9")))


def test_the_receivers_own_errors_are_attempts() -> None:
    for error in (
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
        OSError(errno.ENETUNREACH, "unreachable"),
        TimeoutError(errno.ETIMEDOUT, "timed out"),
        socket.gaierror(socket.EAI_NONAME, "no such name"),
        ValueError("no error of the system"),
    ):
        assert not is_exhaustion(error)


def test_a_callback_that_could_not_be_sent_here_is_sent_later_and_has_one_attempt(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dispatcher, "_RECOVERY", 0.001)
    with Receiver(200) as receiver, Emulator.in_process(forward_to=receiver.place) as emulator:
        left = failing(monkeypatch, *EXHAUSTED * 3)
        task = emulator.create(callback_url=f"https://{HOST}/hook")
        emulator.request("POST", "/__mock/clock", json={"advance": "60s"})
        (delivery,) = emulator.control(f"deliveries?task={task}")["deliveries"]
        assert left == []
        assert delivery["status"] == "delivered"
        assert [attempt["status"] for attempt in delivery["attempts"]] == [200]
        assert len(receiver.received) == 1
    postponed = [record.getMessage() for record in caplog.records if "no attempt is counted" in record.getMessage()]
    assert len(postponed) == len(EXHAUSTED)  # One line for each reason.


def test_attempts_at_all_receivers_together_are_bounded_and_take_turns() -> None:
    async def main() -> list[str]:
        gate, begun = asyncio.Event(), list[str]()
        under_way, most = 0, 0

        async def attempt(job: str, many: bool) -> None:
            nonlocal under_way, most
            begun.append(job)
            under_way += 1
            most = max(most, under_way)
            await gate.wait()
            await asyncio.sleep(0)
            under_way -= 1

        pools: WorkerPools[str] = WorkerPools(256, Throttle(), attempt, most=4)
        for number in range(20):
            pools.put("a", f"a{number}")
        for number in range(3):
            pools.put("b", f"b{number}")
        pools.start_waiting()
        await asyncio.sleep(0)
        assert begun == ["a0", "a1", "a2", "a3"]
        gate.set()
        while len(begun) < 23:
            pools.start_waiting()
            await asyncio.sleep(0)
        assert most == 4
        await pools.drain(1)
        return begun

    begun = asyncio.run(main())
    assert begun.index("b0") < 10
