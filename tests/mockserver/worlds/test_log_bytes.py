"""Logs are bounded in bytes, each and all together, and what a log held is given back when it ends."""

import gc

import pytest

from evolink_mock.worlds import journal
from evolink_mock.worlds.journal import Log

ROW = b"x" * 1000


def log(limit: int = 1000) -> Log[bytes]:
    return Log(limit, len)


def kept(of: Log[bytes]) -> list[int]:
    return [number for number, _ in of.after(0)]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the bytes of other tests' logs."""
    gc.collect()
    monkeypatch.setattr(journal._Share, "total", 0)


def test_a_log_drops_its_oldest_rows_at_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MAX_LOG_BYTES", 5000)
    filled = log()
    for _ in range(12):
        filled.append(ROW)
    assert kept(filled) == [8, 9, 10, 11, 12]
    assert (filled.last, filled.dropped, filled.has_dropped) == (12, 7, True)
    filled.append(b"y" * 9000)
    assert kept(filled) == [13]


def test_a_log_drops_its_oldest_rows_at_its_rows() -> None:
    filled = log(3)
    for _ in range(5):
        filled.append(ROW)
    assert kept(filled) == [3, 4, 5]
    assert journal._Share.total == 3000


def test_all_logs_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MAX_LOGS_BYTES", 10_000)
    first, *others = [log() for _ in range(20)]
    for _ in range(9):
        first.append(ROW)
    for other in others:
        for _ in range(5):
            other.append(ROW)
    # The newest row of each log stays.
    assert journal._Share.total <= 10_000 + 20 * 1000
    assert all(kept(other) for other in others)
    first.append(ROW)
    assert len(kept(first)) == 1


def test_what_a_log_held_is_given_back() -> None:
    filled, cleared, undone = log(), log(), log()
    for each in (filled, cleared, undone):
        each.append(ROW)
    cleared.clear()
    undone.truncate(0)
    assert journal._Share.total == 1000
    del filled
    gc.collect()
    assert journal._Share.total == 0
    assert (cleared.has_dropped, undone.has_dropped) == (False, False)
