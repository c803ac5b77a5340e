"""Logs are bounded in bytes, each and all together, and what a log held is given back when it ends."""

import gc

import pytest

from evolink_mock.worlds import log as logs
from evolink_mock.worlds.log import Log, LogBudget

ROW = b"x" * 1000


def log(limit: int = 1000, budget: LogBudget | None = None) -> Log[bytes]:
    return Log(limit, len, budget or LogBudget())


def kept(of: Log[bytes]) -> list[int]:
    return [number for number, _ in of.after(0)]


def filled(rows: int, budget: LogBudget) -> Log[bytes]:
    made = log(budget=budget)
    for _ in range(rows):
        made.append(ROW)
    return made


def test_a_log_drops_its_oldest_rows_at_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_LOG_BYTES", 5000)
    made = filled(12, LogBudget())
    assert kept(made) == [8, 9, 10, 11, 12]
    assert (made.last, made.dropped, made.has_dropped) == (12, 7, True)
    made.append(b"y" * 9000)
    assert kept(made) == [13]


def test_a_log_drops_its_oldest_rows_at_its_rows() -> None:
    budget = LogBudget()
    made = log(3, budget)
    for _ in range(5):
        made.append(ROW)
    assert kept(made) == [3, 4, 5]
    assert budget.held == 3000


def test_all_logs_together_are_bounded() -> None:
    budget = LogBudget(10_000)
    every = [filled(9, budget) for _ in range(20)]
    # The newest row of each log stays.
    assert budget.held == 20_000
    assert [kept(each) for each in every] == [[9]] * 20
    every[0].append(ROW)
    assert kept(every[0]) == [10]


def test_the_largest_logs_make_room_and_quiet_ones_keep_their_rows() -> None:
    budget = LogBudget(100_000)
    quiet = filled(20, budget)
    large = [filled(200, budget) for _ in range(3)]
    assert budget.held <= 100_000
    assert kept(quiet) == list(range(1, 21))
    quiet.append(ROW)
    assert kept(quiet) == list(range(1, 22))
    assert all(kept(each)[-1] == 200 and len(kept(each)) >= 20 for each in large)


def test_what_a_log_held_is_given_back() -> None:
    budget = LogBudget()
    ended, cleared, undone = (filled(1, budget) for _ in range(3))
    cleared.clear()
    undone.truncate(0)
    assert budget.held == 1000
    del ended
    gc.collect()
    assert budget.held == 0
    assert (cleared.has_dropped, undone.has_dropped) == (False, False)
