"""When callbacks are sent: once, at the end of a task and after its settlement, for every kind of end."""

import time
from typing import Any

import httpx
import pytest

from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.webhook_receiver import (
    CALLBACK_URL,
    ENDS,
    START,
    Arrival,
    WebhookReceiver,
    connected,
    deliveries,
    until,
)

COST = 11.9
"""Credits of the documented task: 5 s at 2.38 credits."""


def test_a_callback_is_sent_once_when_its_task_ends() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        task = emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("9999999us")
        assert (hook.arrivals, deliveries(emulator)) == ([], [])
        emulator.advance("1us")
        assert hook.tasks == [task]
        emulator.query(task)
        emulator.advance("7d")
    assert [arrival.at for arrival in hook.arrivals] == [ENDS]


def test_a_task_without_a_callback_url_sends_no_callback(emulator: Emulator) -> None:
    for fields in ({}, {"callback_url": None}):
        emulator.create(**fields)
    emulator.advance("1h")
    assert deliveries(emulator) == []


@pytest.mark.parametrize(
    ("call", "change", "status", "code"),
    [
        ("cancel", {}, "failed", "request_cancelled"),
        ("outcome", {"status": "completed"}, "completed", None),
        ("outcome", {"status": "failed", "code": "service_error"}, "failed", "service_error"),
        ("outcome", {"status": "failed", "code": "upstream_mood"}, "failed", "upstream_mood"),
    ],
)
def test_a_forced_end_sends_one_callback_at_that_instant(
    call: str, change: dict[str, str], status: str, code: str | None
) -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        task = emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("4s")
        emulator.control(f"tasks/{task}/{call}", change)
        assert until(emulator, status="delivered")["queued"] == START + 4
        queried = emulator.query(task).content
        emulator.advance("1h")
    assert [(arrival.at, arrival.body) for arrival in hook.arrivals] == [(START + 4, queried)]
    content = hook.arrivals[0].content
    assert (content["status"], content.get("error", {}).get("code")) == (status, code)


def test_a_setting_decides_the_status_that_a_callback_has_after_a_cancellation() -> None:
    hook = WebhookReceiver()
    with connected(hook, cancelled_as="cancelled", cancel_route=True) as emulator:
        for method, path in (("POST", "/__mock/tasks/{}/cancel"), ("DELETE", "/v1/tasks/{}")):
            task = emulator.create(callback_url=CALLBACK_URL)
            assert emulator.request(method, path.format(task)).status_code == 200
            until(emulator, task=task, status="delivered")
        emulator.advance("1h")
    assert [arrival.content["status"] for arrival in hook.arrivals] == ["cancelled"] * 2


def test_a_rejected_end_sends_no_second_callback() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        task = emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("10s")
        for call, change in (("cancel", {}), ("outcome", {"status": "completed"})):
            assert emulator.request("POST", f"/__mock/tasks/{task}/{call}", json=change).status_code == 409
        emulator.advance("1h")
    assert len(hook.arrivals) == 1


@pytest.mark.parametrize(
    ("scenario", "held"), [("delivery=lost", 0), ("delivery=racing_poll", 30), ("delivery=out_of_order", 30)]
)
def test_a_forced_end_follows_the_delivery_scenario(scenario: str, held: int) -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        task = emulator.create(scenario, callback_url=CALLBACK_URL)
        emulator.control(f"tasks/{task}/cancel", {})
        emulator.advance("1h")
    assert [arrival.at - START for arrival in hook.arrivals] == ([held] if held else [])


@pytest.mark.parametrize(("scenario", "used"), [(None, COST), ("fail=service_error", 0)])
def test_credits_are_settled_before_the_callback_is_sent(scenario: str | None, used: float) -> None:
    seen: list[tuple[float, float]] = []

    async def read_credits(emulator: httpx.AsyncClient, arrival: Arrival) -> None:
        user = (await emulator.get("/v1/credits")).json()["data"]["user"]
        seen.append((user["remaining_credits"], user["used_credits"]))

    with connected(WebhookReceiver(act=read_credits), balance=100) as emulator:
        emulator.create(scenario, callback_url=CALLBACK_URL)
        emulator.advance("10s")
    assert seen == [(100 - used, used)]


