"""Replay and resend: a delivery sent again, unchanged or changed, is a new delivery with attempts of its own."""

import json
from typing import Any

import pytest

from tests.support.emulator import Emulator
from tests.support.webhook_receiver import CALLBACK_URL, ENDS, WebhookReceiver, connected, deliveries

SINK = "https://sink.mock"


def again(emulator: Emulator, number: int, body: bytes | None = None) -> dict[str, Any]:
    """Replay a delivery, or resend it with another body, and make the attempt that is due; the new delivery."""
    path = f"/__mock/deliveries/{number}/{'replay' if body is None else 'resend'}"
    response = emulator.request("POST", path, content=b"" if body is None else b'{"body": ' + body + b"}")
    assert response.status_code == 200, response.text
    emulator.advance("0s")
    shown = emulator.control(f"deliveries/{response.json()['number']}")
    assert isinstance(shown, dict)
    return shown


def test_a_replay_sends_the_same_bytes() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        task = emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("1h")
        first, *_ = deliveries(emulator)
        shown = again(emulator, 1)
        queried = emulator.query(task).content
    assert [arrival.body for arrival in hook.arrivals] == [queried, queried]
    assert [arrival.at for arrival in hook.arrivals] == [ENDS, ENDS + 3590]
    assert (shown["origin"], shown["repeats"], shown["status"], shown["changed_body"]) == (
        *("replay", 1, "delivered"),
        None,
    )
    assert shown["attempts"][0]["reason"] == "delivery 1 was replayed by a control call"
    assert (first["origin"], first["repeats"]) == ("ended", None)


def test_a_replay_does_not_change_the_original_delivery(emulator: Emulator) -> None:
    emulator.create(callback_url=f"{SINK}/500")
    emulator.advance("60s")
    before = emulator.control("deliveries/1")
    again(emulator, 1)
    assert emulator.control("deliveries/1") == before


def test_a_replay_has_four_attempts_of_its_own(emulator: Emulator) -> None:
    emulator.create(callback_url=f"{SINK}/500")
    emulator.advance("90s")
    again(emulator, 1)
    emulator.advance("60s")
    old, new = deliveries(emulator)
    assert [attempt["started"] - ENDS for attempt in old["attempts"]] == [0, 1, 3, 7]
    assert [attempt["started"] - ENDS for attempt in new["attempts"]] == [80, 81, 83, 87]
    assert new["status"] == "exhausted"


def test_a_replay_of_a_replay_refers_to_that_replay(emulator: Emulator) -> None:
    emulator.create(callback_url=f"{SINK}/200")
    emulator.advance("10s")
    assert [again(emulator, number)["repeats"] for number in (1, 2)] == [1, 2]


def test_a_delivery_that_was_never_sent_can_be_replayed() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        emulator.create("delivery=lost", callback_url=CALLBACK_URL)
        emulator.advance("1h")
        assert hook.arrivals == []
        assert again(emulator, 1)["status"] == "delivered"
    assert len(hook.arrivals) == 1


def test_a_replay_of_a_waiting_delivery_does_not_replace_it() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        emulator.create("delivery=very_late", callback_url=CALLBACK_URL)
        emulator.advance("10s")
        again(emulator, 1)
        assert [arrival.at for arrival in hook.arrivals] == [ENDS]
        emulator.advance("1h")
    assert len(hook.arrivals) == 2


BODIES = [
    b"null",
    b"true",
    b'"text"',
    b"[]",
    b"{}",
    b"1e300",
    b"1.0",
    b'{"b" : 1,\n\t"a":[1.0, -0, 1E2],  "b":2}',
    '{"prompt": "ünï\\u00e9 \\ud83d\\ude00 😀"}'.encode(),
    b'{"id": 7, "status": "unheard_of"}',
    b'"' + b"x" * 60_000 + b'"',
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:12].decode("utf-8", "replace"))
def test_a_changed_body_arrives_byte_for_byte(body: bytes) -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("10s")
        shown = again(emulator, 1, body)
    assert hook.arrivals[-1].body == body
    assert (shown["origin"], shown["repeats"], shown["changed_body"]) == ("resend", 1, body.decode())
    assert shown["attempts"][0]["reason"] == "delivery 1 was sent again by a control call, with a changed body"


