"""Each request is logged on one line of printable text, without secrets, and only where the level asks for it."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.core.redaction import key_digest
from evolink_mock.log_lines import one_line, request_line
from tests.support.emulator import DOCUMENTED, KEY, Emulator

LOGGER = "evolink_mock"


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


def test_a_request_is_one_line_with_all_that_decided(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    task = emulator.create("create_latency=1s; fail=service_error")
    emulator.post(DOCUMENTED, {"X-Mock-Scenario": "create=rate_limited"})
    emulator.post({**DOCUMENTED, "duration": 99})
    emulator.client.get("/v1/credits")
    created, limited, invalid, missing = logged(caplog)
    assert created.startswith("POST /v1/videos/generations 200 ")
    assert f" ms sk-…l {task} [scenario: header create_latency=1s; fail=service_error]" in created
    assert "429" in limited
    assert "rate_limit_exceeded: Too many requests" in limited
    assert "invalid_request: duration must be" in invalid
    assert " 401 " in missing
    assert missing.split(" ms ")[1].startswith("- ")


def test_nothing_is_logged_above_the_level(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, LOGGER)
    emulator.create()
    assert logged(caplog) == []


def test_a_request_that_gets_no_response_is_logged_with_its_fault(caplog: pytest.LogCaptureFixture) -> None:
    line = request_line("POST", b"/v1/videos/generations", 0, 0.5, key=KEY, fault="commit_then_drop")
    assert line == "POST /v1/videos/generations no response 500.0 ms sk-…l [fault: commit_then_drop]"


def test_control_calls_are_logged_for_debugging_alone(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    emulator.control("clock")
    assert logged(caplog) == []
    caplog.set_level(logging.DEBUG, LOGGER)
    emulator.client.get(f"/__mock/clock?world={key_digest(KEY)}")
    (line,) = logged(caplog)
    assert line.startswith("GET /__mock/clock?world=0d687e97 200 ")


def test_a_refused_key_is_explained_to_the_person_at_the_terminal(caplog: pytest.LogCaptureFixture) -> None:
    from evolink_mock.settings import KeyRule

    caplog.set_level(logging.INFO, LOGGER)
    with Emulator.in_process(keys={"sk-poor": KeyRule()}, only_keys=True) as emulator:
        emulator.as_key("sk-stranger-1").request("GET", "/v1/credits")
    (line,) = logged(caplog)
    assert "[This emulator accepts only the keys of the settings; got sk-s…-1]" in line


@given(text=st.text(), limit=st.integers(1, 50))
def test_any_text_becomes_one_line(text: str, limit: int) -> None:
    shown = one_line(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit + 1


@given(target=st.binary(max_size=400), body=st.binary(max_size=400), method=st.text(max_size=30), task=st.text())
def test_a_line_holds_no_key_and_no_line_break_whatever_the_request_is(
    target: bytes, body: bytes, method: str, task: str
) -> None:
    key = "sk-secret-0123456789"
    noisy = target + key.encode() + b"\r\n\x1b[31m" + target
    line = request_line(method, noisy, 400, 0.001, key=key, task=task, scenario=f"prompt {key}", error=body)
    assert line.isprintable()
    assert key not in line


def test_printable_text_of_other_alphabets_is_kept_and_marks_that_reorder_it_are_escaped() -> None:
    assert one_line("猫 弹钢琴", 50) == "猫 弹钢琴"
    assert one_line("a\u202eb\u2028c", 50) == "a\\u202eb\\u2028c"


def test_a_line_about_a_long_target_redacts_a_key_at_the_cut() -> None:
    key = "sk-secret-123456789"
    for padding in range(1180, 1230):
        line = request_line("GET", b"/" + b"\\" * 60_000 + b"?" + b"x" * padding, 404, 0.1, key=key)
        assert len(line) < 400
        line = request_line("GET", b"/" + "ы".encode() * (padding // 4 - 8) + key.encode() * 99, 404, 0.1, key=key)
        assert "sk-secret" not in line


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/v1/credits?api_key=sk-secret&a=b", "/v1/credits?api_key=…&a=b"),
        ("/v1/credits?a=b&X-Mock-Token=abc", "/v1/credits?a=b&X-Mock-Token=…"),
        ("/v1/credits?" + "key?" * 70 + "token=x", "/v1/credits?" + "key?" * 70 + "token=…"),
        ("/v1/credits?PASSWORD=a%20b#x", "/v1/credits?PASSWORD=…#x"),
        ("/v1/tasks/sk-secret", "/v1/tasks/sk-…"),
        ("/v1/x?q=Bearer%20abc", "/v1/x?q=Bearer%20…"),
        ("/v1/tasks/task-unified-1757169743-o9us175r?status=4xx", None),
    ],
)
def test_secrets_of_a_request_without_a_key_are_redacted(target: str, shown: str | None) -> None:
    line = request_line("GET", target.encode(), 401, 0.1, key="")
    assert line == f"GET {shown or target} 401 100.0 ms -"