def test_a_receiver_can_spend_the_refund() -> None:
    created: list[int] = []

    async def create_again(emulator: httpx.AsyncClient, arrival: Arrival) -> None:
        created.append((await emulator.post("/v1/videos/generations", json=DOCUMENTED)).status_code)

    with connected(WebhookReceiver(act=create_again), balance=COST) as emulator:
        emulator.create("fail=service_error", callback_url=CALLBACK_URL)
        assert emulator.post(DOCUMENTED | {"callback_url": CALLBACK_URL}).status_code == 402
        emulator.advance("1h")
        assert len(deliveries(emulator)) == 1
    assert created == [200]


@pytest.mark.parametrize("scenario", [None, "delivery=very_late", "delivery=duplicate", "delivery=racing_poll"])
@pytest.mark.parametrize("by", ["5s", "10s"])
def test_a_reset_drops_queued_deliveries(scenario: str | None, by: str) -> None:
    hook = WebhookReceiver(500)
    with connected(hook) as emulator:
        emulator.create(scenario, callback_url=CALLBACK_URL)
        emulator.advance(by)
        before = len(hook.arrivals)
        emulator.control("worlds", {"reset": True})
        assert deliveries(emulator) == emulator.control("inbox")["rows"] == []
        assert emulator.control("clock")["next_event"] is None
        emulator.advance("2h")
        assert len(hook.arrivals) == before
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("10s")
        assert [row["number"] for row in deliveries(emulator)] == [1]


def test_a_reset_during_an_attempt_leaves_no_record_and_blocks_nothing() -> None:
    async def reset(emulator: httpx.AsyncClient, arrival: Arrival) -> None:
        await emulator.post("/__mock/worlds", json={"reset": True})

    hook = WebhookReceiver(500, act=reset)
    with connected(hook) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        began = time.monotonic()
        emulator.advance("10s")
        assert time.monotonic() - began < 5
        emulator.advance("1h")
        assert deliveries(emulator) == []
    assert len(hook.arrivals) == 1


def test_a_reset_of_one_world_drops_nothing_of_another() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        task = emulator.create(callback_url=CALLBACK_URL)
        emulator.as_key("sk-other").control("worlds", {"reset": True})
        emulator.advance("10s")
    assert hook.tasks == [task]


def test_queries_of_an_unfinished_task_lead_to_its_callback_on_an_automatic_clock() -> None:
    hook = WebhookReceiver()
    with connected(hook, clock="auto") as emulator:
        task = emulator.create(callback_url=CALLBACK_URL)
        while emulator.query(task).json()["status"] != "completed":
            pass
        assert until(emulator, status="delivered")["task"] == task
    assert [arrival.at for arrival in hook.arrivals] == [ENDS]


def test_queries_of_another_task_lead_to_each_attempt_at_its_instant() -> None:
    hook = WebhookReceiver(500, 500, 200)
    with connected(hook, clock="auto") as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("9s")
        other = emulator.create()
        while emulator.query(other).json()["status"] != "completed":
            pass
        assert emulator.control("clock")["now"] == ENDS + 9
    assert [arrival.at - ENDS for arrival in hook.arrivals] == [0, 1, 3]


def test_no_time_passes_on_an_automatic_clock_while_an_attempt_is_under_way() -> None:
    clocks: list[Any] = []
    statuses: list[str] = []

    async def query_others(emulator: httpx.AsyncClient, arrival: Arrival) -> None:
        task = (await emulator.post("/v1/videos/generations", json=DOCUMENTED)).json()["id"]
        for query in (f"/v1/tasks/{task}", "/__mock/deliveries?status=lost&wait=10ms", "/__mock/inbox?wait=10ms"):
            answer = await emulator.get(query)
            statuses.append(answer.json().get("status", ""))
            clocks.append((await emulator.get("/__mock/clock")).json())

    with connected(WebhookReceiver(act=query_others), clock="auto") as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        assert until(emulator, status="delivered")
    assert {(clock["now"], clock["attempts_in_flight"]) for clock in clocks} == {(ENDS, 1)}
    assert statuses[0] == "pending"