def test_space_around_a_changed_body_is_not_part_of_it() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("10s")
        again(emulator, 1, b"\n  [1 ,2]  \n")
    assert hook.arrivals[-1].body == b"[1 ,2]"


def test_a_replay_of_a_changed_body_keeps_the_change_and_so_do_its_retries() -> None:
    hook = WebhookReceiver(200, 200, 500, 200)
    changed = b'{"status":"canceled"}'
    with connected(hook) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("10s")
        again(emulator, 1, changed)
        again(emulator, 2)
        emulator.advance("1s")
    assert [arrival.body for arrival in hook.arrivals[1:]] == [changed] * 3


def test_the_inbox_shows_a_changed_body_unchanged(emulator: Emulator) -> None:
    emulator.create(callback_url=f"{SINK}/200")
    emulator.advance("10s")
    again(emulator, 1, b'{"a" :1.0}')
    assert b'"body":{"a" :1.0}' in emulator.request("GET", "/__mock/inbox").content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b'{"body"}',
        b'{"body": nul}',
        b'{"body": 01}',
        b'{"body": {"a": 1}',
        b'{"body": 1} 2',
        b'{"Body": 1}',
        b'{"body": 1, "status": 200}',
        b'{"body": "\\ud800"}',
        b'{"body": "\xff"}',
        b'\xef\xbb\xbf{"body": 1}',
    ],
)
def test_a_malformed_change_is_refused_and_sends_nothing(content: bytes) -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("10s")
        response = emulator.request("POST", "/__mock/deliveries/1/resend", content=content)
        assert response.status_code == 400
        assert response.json()["error"]["code"] == "invalid_body"
        emulator.advance("1h")
        assert len(deliveries(emulator)) == len(hook.arrivals) == 1


def test_a_change_that_is_too_long_is_refused(emulator: Emulator) -> None:
    emulator.create(callback_url=f"{SINK}/200")
    emulator.advance("10s")
    content = json.dumps({"body": "x" * 65536}).encode()
    assert emulator.request("POST", "/__mock/deliveries/1/resend", content=content).status_code == 413


@pytest.mark.parametrize("content", [b"[]", b'{"body": 1}', b"x"])
def test_a_replay_takes_no_body(emulator: Emulator, content: bytes) -> None:
    emulator.create(callback_url=f"{SINK}/200")
    emulator.advance("10s")
    response = emulator.request("POST", "/__mock/deliveries/1/replay", content=content)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_body")
    assert "resend does" in response.json()["error"]["message"]


def test_a_replay_keeps_the_task(emulator: Emulator) -> None:
    tasks = [emulator.create(callback_url=f"{SINK}/200") for _ in range(3)]
    emulator.advance("10s")
    by_number = {row["number"]: row["task"] for row in deliveries(emulator)}
    assert sorted(by_number.values()) == sorted(tasks)
    for number, task in by_number.items():
        assert again(emulator, number)["task"] == task
    assert emulator.control("inbox")["rows"][-1]["task"] == by_number[3]


def test_a_delivery_of_a_forgotten_task_cannot_be_replayed(emulator: Emulator) -> None:
    emulator.create(callback_url=f"{SINK}/200")
    emulator.advance("8d")
    emulator.create()
    for call, body in (("replay", b""), ("resend", b'{"body": 1}')):
        response = emulator.request("POST", f"/__mock/deliveries/1/{call}", content=body)
        assert (response.status_code, response.json()["error"]["code"]) == (409, "task_forgotten")
    assert emulator.control("deliveries/1")["status"] == "delivered"
