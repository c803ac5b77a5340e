"""Long polling of deliveries and the inbox: answered with the first match, or with nothing at the time-out."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from evolink_mock.clock import Notifier, make_clock, wait_first
from tests.support.emulator import DOCUMENTED, Emulator, bearer
from tests.support.webhook_receiver import CALLBACK_URL, ENDS, Arrival, WebhookReceiver, connected, deliveries, until

SINK = "https://sink.mock"
PATIENCE = 20
"""Seconds of wall time; no wait here is longer."""


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for the waiting calls."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_a_wait_ends_with_the_first_match(emulator: Emulator, pool: ThreadPoolExecutor) -> None:
    found = pool.submit(until, emulator, status="exhausted")
    emulator.create(callback_url=f"{SINK}/200")
    task = emulator.create(callback_url=f"{SINK}/500")
    emulator.advance("60s")
    assert found.result(PATIENCE)["task"] == task


def test_a_wait_for_one_task_is_not_ended_by_another(emulator: Emulator, pool: ThreadPoolExecutor) -> None:
    wanted = emulator.create(callback_url=f"{SINK}/200")
    found = pool.submit(until, emulator, task=wanted, status="ended")
    other = emulator.create(callback_url=f"{SINK}/200")
    emulator.control(f"tasks/{other}/outcome", {"status": "completed"})
    assert until(emulator, task=other, status="delivered")
    emulator.advance("10s")
    assert found.result(PATIENCE)["task"] == wanted


def test_all_waiting_calls_are_answered(emulator: Emulator, pool: ThreadPoolExecutor) -> None:
    readers = [pool.submit(until, emulator, "inbox") for _ in range(3)]
    watchers = [pool.submit(until, emulator, status=status) for status in ("ended", "delivered", "exhausted") * 2]
    emulator.create(callback_url=f"{SINK}/500,200")
    emulator.create(callback_url=f"{SINK}/500")
    emulator.advance("60s")
    found = [watcher.result(PATIENCE)["status"] for watcher in watchers]
    assert found == ["delivered", "delivered", "exhausted"] * 2
    assert [reader.result(PATIENCE)["number"] for reader in readers] == [1, 1, 1]


def test_an_existing_match_is_returned_at_once(emulator: Emulator) -> None:
    emulator.create(callback_url=f"{SINK}/200")
    emulator.advance("10s")
    assert until(emulator, status="delivered")["number"] == 1
    assert until(emulator, "inbox")["number"] == 1


def test_a_wait_that_times_out_returns_an_empty_list(emulator: Emulator) -> None:
    emulator.create(callback_url=f"{SINK}/200")
    emulator.advance("10s")
    assert deliveries(emulator, status="lost", wait="10ms") == []
    assert deliveries(emulator, after="1", wait="10ms") == []
    assert emulator.control("inbox", params={"after": "1", "wait": "10ms"}) == {"rows": [], "last": 1}


def test_a_wait_after_a_number_is_for_newer_ones(emulator: Emulator, pool: ThreadPoolExecutor) -> None:
    emulator.create(callback_url=f"{SINK}/200")
    emulator.advance("10s")
    found = pool.submit(until, emulator, after="1", status="delivered")
    emulator.control("deliveries/1/replay", {})
    assert found.result(PATIENCE)["number"] == 2


def test_the_inbox_is_filtered_by_task_and_followed_by_number(emulator: Emulator) -> None:
    first, second = (emulator.create(callback_url=f"{SINK}/500,200") for _ in range(2))
    emulator.advance("60s")
    rows = emulator.control("inbox")["rows"]
    assert [row["number"] for row in rows] == [1, 2, 3, 4]
    for task in (first, second):
        own = emulator.control("inbox", params={"task": task})
        assert [(row["task"], row["attempt"]) for row in own["rows"]] == [(task, 1), (task, 2)]
    assert emulator.control("inbox", params={"limit": "3"}) == {"rows": rows[1:], "last": 4}
    page = emulator.control("inbox", params={"after": "0", "limit": "3"})
    assert page == {"rows": rows[:3], "last": 3}
    assert emulator.control("inbox", params={"after": "3"}) == {"rows": rows[3:], "last": 4}


def test_the_inbox_holds_what_a_query_of_the_task_answers(emulator: Emulator) -> None:
    task = emulator.create("fail=service_error", callback_url=f"{SINK}/200")
    emulator.advance("10s")
    queried = emulator.query(task).content
    assert b'"body":' + queried in emulator.request("GET", "/__mock/inbox").content


@pytest.mark.parametrize("status", ["in_flight", "waiting"])
def test_an_attempt_under_way_can_be_waited_for(status: str) -> None:
    goes_on = threading.Event()

    async def hold(emulator: httpx.AsyncClient, arrival: Arrival) -> None:
        await asyncio.to_thread(goes_on.wait, PATIENCE)

    with connected(WebhookReceiver(act=hold)) as emulator:
        task = emulator.create(callback_url=CALLBACK_URL)
        emulator.control(f"tasks/{task}/outcome", {"status": "completed"})
        try:
            assert until(emulator, status="in_flight")["attempts"] == []
            assert until(emulator, status=status)["status"] == "in_flight"
            assert emulator.control("clock")["attempts_in_flight"] == 1
            assert deliveries(emulator, status="ended", wait="10ms") == []
        finally:
            goes_on.set()
        assert until(emulator, status="delivered")["task"] == task
        assert emulator.control("clock")["attempts_in_flight"] == 0


def test_a_wait_ends_as_a_running_clock_reaches_the_attempt() -> None:
    with Emulator.in_process(clock="scaled", speed=1000.0) as emulator:
        task = emulator.create(callback_url=f"{SINK}/500,timeout,200")
        assert len(until(emulator, status="delivered")["attempts"]) == 3
        assert until(emulator, "inbox", task=task, after="2")["attempt"] == 3


def test_a_wait_continues_after_a_reset() -> None:
    found: list[list[str]] = []
    own = bearer("sk-waiter")

    async def begin_anew(emulator: httpx.AsyncClient) -> None:
        body = DOCUMENTED | {"callback_url": f"{SINK}/200"}
        for path, content in (
            ("/__mock/worlds", {"reset": True}),
            ("/v1/videos/generations", body),
            ("/__mock/clock", {"advance": "10s"}),
        ):
            assert (await emulator.post(path, json=content, headers=own)).status_code == 200

    async def wait_meanwhile(emulator: httpx.AsyncClient, arrival: Arrival) -> None:
        waiting = emulator.get("/__mock/deliveries?status=delivered&wait=2s", headers=own)
        answer, _ = await asyncio.gather(waiting, begin_anew(emulator))
        found.append([row["status"] for row in answer.json()["deliveries"]])

    with connected(WebhookReceiver(act=wait_meanwhile)) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("10s")
    assert found == [["delivered"]]


@pytest.mark.parametrize(("feed", "shows"), [("deliveries", "status"), ("inbox", "answered"), ("events", "event")])
def test_waiting_advances_an_automatic_clock_to_every_attempt(feed: str, shows: str) -> None:
    with Emulator.in_process(clock="auto") as emulator:
        task = emulator.create(callback_url=f"{SINK}/500,timeout,503,204")
        seen, after = "", 0
        while seen not in ("delivered", "204", "callback.delivered"):
            only = {"status": "ended"} if feed == "deliveries" else {"after": str(after)}
            row = until(emulator, feed, task=task, **only)
            seen, after = row[shows], row["number"]
        starts = [attempt["started"] - ENDS for attempt in deliveries(emulator)[0]["attempts"]]
    assert starts == [0, 1, 13, 17]


def test_a_wait_without_a_match_times_out_on_an_automatic_clock_too() -> None:
    with Emulator.in_process(clock="auto") as emulator:
        emulator.create(callback_url=f"{SINK}/500")
        assert deliveries(emulator, status="delivered", wait="200ms") == []
        assert [row["status"] for row in deliveries(emulator)] == ["exhausted"]
        assert emulator.control("clock")["now"] == ENDS + 7


def test_a_change_just_as_a_wait_begins_ends_it() -> None:
    async def wait() -> bool:
        bell = Notifier()
        asyncio.get_running_loop().call_soon(bell.notify_all)
        return await wait_first(5, bell, make_clock("manual"), None)

    assert asyncio.run(wait())
