"""Delivery scenarios as the receiver sees them: duplicate, late, lost, early and racing callbacks."""

import time
from typing import Any

import httpx
import pytest

from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.webhook_receiver import CALLBACK_URL, ENDS, START, Arrival, WebhookReceiver, connected, deliveries


def instants(hook: WebhookReceiver) -> list[float]:
    """When callbacks arrived, in seconds from the end of a task that was created at once."""
    return [arrival.at - ENDS for arrival in hook.arrivals]


def test_a_duplicate_arrives_twice_with_the_same_bytes() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        task = emulator.create("delivery=duplicate", callback_url=CALLBACK_URL)
        emulator.advance("1h")
        queried = emulator.query(task).content
        rows = deliveries(emulator)
    assert [arrival.body for arrival in hook.arrivals] == [queried, queried]
    assert hook.arrivals[0].at == ENDS
    assert 0 <= hook.arrivals[1].at - ENDS <= 2
    assert [row["origin"] for row in rows] == ["ended", "duplicate"]
    assert rows[1]["attempts"][0]["reason"].startswith("the scenario delivery=duplicate sends the callback once more")


def test_a_duplicate_has_its_own_retries() -> None:
    hook = WebhookReceiver(500)
    with connected(hook) as emulator:
        emulator.create("delivery=duplicate", callback_url=CALLBACK_URL)
        emulator.advance("1h")
        rows = deliveries(emulator)
    assert len(hook.arrivals) == 8
    for row in rows:
        began = row["attempts"][0]["started"]
        assert [round(attempt["started"] - began, 6) for attempt in row["attempts"]] == [0, 1, 3, 7]


def test_before_create_arrives_before_the_create_call_returns() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        response = emulator.post(
            DOCUMENTED | {"callback_url": CALLBACK_URL}, {"X-Mock-Scenario": "delivery=before_create"}
        )
        assert [arrival.task for arrival in hook.arrivals] == [response.json()["id"]]
        assert hook.arrivals[0].content["status"] == "completed"
    assert (response.json()["status"], response.json()["progress"]) == ("pending", 0)
    assert hook.arrivals[0].at == START


@pytest.mark.parametrize("clock", ["real", "scaled", "manual", "auto"])
@pytest.mark.parametrize("status", [200, 500])
def test_before_create_waits_on_every_clock_for_the_first_attempt_alone(clock: str, status: int) -> None:
    hook = WebhookReceiver(status)
    with connected(hook, clock=clock) as emulator:
        began = time.monotonic()
        task = emulator.create("delivery=before_create", callback_url=CALLBACK_URL)
        assert time.monotonic() - began < 5
        assert hook.tasks[0] == task


@pytest.mark.parametrize(
    "url", ["https://unrouted.example.com/", "http://unsafe.example.com/", "https://sink.mock/dns"]
)
def test_before_create_does_not_wait_for_a_callback_that_cannot_arrive(url: str) -> None:
    with Emulator.in_process(bad_callback="skip") as emulator:
        began = time.monotonic()
        emulator.create("delivery=before_create", callback_url=url)
        emulator.create("delivery=before_create")
        assert time.monotonic() - began < 5


def test_before_create_is_answered_when_the_world_is_reset_meanwhile() -> None:
    async def reset(emulator: httpx.AsyncClient, arrival: Arrival) -> None:
        await emulator.post("/__mock/worlds", json={"reset": True})

    with connected(WebhookReceiver(act=reset)) as emulator:
        began = time.monotonic()
        emulator.create("delivery=before_create", callback_url=CALLBACK_URL)
        assert time.monotonic() - began < 5


def test_racing_poll_waits_for_a_query_that_sees_the_end() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        task = emulator.create("delivery=racing_poll", callback_url=CALLBACK_URL)
        emulator.query(task)
        emulator.advance("15s")
        emulator.control(f"tasks/{task}")
        emulator.query(task, {"X-Mock-Scenario": "query=internal_error"})
        emulator.as_key("sk-other").query(task)
        emulator.advance("0s")
        assert hook.arrivals == []
        assert emulator.query(task).json()["status"] == "completed"
        emulator.advance("0s")
        assert instants(hook) == [5]
        emulator.query(task)
        emulator.advance("1h")
    assert len(hook.arrivals) == 1


