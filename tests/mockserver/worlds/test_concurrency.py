"""Concurrent requests, late requests and the last instant of a clock."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import httpx

from evolink_mock import create_app
from evolink_mock.clock import LAST_INSTANT, SystemClock, make_clock
from evolink_mock.core.delivery import Delivery
from evolink_mock.core.duration import SECOND
from tests.support.emulator import DOCUMENTED, Emulator, settings


def test_concurrent_cancellations_settle_a_task_once(emulator: Emulator) -> None:
    task = emulator.create()
    for _ in range(1500):
        emulator.create()

    def cancel(_: int) -> int:
        return emulator.request("POST", f"/__mock/tasks/{task}/cancel", json={}).status_code

    with ThreadPoolExecutor(12) as pool:
        moving = pool.submit(emulator.advance, "4500ms")
        answers = list(pool.map(cancel, range(10)))
        moving.result()
    assert sorted(answers) == [200, *[409] * 9]
    emulator.advance("1h")
    (world,) = emulator.control("worlds")["worlds"]
    assert world["credits"] == {"balance": None, "reserved": 0, "spent": 17850}


def test_a_full_world_drops_expired_tasks_before_it_refuses_new_ones() -> None:
    with Emulator.in_process(task_limit=1) as emulator:
        emulator.create()
        assert emulator.post(DOCUMENTED).status_code == 429
        emulator.advance("8d")
        assert emulator.post(DOCUMENTED).status_code == 200


def test_a_task_that_outlives_its_retention_is_still_settled() -> None:
    with Emulator.in_process(balance=20.0, generation_time="10d") as emulator:
        emulator.create()
        emulator.advance("8d")
        assert emulator.post(DOCUMENTED).status_code == 402
        emulator.advance("30d")
        assert emulator.control("worlds")["worlds"][0]["credits"] == {"balance": 20, "reserved": 0, "spent": 11.9}


def test_an_old_link_stays_dead_after_reset_and_eviction() -> None:
    with Emulator.in_process(world_limit=1) as emulator:

        def finished(key: str) -> str:
            own = emulator.as_key(key)
            task = own.create()
            own.advance("10s")
            return str(own.query(task).json()["results"][0])

        old = finished("sk-a")
        emulator.as_key("sk-a").control("worlds", {"reset": True})
        finished("sk-b")
        emulator.as_key("sk-b").control("worlds", {"reset": True})
        new = finished("sk-a")
        assert emulator.client.get(old).status_code == 404
        assert emulator.client.get(new).status_code == 200


def test_no_clock_goes_beyond_the_year_2100(emulator: Emulator) -> None:
    answers = [emulator.request("POST", "/__mock/clock", json={"advance": "366d"}) for _ in range(90)]
    assert {answer.status_code for answer in answers} == {200, 400}
    assert "2100" in answers[-1].json()["error"]["message"]
    assert emulator.post(DOCUMENTED).status_code == 200


def test_a_clock_that_has_reached_the_year_2100_waits_for_nothing_that_cannot_come() -> None:
    async def main() -> None:
        clock = make_clock("scaled", start=LAST_INSTANT, speed=1000.0)
        assert clock.seconds_until(LAST_INSTANT) == 0
        assert clock.seconds_until(LAST_INSTANT + 1) is None
        assert isinstance(clock, SystemClock)
        with patch.object(clock._moved, "wait", wraps=clock._moved.wait) as wait:
            sleeping = asyncio.ensure_future(clock.sleep_until(LAST_INSTANT + 5))
            for _ in range(50):
                await asyncio.sleep(0)
            wait.assert_called_once_with(None)
            sleeping.cancel()

        app = create_app(settings(clock="scaled", speed=1000.0, clock_start=LAST_INSTANT // SECOND))
        world = app.worlds.get_or_create("sk-local")
        world.outbox.put(Delivery("task-unified-1-a", "replay", LAST_INSTANT, due=LAST_INSTANT + SECOND))
        assert app.control.dispatcher._turn() == (False, False, None)

    asyncio.run(main())


def test_every_response_to_a_key_has_the_date_of_its_clock(emulator: Emulator) -> None:
    emulator.advance("1d")
    paths = ("/v1/credits", "/nope", "/v1/videos/generations", "/openapi.json", "/__mock/clock", "/__mock/nope")
    dates = {path: emulator.request("GET", path).headers["date"] for path in paths}
    assert set(dates.values()) == {"Sun, 07 Sep 2025 14:42:23 GMT"}


def test_an_unknown_route_or_method_is_in_the_journal_of_its_key(emulator: Emulator) -> None:
    emulator.request("GET", "/v1/video/x")
    emulator.request("PUT", "/v1/credits")
    rows = emulator.control("journal")["rows"]
    assert [row["answer"]["status"] for row in rows] == [404, 405]


def test_another_key_learns_nothing_of_an_expired_task(emulator: Emulator) -> None:
    task = emulator.create()
    assert emulator.as_key("sk-other").query(task).status_code == 403
    emulator.advance("8d")
    assert emulator.query(task).status_code == emulator.as_key("sk-other").query(task).status_code == 404


def test_pages_of_a_log_have_every_row(emulator: Emulator) -> None:
    tasks = [emulator.create() for _ in range(5)]
    emulator.advance("1h")
    seen, after = [], 0
    while True:
        page = emulator.control("events", params={"after": str(after), "limit": "4"})
        if not page["rows"]:
            break
        seen += [row["number"] for row in page["rows"]]
        after = page["last"]
    assert seen == list(range(1, 3 * len(tasks) + 2))


def test_lists_of_all_worlds_page_over_all_of_them(emulator: Emulator) -> None:
    for key in ("sk-a", "sk-b", "sk-c"):
        for _ in range(3):
            emulator.as_key(key).create()
    pages = [
        emulator.control("tasks", params={"all": "true", "limit": "2", "offset": str(offset)})["tasks"]
        for offset in range(0, 10, 2)
    ]
    assert [len(page) for page in pages] == [2, 2, 2, 2, 1]
    assert len({row["id"] for page in pages for row in page}) == 9
    assert all("key" in row for page in pages for row in page)


def test_events_of_a_running_clock_are_numbered_in_the_order_of_time() -> None:
    with Emulator.in_process(clock="scaled", speed=2000.0) as emulator:
        for _ in range(40):
            emulator.create()
        emulator.advance("1h")
        rows = emulator.control("events", params={"limit": "1000"})["rows"]
    assert len(rows) == 121
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)


def test_waiting_for_events_moves_an_automatic_clock() -> None:
    with Emulator.in_process(clock="auto") as emulator:
        emulator.create()
        seen, after = [], 0
        while "task.completed" not in seen:
            page = emulator.control("events", params={"after": str(after), "wait": "20s"})
            seen += [row["event"] for row in page["rows"]]
            after = page["last"]
    assert seen == ["task.created", "task.processing", "task.completed"]


def test_two_scenario_headers_are_rejected(emulator: Emulator) -> None:
    raw = [("X-Mock-Scenario", "credits=rate_limited"), ("X-Mock-Scenario", "query=internal_error")]
    headers = httpx.Headers([("Authorization", f"Bearer {emulator.key}"), *raw])
    response = emulator.client.get("/v1/credits", headers=headers)
    assert response.status_code == 400
    assert "X-Mock-Scenario" in response.json()["error"]["message"]


def test_a_scaled_clock_has_its_speed_again_after_manual_mode() -> None:
    with Emulator.in_process(clock="scaled", speed=60.0) as emulator:
        emulator.control("clock", {"mode": "manual"})
        again = emulator.control("clock", {"mode": "scaled"})
    assert (again["mode"], again["speed"]) == ("scaled", 60)


def test_an_unknown_mode_is_rejected_with_a_suggestion(emulator: Emulator) -> None:
    response = emulator.request("POST", "/__mock/clock", json={"mode": "manuel"})
    assert "did you mean 'manual'?" in response.json()["error"]["message"]


def test_control_headers_are_bounded(emulator: Emulator) -> None:
    assert emulator.request("GET", "/__mock/clock", {"X-Padding": "x" * 40_000}).status_code == 400
