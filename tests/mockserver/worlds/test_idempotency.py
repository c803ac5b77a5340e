"""An Idempotency-Key makes a create safe to repeat: one task, one charge, the same response (S2)."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.emulator import DOCUMENTED, Emulator, bearer
from tests.support.server_process import Server

KEY = "create-0123456789"
HEADER = {"Idempotency-Key": KEY}


def spent(emulator: Emulator) -> tuple[int, float]:
    """How many tasks there are, and what is reserved for them."""
    return len(emulator.control("tasks")["tasks"]), emulator.control("worlds")["worlds"][0]["credits"]["reserved"]


def test_a_repeated_request_gets_the_same_response_and_one_charge(emulator: Emulator) -> None:
    first = emulator.post(DOCUMENTED, HEADER)
    assert "idempotency-replayed" not in first.headers
    emulator.advance("3s")
    again = emulator.post(DOCUMENTED, HEADER)
    emulator.advance("20s")  # Whatever has become of the task meanwhile.
    later = emulator.post(DOCUMENTED, HEADER)
    for answer in (again, later):
        assert (answer.status_code, answer.content) == (200, first.content)
        assert answer.headers["idempotency-replayed"] == "true"
        assert answer.headers["x-request-id"] != first.headers["x-request-id"]
    assert len(emulator.control("tasks")["tasks"]) == 1
    assert [row["task"] for row in emulator.control("journal")["rows"]] == [first.json()["id"]] * 3


def test_the_same_json_in_another_order_and_spacing_is_the_same_request(emulator: Emulator) -> None:
    first = emulator.post(DOCUMENTED, HEADER)
    spaced = json.dumps(dict(reversed(DOCUMENTED.items())), indent=3).encode()
    headers = {**HEADER, "Content-Type": "application/json"}
    again = emulator.request("POST", "/v1/videos/generations", headers, content=spaced)
    assert again.content == first.content


@pytest.mark.parametrize("changed", [{"duration": 6}, {"prompt": "A dog"}, {"duration": 99}, {"unknown": 1}])
def test_another_request_with_the_same_key_is_a_conflict(emulator: Emulator, changed: dict[str, object]) -> None:
    emulator.post(DOCUMENTED, HEADER)
    refused = emulator.post(DOCUMENTED | changed, HEADER)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "idempotency_conflict")
    assert spent(emulator) == (1, 11.9)
    assert emulator.post(DOCUMENTED, HEADER).status_code == 200


@pytest.mark.parametrize("scenario", ["create=rate_limited", "create=internal_error", "create=empty"])
def test_a_create_that_failed_leaves_the_key_free(emulator: Emulator, scenario: str) -> None:
    try:
        assert emulator.post(DOCUMENTED, {**HEADER, "X-Mock-Scenario": scenario}).status_code in (429, 500)
    except httpx.RemoteProtocolError:
        assert scenario == "create=empty"
    assert emulator.post({**DOCUMENTED, "duration": 99}, HEADER).status_code == 400
    made = emulator.post({**DOCUMENTED, "duration": 6}, HEADER)
    assert made.status_code == 200
    assert "idempotency-replayed" not in made.headers


def test_a_create_without_credits_leaves_the_key_free() -> None:
    with Emulator.in_process(balance=11.8) as emulator:
        assert emulator.post(DOCUMENTED, HEADER).status_code == 402
        emulator.control("worlds", {"top_up": 1})
        assert emulator.post(DOCUMENTED, HEADER).status_code == 200


def test_a_lost_response_is_replayed(emulator: Emulator) -> None:
    with pytest.raises(httpx.ReadError):
        emulator.post(DOCUMENTED, {**HEADER, "X-Mock-Scenario": "create=commit_then_drop"})
    again = emulator.post(DOCUMENTED, HEADER)
    assert again.headers["idempotency-replayed"] == "true"
    assert spent(emulator) == (1, 11.9)
    assert emulator.query(again.json()["id"]).status_code == 200


def test_a_client_that_always_sends_the_scenario_is_served_on_the_second_try(emulator: Emulator) -> None:
    headers = {**HEADER, "X-Mock-Scenario": "create=commit_then_drop; times=1"}
    with pytest.raises(httpx.ReadError):
        emulator.post(DOCUMENTED, headers)
    assert emulator.post(DOCUMENTED, headers).headers["idempotency-replayed"] == "true"
    assert spent(emulator) == (1, 11.9)


@pytest.mark.parametrize(
    "key", ["", "x" * 15, "x" * 97, "sixteen letters ", "sixteen/letters!", "ä" * 16, "x" * 16 + ", " + "y" * 16]
)
def test_malformed_keys_are_rejected(emulator: Emulator, key: str) -> None:
    headers = {**bearer(emulator.key), "Idempotency-Key": key.encode("latin-1")}
    refused = emulator.client.post("/v1/videos/generations", headers=headers, json=DOCUMENTED)  # type: ignore[arg-type]
    assert refused.status_code == 400
    assert refused.json()["error"]["message"].startswith("Idempotency-Key must have 16 to 96 characters of")
    assert spent(emulator) == (0, 0)


@pytest.mark.parametrize("key", ["x" * 16, "y" * 96, "A-z.0_9-----------"])
def test_wellformed_keys_are_accepted(emulator: Emulator, key: str) -> None:
    for _ in range(2):
        assert emulator.post(DOCUMENTED, {"Idempotency-Key": key}).status_code == 200
    assert spent(emulator) == (1, 11.9)


def test_a_key_belongs_to_one_world_and_is_free_again_when_its_task_is_forgotten(emulator: Emulator) -> None:
    mine, theirs = (who.post(DOCUMENTED, HEADER).json()["id"] for who in (emulator, emulator.as_key("sk-other")))
    assert mine != theirs
    emulator.advance("7d")
    anew = emulator.post(DOCUMENTED | {"duration": 6}, HEADER)
    assert anew.status_code == 200
    assert "idempotency-replayed" not in anew.headers
    emulator.control("worlds", {"reset": True})
    assert "idempotency-replayed" not in emulator.post(DOCUMENTED, HEADER).headers


def test_replays_do_not_count_towards_limits() -> None:
    with Emulator.in_process(requests_per_minute=1, concurrent_tasks=1) as emulator:
        assert [emulator.post(DOCUMENTED, HEADER).status_code for _ in range(3)] == [200] * 3
        assert emulator.post(DOCUMENTED).status_code == 429


def test_a_key_survives_a_restart(tmp_path: Path) -> None:
    chosen = {"state": str(tmp_path)}
    with Emulator.in_process(**chosen) as emulator:
        first = emulator.post(DOCUMENTED, HEADER)
    with Emulator.in_process(**chosen) as emulator:
        assert emulator.post(DOCUMENTED, HEADER).content == first.content
        assert emulator.post(DOCUMENTED | {"duration": 6}, HEADER).status_code == 409


def test_concurrent_creates_with_one_key_make_one_task() -> None:
    slow = {**HEADER, "X-Mock-Scenario": "create_latency=200s"}
    with Server("--speed", "100") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        emulator = Emulator(client)
        answered: list[httpx.Response] = []
        first = threading.Thread(target=lambda: answered.append(emulator.post(DOCUMENTED, slow)))
        first.start()
        emulator.control("journal?wait=20s")  # Until it is under way.

        def ask(_: int) -> tuple[int, str]:
            answer = emulator.post(DOCUMENTED, HEADER)
            return answer.status_code, answer.json()["error"]["code"]

        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(ask, range(50))) == {(409, "paid_outcome_unknown")}
        first.join(30)
        assert answered[0].status_code == 200
        replay = emulator.post(DOCUMENTED, HEADER)
        assert (replay.headers["idempotency-replayed"], replay.content) == ("true", answered[0].content)
        assert len(emulator.control("tasks")["tasks"]) == 1
