"""Retry policies of other providers: one value given to `create_app` decides attempts, limits and every report."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from evolink_contracts.spec.timing import CallbackPolicy
from evolink_mock import InProcessTransport, create_app
from evolink_mock.core.behaviour import DOCUMENTED as DOCUMENTED_BEHAVIOUR
from evolink_mock.delivery.doctor import diagnose
from tests.support.emulator import DOCUMENTED, Emulator, settings
from tests.support.webhook_receiver import CALLBACK_URL, ENDS, ORIGIN, WebhookReceiver, connected, deliveries, until

OTHER = CallbackPolicy(
    timeout=3.0, gaps=(5.0, 30.0), max_url_length=100, success=range(200, 203), basis="documented", source="S1a"
)

IMPATIENT = DOCUMENTED_BEHAVIOUR._replace(policy=replace(OTHER, timeout=0.05))


def started_after_the_end(row: dict[str, Any]) -> list[float]:
    return [attempt["started"] - ENDS for attempt in row["attempts"]]


def test_attempts_follow_after_the_gaps_of_the_policy() -> None:
    hook = WebhookReceiver(500)
    with connected(hook, OTHER) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("1h")
        (row,) = deliveries(emulator)
    assert [arrival.at - ENDS for arrival in hook.arrivals] == started_after_the_end(row) == [0, 5, 35]
    assert row["status"] == "exhausted"


def test_a_timed_out_attempt_takes_the_timeout_of_the_policy_on_a_manual_clock() -> None:
    with connected(WebhookReceiver(), OTHER) as emulator:
        emulator.create(callback_url="https://sink.mock/timeout")
        emulator.advance("1h")
        (row,) = deliveries(emulator)
    assert started_after_the_end(row) == [0, 8, 41]
    assert [attempt["finished"] - attempt["started"] for attempt in row["attempts"]] == [3, 3, 3]


async def hang(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.Event().wait()


def test_the_timeout_of_the_policy_limits_the_wall_time_of_an_attempt() -> None:
    app = create_app(settings(), receivers={ORIGIN: hang}, behaviour=IMPATIENT)
    with Emulator(httpx.Client(transport=InProcessTransport(app), base_url="http://emulator.test")) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        began = time.monotonic()
        emulator.advance("1h")
        # Less than the 30 s that three attempts of the documented policy would take.
        assert 0.15 <= time.monotonic() - began < 10
        (row,) = deliveries(emulator)
    assert [attempt["error"] for attempt in row["attempts"]] == ["timeout"] * 3
    assert [attempt["detail"] for attempt in row["attempts"]] == ["no response within 0.05 s"] * 3


def test_before_create_and_shutdown_wait_no_longer_than_the_timeout_of_the_policy() -> None:
    app = create_app(settings(clock="real"), receivers={ORIGIN: hang}, behaviour=IMPATIENT)
    with Emulator(httpx.Client(transport=InProcessTransport(app), base_url="http://emulator.test")) as emulator:
        began = time.monotonic()
        emulator.create("delivery=before_create", callback_url=CALLBACK_URL)
        until(emulator, status="queued")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(("status", "stage"), [(202, "delivered"), (204, "exhausted"), (302, "exhausted")])
def test_only_the_statuses_of_the_policy_are_a_success(status: int, stage: str) -> None:
    with connected(WebhookReceiver(status), OTHER) as emulator:
        emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("1h")
        assert [row["status"] for row in deliveries(emulator)] == [stage]


def test_the_policy_limits_the_length_of_callback_urls() -> None:
    with connected(WebhookReceiver(), OTHER) as emulator:
        emulator.create(callback_url=CALLBACK_URL.ljust(100, "a"))
        refused = emulator.post(DOCUMENTED | {"callback_url": CALLBACK_URL.ljust(101, "a")})
        assert (refused.status_code, "at most 100 characters" in refused.text) == (400, True)


def test_deliveries_explain_fidelity_and_openapi_have_the_figures_of_the_policy() -> None:
    with connected(WebhookReceiver(500), OTHER) as emulator:
        task = emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("1h")
        (row,) = deliveries(emulator)
        story = emulator.control(f"tasks/{task}/explain")["story"]
        timing = emulator.control("fidelity")["timing"]
        described = emulator.request("GET", "/openapi.json").json()["paths"]["/v1/videos/generations"]["post"]
    assert row["verdict"].endswith("all 3 attempts were made")
    reasons = [attempt["reason"].rpartition("; ")[2] for attempt in row["attempts"][1:]]
    assert reasons == ["attempt 2 follows 5 s after that failure", "attempt 3 follows 30 s after that failure"]
    told = [line["says"] for line in story if line["about"] == "attempt"]
    assert [says.endswith(reason) for says, reason in zip(told[1:], reasons, strict=True)] == [True, True]
    (policy,) = [figures for figures in timing if figures["behaviour"] == "callback policy"]
    assert (policy["timeout"], policy["gaps"], policy["max_url_length"]) == (3, [5, 30], 100)
    assert policy["success"] == "200 to 202"
    description = described["callbacks"]["taskEnded"]["{$request.body#/callback_url}"]["post"]["description"]
    assert "may take 3 s" in description
    assert "5, 30 s later, 3 attempts in all" in description


def test_the_doctor_has_the_figures_of_the_policy() -> None:
    attempt = diagnose("https://sink.mock/500", settings(), dry=False, policy=OTHER)["attempt"]
    assert attempt["says"].endswith("a failure, tried again 5, 30 s after each, 3 attempts in all")
    too_long = diagnose(f"https://sink.mock/{'2' * 100}", settings(), dry=True, policy=OTHER)
    assert "at most 100 characters" in too_long["production"]["says"]
