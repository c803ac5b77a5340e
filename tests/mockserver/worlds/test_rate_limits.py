"""Limits of a model family hold on the world's clock, and a 429 has the time until the next create passes."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.core.duration import SECOND
from evolink_mock.core.task import NEVER
from evolink_mock.settings import KeyRule
from evolink_mock.worlds.rate_limits import RateLimits
from tests.support.emulator import DOCUMENTED, Emulator

WAITS = st.lists(st.integers(0, 40 * SECOND), min_size=1, max_size=60)


@given(st.integers(1, 6), WAITS)
def test_no_window_of_a_minute_has_more_creates_than_allowed(limit: int, waits: list[int]) -> None:
    limits, now, made = RateLimits(limit, None), 0, list[int]()
    for wait in waits:
        now += wait
        reached = limits.check("wan", now)
        if reached is None:
            made.append(now)
            limits.acquire("wan", str(now), now, NEVER)
        else:
            after = now + reached[1] * SECOND
            assert RateLimits.check(limits, "wan", after) is None
            assert limits.check("wan", after - SECOND) is not None or reached[1] == 1
        assert sum(moment > now - 60 * SECOND for moment in made) <= limit


@given(st.integers(1, 4), WAITS, st.lists(st.integers(1, 90 * SECOND), min_size=60, max_size=60))
def test_no_more_tasks_run_at_once_than_allowed(limit: int, waits: list[int], lengths: list[int]) -> None:
    limits, now, running = RateLimits(None, limit), 0, dict[str, int]()
    for wait, length in zip(waits, lengths, strict=False):
        now += wait
        for name in [name for name, ends in running.items() if ends <= now]:
            limits.release("wan", name)
            del running[name]
        reached = limits.check("wan", now)
        assert (reached is None) == (len(running) < limit)
        if reached is None:
            name = f"{len(running)} {now} {length}"
            running[name] = now + length
            limits.acquire("wan", name, now, now + length)
        else:
            first = min(running.values())
            assert first <= now + reached[1] * SECOND < first + SECOND


def test_families_have_separate_limits() -> None:
    limits = RateLimits(1, 1)
    limits.acquire("wan", "a", 0, 10)
    assert limits.check("wan", 0) is not None
    assert limits.check("other", 0) is None
    limits.release("other", "a")


def test_variants_of_a_family_share_a_limit_and_keys_do_not() -> None:
    with Emulator.in_process(requests_per_minute=2) as emulator:
        emulator.create()
        assert emulator.post({"model": "wan2.6-text-to-video", "prompt": "A cat"}).status_code == 200
        refused = emulator.post(DOCUMENTED)
        assert refused.status_code == 429
        assert refused.json() == {
            "error": {
                "code": "rate_limit_exceeded",
                "message": "Too many requests, please try again later",
                "type": "rate_limit_error",
            }
        }
        assert refused.headers["retry-after"] == "60"
        assert emulator.as_key("sk-other").post(DOCUMENTED).status_code == 200
        assert emulator.control("journal")["rows"][-1]["scenario_rule"] == "wan2.6: at most 2 requests a minute"


def test_the_limit_per_minute_holds_for_any_minute_of_the_clock() -> None:
    with Emulator.in_process(requests_per_minute=2) as emulator:
        emulator.create()
        emulator.advance("20.5s")
        emulator.create()
        assert emulator.post(DOCUMENTED).headers["retry-after"] == "40"
        emulator.advance("39s")
        assert emulator.post(DOCUMENTED).headers["retry-after"] == "1"
        emulator.advance("1s")
        assert emulator.post(DOCUMENTED).status_code == 200
        assert emulator.post(DOCUMENTED).headers["retry-after"] == "20"


@pytest.mark.parametrize("body", [{}, DOCUMENTED | {"duration": 99}, DOCUMENTED | {"model": "x"}])
def test_rejected_creates_use_nothing_up(body: dict[str, object]) -> None:
    with Emulator.in_process(requests_per_minute=1, concurrent_tasks=1) as emulator:
        for _ in range(3):
            assert emulator.post(body).status_code in (400, 403)
        refused = emulator.post(DOCUMENTED, {"X-Mock-Scenario": "create=internal_error"})
        assert refused.status_code == 500
        assert emulator.post(DOCUMENTED).status_code == 200
        for _ in range(3):
            assert emulator.post(DOCUMENTED).headers["retry-after"] == "60"


ENDS = {
    "completes": (None, "10s", None),
    "fails": ("fail=service_error", "10s", None),
    "is read": ("polls=1", "0s", "query"),
    "is cancelled": ("stuck=pending", "0s", "cancel"),
    "is forced": ("stuck=99", "20s", "outcome"),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_a_task_makes_room_for_another(end: str) -> None:
    scenario, wait, act = ENDS[end]
    with Emulator.in_process(concurrent_tasks=1) as emulator:
        task = emulator.create(scenario)
        refused = emulator.post(DOCUMENTED)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "10" if wait == "10s" else "60")
        emulator.advance(wait)
        match act:
            case "query":
                emulator.query(task)
            case "cancel":
                emulator.control(f"tasks/{task}/cancel", {})
            case "outcome":
                emulator.control(f"tasks/{task}/outcome", {"status": "completed"})
        assert emulator.post(DOCUMENTED).status_code == 200
        assert emulator.post(DOCUMENTED).status_code == 429


def test_a_key_may_have_limits_of_its_own() -> None:
    keys = {
        "sk-slow": KeyRule(requests_per_minute=1),
        "sk-narrow": KeyRule(concurrent_tasks=1, requests_per_minute=9),
        "sk-as-all": KeyRule(),
    }
    with Emulator.in_process(keys=keys, requests_per_minute=3) as emulator:
        passed = Counter(
            key for key in keys for _ in range(5) if emulator.as_key(key).post(DOCUMENTED).status_code == 200
        )
    assert passed == {"sk-slow": 1, "sk-narrow": 1, "sk-as-all": 3}


def test_a_reset_forgets_what_was_used_up() -> None:
    with Emulator.in_process(requests_per_minute=1, concurrent_tasks=1) as emulator:
        emulator.create()
        emulator.control("worlds", {"reset": True})
        assert emulator.post(DOCUMENTED).status_code == 200


@pytest.mark.parametrize("limit", ["requests_per_minute", "concurrent_tasks"])
def test_used_limits_survive_a_restart(limit: str, tmp_path: Path) -> None:
    chosen = {limit: 2, "state": str(tmp_path), "clock": "manual"}
    with Emulator.in_process(**chosen) as emulator:
        emulator.create("stuck=99")
        emulator.create("fail=service_error")
    with Emulator.in_process(**chosen) as emulator:
        assert emulator.post(DOCUMENTED).status_code == 429
        emulator.advance("59s")
        assert emulator.post(DOCUMENTED).status_code == (200 if limit == "concurrent_tasks" else 429)
        emulator.advance("1s")
        assert emulator.post(DOCUMENTED).status_code == (429 if limit == "concurrent_tasks" else 200)
