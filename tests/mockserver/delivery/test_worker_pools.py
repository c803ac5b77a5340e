"""Each receiver gets its turn, and no job that waits is forgotten."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from evolink_mock.clock import Notifier
from evolink_mock.delivery.throttle import Throttle
from evolink_mock.delivery.worker_pools import WorkerPools

Attempt = Callable[[str], Awaitable[None]]


class Work:
    """Lanes whose jobs are words; `done` is what was carried out, in order."""

    def __init__(self, most: int = 1, attempt: Attempt | None = None) -> None:
        self.pace = Throttle()
        self.done: list[str] = []
        self.ended = Notifier()
        self._attempt_word = attempt
        self.lanes: WorkerPools[str] = WorkerPools(most, self.pace, self._attempt)

    async def _attempt(self, word: str, many: bool) -> None:
        try:
            if self._attempt_word is not None:
                await self._attempt_word(word)
            self.done.append(word)
        finally:
            self.ended.notify_all()

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(10):
            while len(self.done) < count:
                await self.ended.wait()
        return self.done


def test_a_job_that_waits_when_its_lane_has_nothing_under_way_is_still_carried_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evolink_mock.delivery.worker_pools._REST", 0.0)

    async def scene() -> list[str]:
        work = Work()
        work.lanes.put("a", "first")
        work.lanes.put("a", "second")
        work.pace.left = 0
        await work.until(1)
        await asyncio.sleep(0.01)  # By now the lane would have closed.
        work.pace.left = 9
        work.lanes.start_waiting()
        return await work.until(2)

    assert asyncio.run(scene()) == ["first", "second"]


def test_lanes_take_turns_when_there_is_room_for_one_attempt_a_turn() -> None:
    async def scene() -> list[str]:
        work = Work()
        for n in range(4):
            for receiver in "abc":
                work.lanes.put(receiver, f"{receiver}{n}")
        work.pace.left = 0
        await work.until(3)
        for count in range(4, 13):
            work.pace.left = 1
            assert work.lanes.start_waiting() or count == 12
            work.pace.left = 0
            await work.until(count)
        return work.done

    done = asyncio.run(scene())
    assert [sorted(word[0] for word in done[at : at + 3]) for at in range(0, 12, 3)] == [["a", "b", "c"]] * 4


def test_an_attempt_that_raises_gives_its_place_to_the_next() -> None:
    async def fail(word: str) -> None:
        if word == "bad":
            raise RuntimeError(word)

    async def scene() -> list[str]:
        work = Work(attempt=fail)
        for word in ("bad", "good", "bad", "better"):
            work.lanes.put("a", word)
        return await work.until(2)

    assert asyncio.run(scene()) == ["good", "better"]


def test_nothing_begins_once_stopped_and_what_is_under_way_may_end() -> None:
    async def scene() -> list[str]:
        opened = asyncio.Event()

        async def wait(word: str) -> None:
            await opened.wait()

        work = Work(attempt=wait)
        work.lanes.put("a", "under way")
        work.lanes.put("a", "waiting")
        await asyncio.sleep(0)
        work.lanes.stop()
        work.lanes.put("b", "late")
        assert not work.lanes.start_waiting()
        opened.set()
        await work.lanes.drain(10)
        return work.done

    assert asyncio.run(scene()) == ["under way"]


def test_what_takes_too_long_is_cut_off_before_draining_ends() -> None:
    async def scene() -> list[str]:
        cut_off: list[str] = []

        async def hang(word: str) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                cut_off.append(word)

        work = Work(most=2, attempt=hang)
        work.lanes.put("a", "one")
        work.lanes.put("a", "two")
        await work.lanes.drain(0.01)
        return sorted(cut_off)

    assert asyncio.run(scene()) == ["one", "two"]
