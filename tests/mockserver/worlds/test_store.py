"""Stores keep records apart: two stores, and two threads with a store each, never mix theirs."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from evolink_mock.core.task import Plan, Task
from evolink_mock.worlds.store import MemoryStore

ADDS = 15_000


@pytest.fixture
def tiny_switch_interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def task(number: int, size: int) -> Task:
    return Task(number, "model", Plan(1, 2, None, 3, 4, 5), b"%d" % number * size, "default")


def test_two_stores_share_no_buffer() -> None:
    assert MemoryStore()._buffer is not MemoryStore()._buffer


def test_threads_with_a_store_each_read_back_what_they_added(tiny_switch_interval: None) -> None:
    barrier = threading.Barrier(2)

    def damaged(size: int) -> int:
        store = MemoryStore()
        barrier.wait()
        wrong = 0
        for number in range(ADDS):
            added = task(number, size)
            store.add("a", added)
            try:
                wrong += store.get("a") != added
            except msgspec.MsgspecError:
                wrong += 1
        return wrong

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(damaged, (5, 40))) == [0, 0]
