"""Worker pools: every receiver gets its turn, and no waiting job is forgotten."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from evolink_mock.clock import Notifier
from evolink_mock.delivery.throttle import Throttle
from evolink_mock.delivery.worker_pools import WorkerPools

Attempt = Callable[[str], Awaitable[None]]


class Work:
    """Worker pools whose jobs are words; `done` lists the finished ones in order."""

    def __init__(self, limit: int = 1, attempt: Attempt | None = None) -> None:
        self.throttle = Throttle()
        self.done: list[str] = []
        self.ended = Notifier()
        self._attempt_word = attempt
        self.pools: WorkerPools[str] = WorkerPools(limit, self.throttle, self._attempt)

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


def test_a_job_that_waits_at_an_idle_pool_is_carried_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evolink_mock.delivery.worker_pools._IDLE_TIME", 0.0)

    async def main() -> list[str]:
        work = Work()
        work.pools.put("a", "first")
        work.pools.put("a", "second")
        work.throttle.left = 0
        await work.until(1)
        await asyncio.sleep(0.01)  # By now the pool would have closed.
        work.throttle.left = 9
        work.pools.start_waiting()
        return await work.until(2)

    assert asyncio.run(main()) == ["first", "second"]


def test_pools_take_turns_when_one_attempt_may_start_per_turn() -> None:
    async def main() -> list[str]:
        work = Work()
        for n in range(4):
            for receiver in "abc":
                work.pools.put(receiver, f"{receiver}{n}")
        work.throttle.left = 0
        await work.until(3)
        for count in range(4, 13):
            work.throttle.left = 1
            assert work.pools.start_waiting() or count == 12
            work.throttle.left = 0
            await work.until(count)
        return work.done

    done = asyncio.run(main())
    assert [sorted(word[0] for word in done[at : at + 3]) for at in range(0, 12, 3)] == [["a", "b", "c"]] * 4


def test_an_attempt_that_raises_frees_its_worker() -> None:
    async def fail(word: str) -> None:
        if word == "bad":
            raise RuntimeError(word)

    async def main() -> list[str]:
        work = Work(attempt=fail)
        for word in ("bad", "good", "bad", "better"):
            work.pools.put("a", word)
        return await work.until(2)

    assert asyncio.run(main()) == ["good", "better"]


def test_after_stop_nothing_starts_and_running_attempts_may_end() -> None:
    async def main() -> list[str]:
        opened = asyncio.Event()

        async def wait(word: str) -> None:
            await opened.wait()

        work = Work(attempt=wait)
        work.pools.put("a", "under way")
        work.pools.put("a", "waiting")
        await asyncio.sleep(0)
        work.pools.stop()
        work.pools.put("b", "late")
        assert not work.pools.start_waiting()
        opened.set()
        await work.pools.drain(10)
        return work.done

    assert asyncio.run(main()) == ["under way"]


def test_drain_cancels_attempts_that_take_too_long() -> None:
    async def main() -> list[str]:
        cut_off: list[str] = []

        async def hang(word: str) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                cut_off.append(word)

        work = Work(limit=2, attempt=hang)
        work.pools.put("a", "one")
        work.pools.put("a", "two")
        await work.pools.drain(0.01)
        return sorted(cut_off)

    assert asyncio.run(main()) == ["one", "two"]
