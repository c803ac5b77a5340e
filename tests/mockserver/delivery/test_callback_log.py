"""A callback that cannot arrive is a warning on one line, with its reason and what to do; a flood is summed up."""

import asyncio
import logging

import pytest

from evolink_contracts.spec.timing import EVOLINK_CALLBACKS
from evolink_mock.core.delivery import Attempt, AttemptResult, Delivery
from evolink_mock.delivery import callback_log
from evolink_mock.delivery.callback_log import IN_FULL, CallbackLog
from tests.support.emulator import Emulator
from tests.support.webhook_receiver import CALLBACK_URL, WebhookReceiver, connected

LOGGER = "evolink_mock"


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == LOGGER and each.levelno == logging.WARNING]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://app.example.com/secret", "start the emulator with --callback-route https://app.example.com="),
        ("https://sink.mock/500", "attempt 4 of 4: the receiver at https://sink.mock answered 500; POST /__mock/"),
        ("https://sink.mock/refused", "refused"),
    ],
)
def test_a_callback_that_does_not_arrive_is_one_warning(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, url: str, says: str
) -> None:
    task = emulator.create(callback_url=url)
    emulator.advance("60s")
    (line,) = warnings(caplog)
    assert line.startswith(f"callback 1 of {task} to https://")
    assert says in line
    assert "secret" not in line
    assert line.isprintable()


def test_a_forbidden_url_is_a_warning_with_the_rule(caplog: pytest.LogCaptureFixture) -> None:
    with Emulator.in_process(bad_callback="skip") as emulator:
        emulator.create(callback_url="http://localhost:3000/cb")
        emulator.advance("60s")
    (line,) = warnings(caplog)
    assert "forbidden: callback_url must start with https://" in line
    assert "--callback-route https://app.example.com=http://localhost:3000" in line


def test_every_attempt_is_a_line_at_the_level_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    with connected(WebhookReceiver(500, 200)) as emulator:
        task = emulator.create(callback_url=CALLBACK_URL)
        emulator.advance("60s")
    lines = [each.getMessage() for each in caplog.records if each.getMessage().startswith("callback")]
    assert [line.split(" in ")[0] for line in lines] == [
        f"callback 1 of {task} to https://app.example.com attempt 1: the receiver answered 500",
        f"callback 1 of {task} to https://app.example.com attempt 2: the receiver answered 200",
    ]
    assert warnings(caplog) == []


def test_a_callback_that_a_scenario_loses_is_no_warning(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    emulator.create("delivery=lost", callback_url="https://sink.mock/200")
    emulator.advance("60s")
    assert warnings(caplog) == []


def test_a_flood_costs_a_bounded_number_of_lines(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[object] = []
    monkeypatch.setattr(callback_log, "call_later", lambda seconds, end: ends.append(end))
    log = CallbackLog(EVOLINK_CALLBACKS)
    lost = Delivery("task-unified-1-x", "ended", 0, "unrouted", note="no route")
    for number in range(1000):
        log.ended(number, lost, "https://app.example.com/cb", "sk-key")
    log.ended(1000, lost._replace(note="another reason"), "https://app.example.com/cb", "sk-key")
    assert len(warnings(caplog)) == IN_FULL + 1
    (end,) = ends
    assert callable(end)
    end()
    assert warnings(caplog)[-1] == f"{1000 - IN_FULL} more callbacks in the last 10 s: no route"
    log.ended(1001, lost, "https://app.example.com/cb", "sk-key")
    assert warnings(caplog)[-1].endswith("unrouted: no route")
    for number in range(5000):
        log.ended(number, lost._replace(note=f"reason {number}"), "https://app.example.com/cb", "sk-key")
    assert len(warnings(caplog)) < 200


def test_the_path_of_a_receiver_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def log() -> None:
        result = AttemptResult(error="refused", detail="Connection refused")
        attempt = Attempt(0, 0, 0, "http://127.0.0.1:3000/hooks/secret", result)
        exhausted = Delivery("task-unified-1-x", "ended", 0, "exhausted", attempts=(attempt,) * 4)
        CallbackLog(EVOLINK_CALLBACKS).attempted(7, exhausted, "https://app.example.com/hooks/secret", "sk-key")

    asyncio.run(log())
    (line,) = warnings(caplog)
    assert line == (
        "callback 7 of task-unified-1-x to https://app.example.com exhausted: attempt 4 of 4: the receiver at "
        "http://127.0.0.1:3000 refused the connection (Connection refused); "
        "POST /__mock/deliveries/7/replay sends it again"
    )
