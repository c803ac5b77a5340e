"""Injected latency: on a running clock the request waits; any other clock is moved instead."""

import signal
import threading
from itertools import pairwise

import httpx
import pytest

from evolink_mock.core.distribution import LONGEST_LATENCY, parse_latency, sample_latency
from evolink_mock.core.duration import SECOND
from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.server_process import Server
from tests.support.webhook_receiver import deliveries

START = 1757169743


def now(emulator: Emulator) -> float:
    return round(float(emulator.control("clock")["now"]) - START, 6)


@pytest.mark.parametrize("clock", ["manual", "auto"])
def test_on_a_simulated_clock_latency_moves_the_clock_and_the_response_comes_at_once(clock: str) -> None:
    with Emulator.in_process(clock=clock) as emulator:
        task = emulator.create("create_latency=2s")
        assert now(emulator) == 2
        emulator.query(task, {"X-Mock-Scenario": "query_latency=90ms"})
        if clock == "manual":
            assert now(emulator) == 2.09
        emulator.request("GET", "/v1/credits", {"X-Mock-Scenario": "credits_latency=1s; credits=rate_limited"})
        if clock == "manual":
            assert now(emulator) == 3.09


def test_transitions_and_attempts_due_during_a_latency_happen(emulator: Emulator) -> None:
    emulator.create(callback_url="https://sink.mock/500,200")
    emulator.request("GET", "/v1/credits", {"X-Mock-Scenario": "credits_latency=30s"})
    (row,) = deliveries(emulator, status="delivered")
    assert [attempt["started"] - START for attempt in row["attempts"]] == [10, 11]
    assert now(emulator) == 30


def test_a_uniform_latency_stays_within_its_bounds_and_comes_from_the_seed() -> None:
    def drawn(seed: int) -> list[float]:
        with Emulator.in_process(seed=seed) as emulator:
            moments = [0.0]
            for _ in range(20):
                emulator.request("GET", "/v1/credits", {"X-Mock-Scenario": "credits_latency=1s-3s"})
                moments.append(now(emulator))
        return [round(later - earlier, 6) for earlier, later in pairwise(moments)]

    taken = drawn(1)
    assert all(1 <= each < 3 for each in taken)
    assert len(set(taken)) == 20
    assert taken == drawn(1) != drawn(2)


def test_a_log_normal_latency_has_its_median_and_an_upper_bound() -> None:
    law = parse_latency("lognormal:800ms:0.5")
    taken = sorted(sample_latency(law, (a / 41 + 0.01, b / 41, 0, 0)) for a in range(40) for b in range(41))
    assert 0.7 * SECOND < taken[len(taken) // 2] < 0.9 * SECOND
    assert sample_latency(parse_latency("lognormal:600s:3"), (0.999999, 0, 0, 0)) == LONGEST_LATENCY


def test_times_limits_the_requests_with_a_latency(emulator: Emulator) -> None:
    for _ in range(3):
        emulator.request("GET", "/v1/credits", {"X-Mock-Scenario": "credits_latency=1s; times=2"})
    assert now(emulator) == 2


def test_on_a_running_clock_only_the_delayed_request_waits() -> None:
    with Server("--speed", "100") as server, httpx.Client(base_url=server.url, timeout=30) as client:
        emulator = Emulator(client)
        order: list[str] = []

        def slow() -> None:
            with httpx.Client(base_url=server.url, timeout=30) as other:
                assert Emulator(other).post(DOCUMENTED, {"X-Mock-Scenario": "create_latency=100s"}).status_code == 200
            order.append("slow")

        before = float(emulator.control("clock")["now"])
        thread = threading.Thread(target=slow)
        thread.start()
        emulator.control("journal?wait=20s")  # Until it is under way.
        assert emulator.post(DOCUMENTED).status_code == 200
        order.append("quick")
        thread.join(30)
        assert order == ["quick", "slow"]
        assert float(emulator.control("clock")["now"]) - before >= 100


def test_a_delayed_response_is_sent_when_the_emulator_stops() -> None:
    with Server() as server:
        answered: list[int] = []

        def slow() -> None:
            with httpx.Client(base_url=server.url, timeout=30) as client:
                answered.append(
                    Emulator(client).post(DOCUMENTED, {"X-Mock-Scenario": "create_latency=10m"}).status_code
                )

        thread = threading.Thread(target=slow)
        thread.start()
        with httpx.Client(base_url=server.url, timeout=30) as client:
            Emulator(client).control("journal?wait=20s")  # Until it is under way.
        assert server.stop() in (0, -signal.SIGTERM)
        thread.join(30)
        assert answered == [200]
        assert "Traceback" not in server.output


@pytest.mark.parametrize("answers_at_once", [True, False])
def test_a_client_that_disconnects_during_a_latency_is_noticed_at_once(answers_at_once: bool) -> None:
    # A query string keeps a request from the fast path, whose request is carried out before there is an ASGI task.
    path = "/v1/videos/generations" + ("" if answers_at_once else "?a=b")
    with Server() as server, httpx.Client(base_url=server.url, timeout=30) as client:
        emulator = Emulator(client)
        with pytest.raises(httpx.ReadTimeout):
            emulator.request("POST", path, {"X-Mock-Scenario": "create_latency=10m"}, json=DOCUMENTED, timeout=0.5)
        found = emulator.control("events?wait=20s")
        while found["rows"][-1]["event"] != "client.disconnected":
            found = emulator.control(f"events?after={found['last']}&wait=20s")
        event = found["rows"][-1]
        (entry,) = emulator.control("journal")["rows"]
        assert (event["event"], event["task"]) == ("client.disconnected", entry["task"])
        assert event["detail"] == entry["request_id"]
        story = emulator.control(f"tasks/{event['task']}/explain")["story"]
        assert [line["says"] for line in story if line["about"] == "create"] == [
            "POST carried out, its response was not received",
            "the client disconnected before the response (200)",
        ]
        assert server.stop() in (0, -signal.SIGTERM)
        (line,) = [line for line in server.output.splitlines() if "POST /v1/videos" in line]
    assert " no response " in line
    assert f" {event['task']} [the client disconnected before the response] [scenario: header " in line


def test_a_client_that_waits_is_not_taken_for_one_that_disconnected() -> None:
    with Server() as server, httpx.Client(base_url=server.url, timeout=30) as client:
        emulator = Emulator(client)
        task = emulator.create("create_latency=50ms")
        emulator.query(task, {"X-Mock-Scenario": "query_latency=50ms"})
        assert "client.disconnected" not in str(emulator.control("events"))
        assert "not received" not in str(emulator.control(f"tasks/{task}/explain"))
