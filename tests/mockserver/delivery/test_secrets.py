"""Redaction: no record of callbacks shows an API key, and the receiver still gets what was sent."""

from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from tests.support.emulator import Emulator
from tests.support.webhook_receiver import CALLBACK_URL, Arrival, WebhookReceiver, connected

KEY = "sk-evo-0123456789"
SECRET = "0123456789"
PLACES = ("deliveries", "deliveries/1", "inbox", "events", "deliveries?all=true", "inbox?all=true", "events?all=true")


def shown(emulator: Emulator, *places: str) -> str:
    answers = [emulator.request("GET", f"/__mock/{place}") for place in places or PLACES]
    assert {answer.status_code for answer in answers} == {200}
    return "".join(answer.text for answer in answers)


@pytest.mark.parametrize(
    "url",
    [
        f"https://sink.mock/500,200?key={KEY}",
        f"https://sink.mock/{KEY}",
        "https://sink.mock/200?key=sk%2Devo%2D0123456789",
        f"https://{KEY}.example.com/hook",
        f"https://app.example.com/{KEY}/hook",
    ],
)
def test_a_key_in_a_callback_url_is_redacted(emulator: Emulator, url: str) -> None:
    own = emulator.as_key(KEY)
    task = own.create(callback_url=url)
    own.advance("60s")
    text = shown(own, *PLACES, f"tasks/{task}", "tasks", "journal")
    assert SECRET not in text
    assert "…" in text


def test_a_key_in_a_changed_body_is_redacted(emulator: Emulator) -> None:
    own = emulator.as_key(KEY)
    own.create(callback_url="https://sink.mock/200")
    own.advance("10s")
    answer = own.request("POST", "/__mock/deliveries/1/resend", json={"body": {"key": KEY}})
    own.advance("0s")
    assert SECRET not in answer.text + shown(own, *PLACES, "deliveries/2")
    assert '{"key":"…"' in shown(own, "inbox")


def test_a_key_in_a_receiver_s_response_is_redacted() -> None:
    with connected(WebhookReceiver(500, answer=f"no {KEY} here")) as emulator:
        own = emulator.as_key(KEY)
        own.create(callback_url=CALLBACK_URL)
        own.advance("60s")
        text = shown(own)
    assert SECRET not in text
    assert "no … here" in text


@pytest.mark.parametrize("before", [494, 496, 504, 510, 512])
def test_a_key_split_by_the_end_of_an_excerpt_is_redacted_whole(before: int) -> None:
    with connected(WebhookReceiver(500, answer="x" * before + KEY)) as emulator:
        own = emulator.as_key(KEY)
        own.create(callback_url=CALLBACK_URL)
        own.advance("60s")
        excerpt = own.control("deliveries/1")["attempts"][0]["response"]
    assert excerpt[:before] == "x" * before
    assert "sk" not in excerpt


def test_a_key_in_an_exception_of_a_receiver_is_redacted() -> None:
    class Crashing(WebhookReceiver):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            raise RuntimeError(f"{'x' * 400}{KEY}")

    with connected(Crashing()) as emulator:
        own = emulator.as_key(KEY)
        own.create(callback_url=CALLBACK_URL)
        own.advance("60s")
        row = own.control("deliveries/1")
        assert {attempt["error"] for attempt in row["attempts"]} == {"crashed"}
        assert SECRET not in shown(own)


def test_redacted_text_arrives_whole() -> None:
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        own = emulator.as_key(KEY)
        own.create(callback_url=f"{CALLBACK_URL}?key={KEY}")
        own.advance("10s")
        own.request("POST", "/__mock/deliveries/1/resend", json={"body": KEY})
        own.advance("0s")
    assert [arrival.target for arrival in hook.arrivals] == [f"/hooks/video?key={KEY}"] * 2
    assert hook.arrivals[-1].body == f'"{KEY}"'.encode()


def test_a_callback_has_no_header_with_the_key() -> None:
    headers: list[dict[str, Any]] = []

    class Listening(WebhookReceiver):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
            await super().__call__(scope, receive, send)

    with connected(Listening()) as emulator:
        own = emulator.as_key(KEY)
        own.create(callback_url=CALLBACK_URL)
        own.advance("10s")
    (sent,) = headers
    assert sent["content-type"] == "application/json"
    assert sent["host"] == "app.example.com"
    assert not {"authorization", "cookie", "x-request-id"} & sent.keys()
    assert KEY not in "".join(sent.values())


def test_a_task_shows_its_callback_and_its_deliveries(emulator: Emulator) -> None:
    without_callback = emulator.create()
    task = emulator.create("delivery=duplicate", callback_url="https://sink.mock/200")
    assert emulator.control(f"tasks/{without_callback}")["callback"] is None
    detail = emulator.control(f"tasks/{task}")
    assert detail["callback"] == {"url": "https://sink.mock/200", "deliveries": []}
    assert detail["scenario"] == "delivery=duplicate"
    emulator.advance("60s")
    assert emulator.control(f"tasks/{task}")["callback"]["deliveries"] == [1, 2]
    emulator.control("deliveries/2/replay", {})
    assert emulator.control(f"tasks/{task}")["callback"]["deliveries"] == [1, 2, 3]
    assert emulator.control(f"tasks/{without_callback}")["callback"] is None


def test_a_receiver_can_read_the_record_during_an_attempt() -> None:
    shown_during: list[Any] = []

    async def read(emulator: httpx.AsyncClient, arrival: Arrival) -> None:
        shown_during.append((await emulator.get(f"/__mock/tasks/{arrival.task}")).json()["callback"])
        shown_during.append((await emulator.get("/__mock/deliveries/1")).json()["status"])

    with connected(WebhookReceiver(act=read)) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("10s")
    assert shown_during == [{"url": CALLBACK_URL, "deliveries": [1]}, "in_flight"]
