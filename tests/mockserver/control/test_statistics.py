"""/__mock/statistics: figures at a glance, equal to what the lists of the same world hold."""

from collections import Counter
from typing import Any

import pytest

from evolink_mock.worlds.slices import VIEW_SLICE
from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.webhook_receiver import deliveries

SINK = "https://sink.mock"
STAGES = ("total", "queued", "in_flight", "delivered", "exhausted", "unrouted", "forbidden", "lost")


def statistics(emulator: Emulator) -> Any:
    return emulator.control("statistics")


def test_a_new_world_has_every_status_and_no_latency(emulator: Emulator) -> None:
    assert statistics(emulator) == {
        "key": "sk-…l",
        "world": "0d687e97",
        "now": 1757169743,
        "tasks": {"total": 0, "pending": 0, "processing": 0, "cancelled": 0, "completed": 0, "failed": 0},
        "deliveries": dict.fromkeys(STAGES, 0),
        "attempts": {"total": 0, "results": {}, "latency_ms": None, "delay_ms": None},
        "requests": {"total": 0},
    }


def test_tasks_are_counted_as_they_are_now(emulator: Emulator) -> None:
    emulator.create("fail=service_error")
    emulator.create("stuck=pending")
    emulator.advance("60s")
    emulator.create()
    emulator.advance("5s")
    emulator.create()
    counted = statistics(emulator)["tasks"]
    assert counted.pop("total") == 4
    assert counted == {"pending": 2, "processing": 1, "cancelled": 0, "completed": 0, "failed": 1}


def test_a_cancelled_task_has_the_status_that_queries_show() -> None:
    with Emulator.in_process(cancelled_as="cancelled") as emulator:
        emulator.control(f"tasks/{emulator.create()}/cancel", {})
        assert statistics(emulator)["tasks"]["cancelled"] == 1


def test_deliveries_and_attempts_are_those_of_the_list(emulator: Emulator) -> None:
    for path in ("200", "500,200", "404", "timeout,200"):
        emulator.create(callback_url=f"{SINK}/{path}")
    emulator.create(callback_url="https://unrouted.example.com/callback")
    emulator.create("delivery=very_late", callback_url=f"{SINK}/200")
    emulator.advance("60s")
    listed, figures = deliveries(emulator), statistics(emulator)
    stages = Counter(row["status"] for row in listed)
    assert stages == {"delivered": 3, "exhausted": 1, "unrouted": 1, "queued": 1}
    assert figures["deliveries"] == {name: stages[name] for name in figures["deliveries"]} | {"total": 6}
    attempts = [attempt for row in listed for attempt in row["attempts"]]
    assert figures["attempts"]["total"] == len(attempts) == 9
    assert figures["attempts"]["results"] == {"200": 3, "404": 4, "500": 1, "timeout": 1}
    assert figures["attempts"]["latency_ms"]["max"] == max(attempt["latency_ms"] for attempt in attempts)
    assert figures["attempts"]["delay_ms"] == {"p50": 0, "p95": 0, "p99": 0, "max": 0}


@pytest.mark.parametrize(("count", "p50", "p95", "p99"), [(1, 1, 1, 1), (2, 1, 2, 2), (100, 50, 95, 99)])
def test_percentiles_are_the_nearest_rank(count: int, p50: int, p95: int, p99: int) -> None:
    from evolink_mock.control.statistics import _distribution

    values = [1000 * value for value in range(count, 0, -1)]
    assert _distribution(values) == {"p50": p50, "p95": p95, "p99": p99, "max": count}


def test_requests_are_counted_by_route_and_status(emulator: Emulator) -> None:
    task = emulator.create()
    emulator.post({})
    emulator.post(DOCUMENTED, {"X-Mock-Scenario": "create=rate_limited"})
    emulator.query(task)
    emulator.query(task)
    emulator.request("GET", "/v1/credits")
    assert statistics(emulator)["requests"] == {
        "total": 6,
        "create": {"200": 1, "400": 1, "429": 1},
        "credits": {"200": 1},
        "query": {"200": 2},
    }


def test_they_are_of_the_key_alone_and_with_all_of_each_world(emulator: Emulator) -> None:
    emulator.create()
    other = emulator.as_key("sk-another")
    assert statistics(other)["tasks"]["total"] == 0
    assert [world["tasks"]["total"] for world in emulator.control("statistics?all=true")["worlds"]] == [1, 0]


def test_more_tasks_than_fit_in_one_slice_are_all_counted() -> None:
    with Emulator.in_process(clock="auto") as emulator:
        emulator.control("scenarios/default", {"scenario": "stuck=pending"})
        for _ in range(VIEW_SLICE + 1):
            emulator.create()
        assert statistics(emulator)["tasks"]["pending"] == VIEW_SLICE + 1


def test_they_change_nothing(emulator: Emulator) -> None:
    emulator.create(callback_url=f"{SINK}/200")
    emulator.advance("60s")
    before = emulator.control("worlds"), emulator.control("events")
    assert statistics(emulator) == statistics(emulator)
    assert (emulator.control("worlds"), emulator.control("events")) == before


def test_requests_are_counted_beyond_the_journal_and_forgotten_by_a_reset() -> None:
    with Emulator.in_process(journal_limit=2) as emulator:
        for _ in range(5):
            emulator.create()
        emulator.post({})
        emulator.request("GET", "/v1/credits")
        assert len(emulator.control("journal")["rows"]) == 2
        counted = {"total": 7, "create": {"200": 5, "400": 1}, "credits": {"200": 1}}
        assert statistics(emulator)["requests"] == counted
        assert statistics(emulator.as_key("sk-another"))["requests"] == {"total": 0}
        emulator.control("worlds", {"reset": True})
        assert statistics(emulator)["requests"] == {"total": 0}


def test_deliveries_and_attempts_are_counted_beyond_the_record_and_forgotten_by_a_reset() -> None:
    with Emulator.in_process(delivery_limit=2) as emulator:
        for path in ("200", "500,200", "404", "200", "timeout,200"):
            emulator.create(callback_url=f"{SINK}/{path}")
        emulator.create("delivery=very_late", callback_url=f"{SINK}/200")
        emulator.advance("60s")
        assert len(deliveries(emulator)) == 3
        figures = statistics(emulator)
        assert figures["deliveries"] == dict.fromkeys(STAGES, 0) | {
            "total": 6,
            "queued": 1,
            "delivered": 4,
            "exhausted": 1,
        }
        assert figures["attempts"]["total"] == 10
        assert figures["attempts"]["results"] == {"200": 4, "404": 4, "500": 1, "timeout": 1}
        emulator.control("worlds", {"reset": True})
        figures = statistics(emulator)
        assert figures["deliveries"] == dict.fromkeys(STAGES, 0)
        assert figures["attempts"]["total"] == 0
