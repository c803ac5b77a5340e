"""Callbacks without a route are not sent and name the option for it; URLs that production rejects are rejected."""

import re
import shlex
from collections.abc import Iterator

import pytest

from evolink_mock.core.task import Task
from evolink_mock.delivery.attempts import callback_url
from evolink_mock.settings import Settings, load_settings
from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.receivers import Receiver
from tests.support.webhook_receiver import CALLBACK_URL, ENDS, WebhookReceiver, connected, deliveries, until

UNROUTED = [
    ("https://app.example.com/hooks?secret=a%2Fb", "https://app.example.com"),
    ("https://app.example.com", "https://app.example.com"),
    ("https://APP.example.com.:443/hooks", "https://app.example.com"),
    ("https://app.example.com:8443/hooks", "https://app.example.com:8443"),
    ("https://bücher.example/hooks", "https://xn--bcher-kva.example"),
    ("https://☃.example/hooks", "https://xn--n3h.example"),
    ("https://8.8.8.8/hooks", "https://8.8.8.8"),
    ("https://[2606:4700::1111]/hooks", "https://[2606:4700::1111]"),
    ("https://[2606:4700::1111]:8443/hooks", "https://[2606:4700::1111]:8443"),
    ("https://exa_mple.example.com/#top", "https://exa_mple.example.com"),
]


def advised(verdict: str) -> tuple[str, str]:
    """The option that a verdict names, with its value."""
    found = re.search(r"start the emulator with (--callback-route \S+)", verdict)
    assert found is not None, verdict
    option, value = shlex.split(found[1])
    return option, value


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver(200) as receiver:
        yield receiver


@pytest.mark.parametrize(("url", "origin"), UNROUTED)
def test_the_option_in_the_verdict_routes_the_callback(url: str, origin: str, receiver: Receiver) -> None:
    with Emulator.in_process() as emulator:
        task = emulator.create(callback_url=url)
        emulator.advance("1h")
        (row,) = deliveries(emulator)
    assert (row["task"], row["status"], row["attempts"], row["url"]) == (task, "unrouted", [], url)
    option, value = advised(row["verdict"])
    assert (option, value) == ("--callback-route", f"{origin}=http://127.0.0.1:3000")
    routed: Settings = load_settings({"callback_route": (value.replace("http://127.0.0.1:3000", receiver.place),)})
    with Emulator.in_process(callback_route=routed.callback_route) as emulator:
        task = emulator.create(callback_url=url)
        emulator.advance("1h")
        (row,) = deliveries(emulator)
    assert (row["status"], row["attempts"][0]["status"]) == ("delivered", 200)
    assert task.encode() in receiver.received[-1].body
    assert f"https://{receiver.received[-1].headers['host']}" == origin


@pytest.mark.parametrize(("url", "origin"), UNROUTED)
def test_all_callbacks_can_be_forwarded_to_one_receiver(url: str, origin: str, receiver: Receiver) -> None:
    with Emulator.in_process(forward_to=receiver.place) as emulator:
        emulator.create(callback_url=url)
        emulator.advance("1h")
        assert deliveries(emulator)[0]["status"] == "delivered"
    assert f"https://{receiver.received[-1].headers['host']}" == origin


@pytest.mark.parametrize("url", ["https://אa1.example/hook", "https://" + "ü" * 64 + ".example/hook"])
def test_a_host_that_is_invalid_in_dns_stops_no_other_callback(url: str) -> None:
    with Emulator.in_process(clock="scaled", speed=1000.0) as emulator:
        odd = emulator.post(DOCUMENTED | {"callback_url": url})
        if odd.status_code == 200:
            assert until(emulator, task=odd.json()["id"], status="dead")["attempts"] == []
        task = emulator.create(callback_url="https://sink.mock/200")
        assert until(emulator, task=task, status="delivered")
        other = emulator.as_key("sk-other")
        other.create(callback_url="https://sink.mock/200")
        assert until(other, status="delivered")


def test_an_unrouted_callback_is_an_event_and_ends_a_wait(emulator: Emulator) -> None:
    task = emulator.create(callback_url=CALLBACK_URL)
    emulator.advance("10s")
    events = emulator.control("events", params={"task": task})["rows"]
    assert [row["event"] for row in events][-2:] == ["task.completed", "callback.unrouted"]
    assert "--callback-route https://app.example.com=" in events[-1]["detail"]
    assert until(emulator, task=task, status="dead")["status"] == "unrouted"
    assert emulator.control("clock")["next_event"] is None


