"""A test that stops the functions of `time`, as freezegun does, stops no clock of an emulator and no long poll."""

import time
from collections.abc import Iterator

import pytest

from evolink_mock.testing.mocked import Mocked

DATE = 1_600_000_000


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        for name in ("time", "monotonic", "perf_counter"):
            patch.setattr(time, name, lambda: float(DATE))
            patch.setattr(time, f"{name}_ns", lambda: DATE * 10**9)
        yield


@pytest.mark.usefixtures("stopped")
def test_a_long_poll_ends() -> None:
    with Mocked() as mocked:
        answer = mocked.client.get("/__mock/events?wait=50ms")
    assert answer.json()["rows"] == []


@pytest.mark.usefixtures("stopped")
def test_a_real_clock_goes_on_from_the_date_that_the_test_has_set() -> None:
    with Mocked(clock="real", generation_time="50ms") as mocked:
        task = mocked.evolink.videos.create("A cat", "https://example.com/cat.png")
        assert 0 <= task.created - DATE <= 60
        last, events = 0, set[str]()
        while "task.completed" not in events:
            found = mocked.client.get(f"/__mock/events?after={last}&wait=20s").json()
            assert found["rows"], events
            last = found["rows"][-1]["number"]
            events |= {row["event"] for row in found["rows"]}
