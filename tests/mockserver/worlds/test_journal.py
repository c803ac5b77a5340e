"""Requests and events can be read, filtered and long-polled, and no secret is shown."""

import json
import threading

import pytest

from tests.support.emulator import DOCUMENTED, Emulator


def journal(emulator: Emulator, **params: str) -> list[dict[str, object]]:
    rows = emulator.control("journal", params=params)["rows"]
    assert isinstance(rows, list)
    return rows


def test_each_request_and_its_response_are_journaled(emulator: Emulator) -> None:
    response = emulator.post(DOCUMENTED)
    (row,) = journal(emulator)
    assert row["request_id"] == response.headers["x-request-id"]
    assert (row["route"], row["task"], row["scenario_source"]) == ("create", response.json()["id"], "default")
    assert row["answer"] == {"status": 200, "body": response.text, "fault": None}
    request = row["request"]
    assert isinstance(request, dict)
    assert json.loads(request["body"]) == DOCUMENTED


def test_filters_by_task_route_status_and_number(emulator: Emulator) -> None:
    first, second = emulator.create(), emulator.create()
    emulator.query(first)
    emulator.query("nonsense")
    emulator.post({})
    assert len(journal(emulator, task=first)) == 2
    assert len(journal(emulator, task=second)) == 1
    assert len(journal(emulator, route="create")) == 3
    assert len(journal(emulator, status="4xx")) == 2
    assert len(journal(emulator, status="200")) == 3
    assert [row["number"] for row in journal(emulator, after="3")] == [4, 5]
    assert [row["number"] for row in journal(emulator, limit="2")] == [4, 5]
    assert [row["number"] for row in journal(emulator, after="0", limit="2")] == [1, 2]
    assert [row["number"] for row in journal(emulator, status="4xx", limit="1")] == [5]


def test_the_journal_names_the_source_of_a_scenario(emulator: Emulator) -> None:
    emulator.post(DOCUMENTED, {"X-Mock-Scenario": "create=internal_error"})
    assert journal(emulator)[0]["scenario_source"] == "header"


def test_the_key_is_masked_everywhere(emulator: Emulator) -> None:
    own = emulator.as_key("sk-evo-0123456789")
    own.create(prompt="my key is sk-evo-0123456789")
    own.request("GET", "/v1/tasks/task-unified-sk-evo-0123456789?key=sk-evo-0123456789", {"Cookie": "session=1"})
    text = own.request("GET", "/__mock/journal").text
    everything = own.request("GET", "/__mock/journal?all=true").text
    assert "0123456789" not in text + everything
    assert "session=1" not in text
    assert "my key is …" in text


@pytest.mark.parametrize("name", ["api-key", "x-goog-api-key", "apikey", "x-auth", "x-amz-security-token", "cookie2"])
def test_a_key_in_another_header_is_hidden(emulator: Emulator, name: str) -> None:
    emulator.client.get("/v1/credits", headers={name: "ab0123456789", "Referer": "https://a.test/?token=ab0123456789"})
    emulator.request("GET", "/v1/credits", {name: "ab0123456789", "Idempotency-Key": "shown-0123456789"})
    everything = emulator.request("GET", "/__mock/journal?all=true")
    assert "ab0123456789" not in everything.text
    assert [row["request"]["headers"][name] for row in everything.json()["rows"]] == ["…", "…"]
    assert "shown-0123456789" in everything.text


@pytest.mark.parametrize(
    "query", ["api_key=ab01234", "a=b&X-API-Key=ab01234&c=d", "access_token=ab01234", "q=sk-ab01234"]
)
def test_a_key_in_the_query_or_the_path_is_hidden(emulator: Emulator, query: str) -> None:
    emulator.client.get(f"/v1/credits?{query}")
    emulator.client.get("/v1/tasks/sk-ab01234")
    emulator.request("GET", f"/v1/credits?{query}")
    text = emulator.request("GET", "/__mock/journal?all=true").text
    assert "ab01234" not in text
    if "a=b" in query:
        assert '"query":"a=b&X-API-Key=…&c=d"' in text


def test_requests_without_a_key_are_journaled_separately(emulator: Emulator) -> None:
    emulator.client.get("/v1/credits", headers={"Authorization": "Bearer sk-invalid-secret"})
    assert journal(emulator) == []
    everything = emulator.request("GET", "/__mock/journal?all=true")
    assert [row["answer"]["status"] for row in everything.json()["rows"]] == [401]
    assert "secret" not in everything.text


def test_control_calls_are_not_journaled(emulator: Emulator) -> None:
    emulator.control("clock")
    emulator.advance("1s")
    assert journal(emulator) == []


def test_the_journal_is_bounded_and_numbers_go_on() -> None:
    with Emulator.in_process(journal_limit=5) as emulator:
        for _ in range(12):
            emulator.request("GET", "/v1/credits")
        assert [row["number"] for row in journal(emulator)] == [8, 9, 10, 11, 12]


def test_a_long_poll_ends_with_the_first_row(emulator: Emulator) -> None:
    found: list[list[dict[str, object]]] = []
    waiter = threading.Thread(target=lambda: found.append(journal(emulator, route="create", wait="30s")))
    waiter.start()
    emulator.request("GET", "/v1/credits")
    emulator.create()
    waiter.join(20)
    assert [[row["route"] for row in rows] for rows in found] == [["create"]]


def test_a_long_poll_of_events_ends_when_a_running_clock_reaches_one() -> None:
    with Emulator.in_process(clock="scaled", speed=50.0) as emulator:
        emulator.create()
        after = "0"
        events: list[str] = []
        while "task.completed" not in events:
            answer = emulator.control("events", params={"after": after, "wait": "20s"})
            events += [row["event"] for row in answer["rows"]]
            after = str(answer["last"])
    assert events == ["task.created", "task.processing", "task.completed"]


def test_a_long_poll_that_times_out_returns_an_empty_list(emulator: Emulator) -> None:
    assert emulator.control("events", params={"wait": "10ms"}) == {"rows": [], "last": 0}


def test_events_have_the_instant_at_which_they_happened(emulator: Emulator) -> None:
    emulator.create("fail=service_error")
    emulator.advance("1h")
    rows = emulator.control("events")["rows"]
    assert [row["event"] for row in rows] == ["task.created", "task.processing", "task.failed", "clock.moved"]
    assert rows[2]["at"] == 1757169753.0
    assert rows[2]["detail"] == "service_error"


@pytest.mark.parametrize("query", ["wait=61s", "wait=5", "status=20", "route=video", "after=-1", "wait=1s&all=true"])
def test_malformed_filters_are_rejected(emulator: Emulator, query: str) -> None:
    assert emulator.request("GET", f"/__mock/journal?{query}").status_code == 400
