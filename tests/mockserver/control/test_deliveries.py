"""/__mock/deliveries: listed by task and status, shown one by one, and never to another key."""

from collections.abc import Iterator

import pytest

from evolink_mock.core.redaction import masked_key
from tests.support.emulator import Emulator
from tests.support.webhook_receiver import CALLBACK_URL, WebhookReceiver, connected, deliveries

SINK = "https://sink.mock"
KEY = "sk-evo-0123456789"

ENDINGS = {
    "delivered": (f"{SINK}/200", None),
    "exhausted": (f"{SINK}/500", None),
    "unrouted": ("https://unrouted.example.com/hook", None),
    "forbidden": ("http://unsafe.example.com/hook", None),
    "lost": (f"{SINK}/200", "delivery=lost"),
    "queued": (f"{SINK}/200", "delivery=very_late"),
}
"""For each stage of a delivery, a callback URL and a scenario that lead to it within a minute."""

DEAD = {"exhausted", "unrouted", "forbidden", "lost"}


@pytest.fixture(scope="module")
def history() -> Iterator[Emulator]:
    """An emulator a minute after a task for each stage was created."""
    with Emulator.in_process(bad_callback="skip") as emulator:
        for url, scenario in ENDINGS.values():
            emulator.create(scenario, callback_url=url)
        emulator.advance("60s")
        yield emulator


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        *((stage, {stage}) for stage in ENDINGS),
        ("in_flight", set()),
        ("waiting", {"queued"}),
        ("dead", DEAD),
        ("ended", {*DEAD, "delivered"}),
    ],
)
def test_each_status_lists_its_deliveries(history: Emulator, status: str, shown: set[str]) -> None:
    assert {row["status"] for row in deliveries(history, status=status)} == shown


def test_numbers_count_from_1_and_after_and_limit_refer_to_them(history: Emulator) -> None:
    numbers = [row["number"] for row in deliveries(history)]
    assert numbers == sorted(numbers) == list(range(1, len(ENDINGS) + 1))
    assert [row["number"] for row in deliveries(history, after="4")] == numbers[4:]
    assert [row["number"] for row in deliveries(history, limit="2")] == numbers[-2:]
    assert [row["number"] for row in deliveries(history, after="0", limit="2")] == numbers[:2]
    assert [row["number"] for row in deliveries(history, after="1", limit="2")] == numbers[1:3]
    assert deliveries(history, after="99") == deliveries(history, limit="0") == []


def test_filters_combine(history: Emulator) -> None:
    lost, *_ = deliveries(history, status="lost")
    assert deliveries(history, task=lost["task"]) == deliveries(history, task=lost["task"], status="dead") == [lost]
    assert deliveries(history, task=lost["task"], status="delivered") == []
    assert deliveries(history, task="task-unified-1-unknown") == []


def test_one_delivery_is_shown_as_in_the_list(history: Emulator) -> None:
    for row in deliveries(history):
        assert history.control(f"deliveries/{row['number']}") == row


def test_a_delivery_has_a_summary_in_words(history: Emulator) -> None:
    words = {row["status"]: row["verdict"] for row in deliveries(history)}
    assert words["delivered"] == "attempt 1: the receiver answered 200"
    assert words["exhausted"] == "attempt 4: the receiver answered 500; all 4 attempts were made"
    assert "no route leads to https://unrouted.example.com" in words["unrouted"]
    assert "must start with https://" in words["forbidden"]
    assert "delivery=lost" in words["lost"]
    assert words["queued"].startswith("waiting for its first attempt: the task ended; the scenario delivery=very_late")


def test_an_attempt_that_has_begun_is_in_flight_and_waiting() -> None:
    seen: list[list[object]] = []

    async def look(emulator: object, arrival: object) -> None:
        for status in ("in_flight", "waiting", "queued", "ended"):
            answer = await hook.emulator.get("/__mock/deliveries", params={"status": status})
            seen.append([(row["status"], row["verdict"]) for row in answer.json()["deliveries"]])

    hook = WebhookReceiver(act=look)
    with connected(hook) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("10s")
    under_way = [("in_flight", "attempt 1 of 4 is in flight")]
    assert seen == [under_way, under_way, [], []]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("status=ded", "did you mean 'dead'?"),
        ("status=in-flight", "did you mean 'in_flight'?"),
        ("status=delivred", "did you mean 'delivered'?"),
        ("status=", "known: queued, in_flight"),
        ("tsk=1", "did you mean 'task'?"),
        ("stats=dead", "did you mean 'status'?"),
        ("after=-1", "after must be a number"),
        ("after=x", "after must be a number"),
        ("limit=1001", "from 0 to 1000"),
        ("limit=1.5", "limit must be a number"),
        ("wait=5", "such as 7s"),
        ("wait=61s", "at most 60s"),
        ("all=yes", "must be true or false"),
        ("all=true&wait=1s", "leave out all=true"),
        ("all=true&after=1", "leave out all=true"),
    ],
)
def test_the_error_about_a_malformed_filter_names_the_known_values(emulator: Emulator, query: str, says: str) -> None:
    response = emulator.request("GET", f"/__mock/deliveries?{query}")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_query"
    assert says in response.json()["error"]["message"]


