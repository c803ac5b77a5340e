"""The kit's hold on a service: time moves for it, and what comes meanwhile is seen at its instant."""

import asyncio
from collections.abc import Mapping
from itertools import pairwise

import pytest

from evolink_contracts.reference.errors import NoResponse
from evolink_contracts.runs.emulator_probes import last_credits
from evolink_contracts.runs.selftest import find_provider
from evolink_contracts.target.target import Target, TargetOptions
from evolink_contracts.target.transports import AsgiTransport, HttpTransport, Receive, Response, Scope, Send
from evolink_contracts.target.webhook import Webhook
from evolink_contracts.trace.events import Attempt, Call
from evolink_contracts.trace.history import CREDITS_PATH


def test_time_stands_still_until_a_slow_attempt_is_over() -> None:
    """However long an answer takes by the wall, the gaps of a clock that is moved are exact."""
    webhook = Webhook()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(0.3)
        await webhook(scope, receive, send)

    emulators = find_provider()
    with (
        emulators.made(None, {webhook.origin: slow}) as app,
        Target(AsgiTransport(app), "sk-slow", TargetOptions(callbacks_arrive=True), webhook=webhook) as target,
    ):
        task = target.create({"callback_url": f"{webhook.origin}/500,500,200"}).task_id
        target.try_control(f"tasks/{task}/cancel")
        target.advance(60)
        at = [event.at for event in target.trace if isinstance(event, Attempt)]
    assert [later - earlier for earlier, later in pairwise(at)] == [1, 2]


class Catchall:
    """Answers one thing to whatever it is asked."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        return Response(200, {"content-type": "text/html"}, self._content)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("content", [b"<!doctype html>", b"[]", b'{"now": 5}', b"\xff", b"[" * 100_000])
def test_who_answers_200_to_anything_is_no_emulator(content: bytes) -> None:
    with Target(Catchall(content), "sk-any") as target:
        assert target.can == set()


def test_a_path_that_no_request_can_carry_gets_no_answer() -> None:
    network = HttpTransport("http://127.0.0.1:9")
    with pytest.raises(NoResponse):
        network.send("GET", "/v1/tasks/\ud800", {}, None)
    network.close()


def test_credits_that_are_none_end_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    sends = AsgiTransport.send

    def send(own: AsgiTransport, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Response:
        response = sends(own, method, path, headers, content)
        return response._replace(content=b'{"data": []}') if path == CREDITS_PATH else response

    monkeypatch.setattr(AsgiTransport, "send", send)
    webhook = Webhook()
    with (
        find_provider().made(None, {}) as app,
        Target(AsgiTransport(app), "sk-poor", TargetOptions(callbacks_arrive=False), webhook=webhook) as target,
    ):
        last_credits.run(target)
        assert [event.status for event in target.trace if isinstance(event, Call) and event.method == "POST"][-1] == 402