def test_a_replay_of_an_unrouted_callback_is_unrouted(emulator: Emulator) -> None:
    emulator.create(callback_url=CALLBACK_URL)
    emulator.advance("10s")
    emulator.control("deliveries/1/replay", {})
    emulator.advance("0s")
    assert [row["status"] for row in deliveries(emulator)] == ["unrouted", "unrouted"]


def test_a_route_applies_to_one_origin() -> None:
    others = ("app.example.com:8443", "app.example.org", "www.app.example.com", "example.com")
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        for host in (*others, "App.Example.Com:443"):
            emulator.create(callback_url=f"https://{host}/")
        emulator.advance("1h")
        rows = {row["url"]: row["status"] for row in deliveries(emulator)}
    assert rows == {f"https://{host}/": "unrouted" for host in others} | {"https://App.Example.Com:443/": "delivered"}
    assert len(hook.arrivals) == 1


SKIPPED = {
    "http://app.example.com/hook": "must start with https://",
    "https://127.0.0.1/hook": "internal address",
    "https://10.1.2.3/hook": "internal address",
    "https://localhost/hook": "internal address",
    "https://user:password@app.example.com/": "user name or password",
    "https://app.example.com:0/": "port",
    "https:///hook": "must name a host",
    "nonsense": "must start with https://",
}


@pytest.mark.parametrize(("url", "says"), SKIPPED.items())
def test_an_invalid_url_that_create_accepts_is_forbidden_at_the_end(url: str, says: str, receiver: Receiver) -> None:
    before = len(receiver.received)
    with Emulator.in_process(bad_callback="skip", forward_to=receiver.place) as emulator:
        task = emulator.create(callback_url=url)
        emulator.advance("1h")
        (row,) = deliveries(emulator, status="forbidden")
        assert emulator.query(task).json()["status"] == "completed"
        emulator.control("deliveries/1/replay", {})
        emulator.advance("0s")
        assert [row["status"] for row in deliveries(emulator)] == ["forbidden"] * 2
    assert (row["task"], row["attempts"], row["next_due"]) == (task, [], None)
    assert row["verdict"].startswith("callback_url must")
    assert says in row["verdict"]
    assert len(receiver.received) == before


@pytest.mark.parametrize("url", SKIPPED)
def test_an_invalid_url_is_rejected_at_create_by_default(emulator: Emulator, url: str) -> None:
    response = emulator.post(DOCUMENTED | {"callback_url": url})
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith("callback_url ")
    emulator.advance("1h")
    assert deliveries(emulator) == []


@pytest.mark.parametrize("url", ["https://localhost/hook", "https://169.254.169.254/hook", "https://100.64.0.1/hook"])
def test_a_setting_allows_internal_addresses_that_the_page_does_not_list(url: str, receiver: Receiver) -> None:
    with Emulator.in_process(internal_addresses="listed", forward_to=receiver.place) as emulator:
        emulator.create(callback_url=url)
        emulator.advance("1h")
        assert deliveries(emulator)[0]["status"] == "delivered"
    assert url.removeprefix("https://").removesuffix("/hook") == receiver.received[-1].headers["host"]


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.1.1/"]
)
def test_internal_addresses_that_the_page_lists_are_always_rejected(url: str) -> None:
    for reading in ("all", "listed"):
        with Emulator.in_process(internal_addresses=reading) as emulator:
            assert emulator.post(DOCUMENTED | {"callback_url": url}).status_code == 400


def test_public_delivery_reaches_no_internal_address() -> None:
    with Emulator.in_process(deliver_public=True, internal_addresses="listed") as emulator:
        emulator.create(callback_url="https://localhost:1/hook")
        emulator.advance("1h")
        (row,) = deliveries(emulator)
    assert {attempt["error"] for attempt in row["attempts"]} == {"blocked"}
    assert [attempt["started"] - ENDS for attempt in row["attempts"]] == [0, 1, 3, 7]


def test_an_internal_failure_with_one_callback_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(task: Task) -> str:
        if b"broken" in task.request:
            raise ZeroDivisionError
        return callback_url(task)

    monkeypatch.setattr("evolink_mock.delivery.dispatcher.callback_url", fail)
    hook = WebhookReceiver()
    with connected(hook) as emulator:
        broken = emulator.create(callback_url=CALLBACK_URL, prompt="broken")
        well = emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("1h")
        rows = {row["task"]: row["status"] for row in emulator.control("deliveries")["deliveries"]}
    assert rows == {broken: "lost", well: "delivered"}
    assert hook.tasks == [well]