def test_racing_poll_waits_30_s_without_a_query() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        emulator.create("delivery=racing_poll", callback_url=CALLBACK_URL)
        emulator.advance("1h")
    assert instants(hook) == [30]


def test_a_lost_callback_is_not_sent_and_recorded_as_lost() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        task = emulator.create("delivery=lost", callback_url=CALLBACK_URL)
        emulator.advance("7d")
        (row,) = deliveries(emulator, status="lost")
        assert emulator.control("clock")["next_event"] is None
    assert hook.arrivals == []
    assert (row["task"], row["attempts"], row["next_due"]) == (task, [], None)
    assert row["verdict"] == "the scenario delivery=lost: never sent"


def test_a_very_late_callback_arrives_10_to_60_minutes_after_the_end() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        for _ in range(20):
            emulator.create("delivery=very_late", callback_url=CALLBACK_URL)
        emulator.advance("10s")
        assert {row["status"] for row in deliveries(emulator)} == {"queued"}
        emulator.advance("1h")
    late = instants(hook)
    assert len(set(late)) == 20
    assert late == sorted(late)
    assert 600 <= late[0] < 1500 < 2700 < late[-1] <= 3600


@pytest.mark.parametrize("scenario", ["duplicate", "very_late", "out_of_order", "racing_poll", "before_create"])
def test_the_same_seed_gives_the_same_deliveries(scenario: str) -> None:
    def course(seed: int) -> list[Arrival]:
        hook = WebhookReceiver(500, 200)
        with connected(hook, seed=seed) as emulator:
            for _ in range(3):
                emulator.create(f"delivery={scenario}", callback_url=CALLBACK_URL)
                emulator.advance("1s")
            emulator.advance("2h")
        return hook.arrivals

    first, second, other = course(7), course(7), course(8)
    assert first == second
    assert [arrival.body for arrival in first] != [arrival.body for arrival in other]
    if scenario in ("duplicate", "very_late"):
        assert [arrival.at for arrival in first] != [arrival.at for arrival in other]


@pytest.mark.parametrize("scenario", ["duplicate", "out_of_order", "before_create", "racing_poll", "very_late"])
def test_delivery_scenarios_apply_to_failed_tasks_too(scenario: str) -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        task = emulator.create(f"fail=service_error; delivery={scenario}", callback_url=CALLBACK_URL)
        emulator.advance("2h")
        queried = emulator.query(task).content
        assert emulator.control(f"tasks/{task}")["credits"]["charged"] == 0
    assert {arrival.body for arrival in hook.arrivals} == {queried}
    assert hook.arrivals[0].content["error"]["code"] == "service_error"


@pytest.mark.parametrize("scenario", ["duplicate", "before_create", "very_late"])
def test_a_receiver_can_query_the_task_of_its_callback(scenario: str) -> None:
    answers: list[Any] = []

    async def query(emulator: httpx.AsyncClient, arrival: Arrival) -> None:
        answers.append((await emulator.get(f"/v1/tasks/{arrival.task}")).content == arrival.body)

    with connected(WebhookReceiver(act=query)) as emulator:
        emulator.create(f"delivery={scenario}", callback_url=CALLBACK_URL)
        emulator.advance("2h")
    assert answers
    assert all(answers)


def test_a_scenario_changes_nothing_for_a_task_without_a_callback_url(emulator: Emulator) -> None:
    for scenario in ("duplicate", "out_of_order", "racing_poll", "lost", "very_late"):
        emulator.create(f"delivery={scenario}")
    emulator.advance("2h")
    assert deliveries(emulator) == []


def test_an_unknown_delivery_scenario_is_rejected_with_a_suggestion(emulator: Emulator) -> None:
    response = emulator.post(DOCUMENTED | {"callback_url": CALLBACK_URL}, {"X-Mock-Scenario": "delivery=duplicated"})
    assert response.status_code == 400
    assert "did you mean 'duplicate'?" in response.json()["error"]["message"]
