"""The webhook behind a socket: statuses, silence and resets, by HTTP and by HTTPS, recorded as they were."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from evolink_contracts.target.listener import Certificate, Listener
from evolink_contracts.target.wall_clock import WallClock
from evolink_contracts.target.webhook import Webhook
from tests.support.certificates import HOST, certificate


@pytest.fixture(params=["http", "https"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Webhook, httpx.Client]]:
    """A receiver, and a sender who knows it by its name."""
    own, ca = certificate(tmp_path)
    secure = request.param == "https"
    webhook = Webhook(f"https://{HOST}", WallClock().now)
    with Listener(webhook, "127.0.0.1", 0, own if secure else None) as listener:
        assert listener.url.startswith(f"{request.param}://127.0.0.1:")
        verify = ssl.create_default_context(cafile=ca) if secure else False
        with httpx.Client(base_url=listener.url, verify=verify) as client:
            yield webhook, client


def post(client: httpx.Client, path: str, timeout: float = 5.0) -> int | str:
    """What came of it: a status, or the kind of trouble."""
    try:
        extensions = {"sni_hostname": HOST}
        return client.post(path, content=b'{"id": "t"}', timeout=timeout, extensions=extensions).status_code
    except httpx.TransportError as error:
        return type(error).__name__


def test_each_attempt_gets_its_word(served: tuple[Webhook, httpx.Client]) -> None:
    webhook, client = served
    path = "/1/500,302,reset,200?secret=a%2Fb"
    assert [post(client, path) for _ in range(2)] == [500, 302]
    assert post(client, path) in ("ReadError", "RemoteProtocolError")
    assert [post(client, path) for _ in range(2)] == [200, 200]
    attempts = webhook.take()
    assert [attempt.outcome for attempt in attempts] == [500, 302, "reset", 200, 200]
    assert {(attempt.url, attempt.body) for attempt in attempts} == {(f"https://{HOST}{path}", '{"id": "t"}')}
    assert [attempt.at for attempt in attempts] == sorted(attempt.at for attempt in attempts)


def test_silence_lasts_until_the_sender_leaves(served: tuple[Webhook, httpx.Client]) -> None:
    webhook, client = served
    assert post(client, "/1/timeout,200", timeout=0.3) == "ReadTimeout"
    assert post(client, "/1/timeout,200") == 200
    silent, answered = sorted(webhook.take(), key=lambda attempt: attempt.took, reverse=True)
    assert (silent.outcome, answered.outcome, answered.took) == ("timeout", 200, 0.0)
    assert 0.25 < silent.took < 5.0


def test_what_comes_next_can_be_answered_otherwise(served: tuple[Webhook, httpx.Client]) -> None:
    webhook, client = served
    webhook.answer_next(404)
    assert [post(client, "/1/200"), post(client, "/1/200")] == [404, 200]


def test_only_what_was_given_out_is_heard_of_a_receiver_that_anybody_can_find() -> None:
    webhook = Webhook("https://hook.example.com", WallClock().now, public=True)
    with Listener(webhook, "127.0.0.1", 0) as listener, httpx.Client(base_url=listener.url) as client:
        webhook.register(
            '{"callback_url": "https://hook.example.com/a1b2/500,200?secret=1", "prompt": "https://else.example/c3"}'
        )
        webhook.answer_next(503)
        strange = ("/favicon.ico", "/", "/c3/200", "/a1b2c3/200", "//a1b2/500,200")
        assert [client.get(path).status_code for path in strange] == [404] * 5
        assert [client.post("/a1b2/500,200?secret=1").status_code for _ in range(2)] == [503, 200]
        assert (len(webhook.take()), webhook.unknown_requests) == (2, 5)
        webhook.clear()
        assert client.post("/a1b2/500,200?secret=1").status_code == 404
        assert webhook.take() == []


def test_a_name_that_the_certificate_has_not_is_noticed(tmp_path: Path) -> None:
    own, ca = certificate(tmp_path)
    with (
        Listener(Webhook(), "127.0.0.1", 0, own) as listener,
        httpx.Client(verify=ssl.create_default_context(cafile=ca)) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.post(f"{listener.url}/1/200")


def test_a_certificate_that_is_none_is_an_error_and_the_port_is_free_again(tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("no certificate", encoding="utf-8")
    with Listener(Webhook(), "127.0.0.1", 0) as first:
        port = int(first.url.rpartition(":")[2])
    with pytest.raises(OSError, match="PEM"):
        Listener(Webhook(), "127.0.0.1", port, Certificate(nonsense, nonsense))
    with Listener(Webhook(), "127.0.0.1", port) as again:
        assert again.url.endswith(f":{port}")


def test_the_body_of_a_request_that_offers_an_upgrade_is_kept() -> None:
    webhook = Webhook(f"https://{HOST}", WallClock().now)
    with Listener(webhook, "127.0.0.1", 0) as listener, httpx.Client(base_url=listener.url) as client:
        offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABk"}
        assert client.post("/1/200", content=b'{"id": "t"}', headers=offer).status_code == 200
        # The connection is kept.
        assert client.post("/1/200", content=b'{"id": "u"}').status_code == 200
    assert [attempt.body for attempt in webhook.take()] == ['{"id": "t"}', '{"id": "u"}']