@pytest.mark.parametrize("query", ["task=x&status=dead", "status=dead", "limit=1001", "tsk=1", "wait=61s"])
def test_the_inbox_has_no_status_and_the_same_errors(emulator: Emulator, query: str) -> None:
    assert emulator.request("GET", f"/__mock/inbox?{query}").status_code == 400


@pytest.mark.parametrize("number", ["0", "99", "x", "-1", "1.0", "¹", "9" * 40])
@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("POST", "/replay"), ("POST", "/resend")])
def test_an_unknown_number_is_not_found(history: Emulator, number: str, method: str, rest: str) -> None:
    body = b'{"body": 1}' if rest == "/resend" else b""
    response = history.request(method, f"/__mock/deliveries/{number}{rest}", content=body)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "delivery_not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "deliveries", "GET, HEAD"),
        ("DELETE", "deliveries/1", "GET, HEAD"),
        ("POST", "deliveries/1", "GET, HEAD"),
        ("GET", "deliveries/1/replay", "POST"),
        ("PUT", "deliveries/1/resend", "POST"),
        ("POST", "inbox", "GET, HEAD"),
    ],
)
def test_other_methods_are_refused_with_the_allowed_ones(
    emulator: Emulator, method: str, path: str, allowed: str
) -> None:
    response = emulator.request(method, f"/__mock/{path}")
    assert (response.status_code, response.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["deliveries/", "deliveries/1/", "deliveries/1/again", "inbox/1"])
def test_other_paths_are_not_found(history: Emulator, path: str) -> None:
    response = history.request("GET", f"/__mock/{path}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_every_call_about_deliveries_is_in_the_index(emulator: Emulator) -> None:
    calls = {call.partition(":")[0] for call in emulator.control("")["calls"]}
    assert {call for call in calls if "deliveries" in call or "inbox" in call} == {
        "GET /__mock/deliveries",
        "GET /__mock/deliveries/{number}",
        "POST /__mock/deliveries/{number}/replay",
        "POST /__mock/deliveries/{number}/resend",
        "GET /__mock/inbox",
    }


def test_deliveries_of_another_key_are_never_visible(history: Emulator) -> None:
    stranger = history.as_key("sk-stranger")
    assert deliveries(stranger) == []
    assert stranger.control("inbox") == {"rows": [], "last": 0}
    for method, path in (("GET", "1"), ("POST", "1/replay")):
        assert stranger.request(method, f"/__mock/deliveries/{path}").status_code == 404
    resent = stranger.request("POST", "/__mock/deliveries/1/resend", json={"body": 1})
    assert resent.status_code == 404
    assert history.client.get("/__mock/deliveries").status_code == 401


def test_all_true_lists_the_deliveries_of_every_world(emulator: Emulator) -> None:
    own = emulator.as_key(KEY)
    tasks = {one.create(callback_url=f"{SINK}/200") for one in (emulator, own)}
    emulator.control("clock", {"advance": "10s"}, params={"all": "true"})
    rows = deliveries(emulator, all="true")
    assert {row["task"] for row in rows} == tasks
    assert {row["key"] for row in rows} == {masked_key(emulator.key), masked_key(KEY)}
    assert len(deliveries(emulator, all="true", limit="1")) == 1
    assert len(emulator.control("inbox", params={"all": "true"})["rows"]) == 2
    assert own.control("deliveries/1", params={"all": "true"})["number"] == 1


@pytest.mark.parametrize("path", ["deliveries", "inbox", "events", "journal"])
def test_a_list_refuses_a_number_among_all_worlds(history: Emulator, path: str) -> None:
    for after in ("0", "1"):
        refused = history.request("GET", f"/__mock/{path}?all=true&after={after}&limit=2")
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_query")


@pytest.mark.parametrize("path", ["deliveries", "inbox", "events", "journal"])
def test_a_list_of_no_rows_is_answered_at_once_with_the_last_number(
    history: Emulator, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("long_poll", "deliveries"):
        monkeypatch.setattr(f"evolink_mock.control.{module}.wait_first", None)
    last = history.control(f"{path}?limit=1000")["last"]
    assert last > 0 or path == "inbox"
    answer = history.control(f"{path}?limit=0&wait=60s")
    assert (answer.get("rows", answer.get("deliveries")), answer["last"]) == ([], last)
    assert history.control(f"{path}?limit=0&wait=60s&after=0")["last"] == 0


def test_a_follower_of_deliveries_sees_the_last_number_and_a_reset(emulator: Emulator) -> None:
    assert emulator.control("deliveries") == {"deliveries": [], "last": 0, "generation": 0}
    for _ in range(3):
        emulator.create(callback_url="https://sink.mock/200")
    emulator.advance("10s")
    some = emulator.control("deliveries?after=0&limit=2")
    assert ([row["number"] for row in some["deliveries"]], some["last"]) == ([1, 2], 2)
    rest = emulator.control(f"deliveries?after={some['last']}&limit=2")
    assert ([row["number"] for row in rest["deliveries"]], rest["last"], rest["generation"]) == ([3], 3, 0)
    assert emulator.control("deliveries?after=0&limit=2&status=exhausted")["last"] == 3
    emulator.control("worlds", {"reset": True})
    after = emulator.control("deliveries?after=3")
    assert (after["deliveries"], after["last"], after["generation"]) == ([], 0, 1)
