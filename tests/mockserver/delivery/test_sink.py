"""The scripted receiver sink.mock: responses by its URL, exact instants, and the inbox."""

import logging
from typing import Any

import pytest

from evolink_mock.core.delivery import ATTEMPT_ERRORS
from tests.support.commands import doctor
from tests.support.emulator import Emulator
from tests.support.webhook_receiver import ENDS, deliveries

SINK = "https://sink.mock"


def record(emulator: Emulator, script: str) -> dict[str, Any]:
    """The delivery of a task whose callback goes to a script, when nothing more will come of it."""
    emulator.create(callback_url=f"{SINK}/{script}")
    emulator.advance("2m")
    (row,) = deliveries(emulator)
    return row


def instants(row: dict[str, Any]) -> list[tuple[float, float]]:
    """When each attempt began and ended, in seconds from the end of the task."""
    return [(attempt["started"] - ENDS, attempt["finished"] - ENDS) for attempt in row["attempts"]]


@pytest.mark.parametrize(
    ("script", "took", "status"),
    [
        ("200", [(0, 0)], "delivered"),
        ("500,timeout,200", [(0, 0), (1, 11), (13, 13)], "delivered"),
        ("500,500,500,200", [(0, 0), (1, 1), (3, 3), (7, 7)], "delivered"),
        ("timeout,204", [(0, 10), (11, 11)], "delivered"),
        ("500", [(0, 0), (1, 1), (3, 3), (7, 7)], "exhausted"),
        ("timeout", [(0, 10), (11, 21), (23, 33), (37, 47)], "exhausted"),
        ("reset,timeout", [(0, 0), (1, 11), (13, 23), (27, 37)], "exhausted"),
        ("500,200,500", [(0, 0), (1, 1)], "delivered"),
        ("500,500,500,500,200", [(0, 0), (1, 1), (3, 3), (7, 7)], "exhausted"),
    ],
)
def test_each_attempt_has_exact_instants(
    emulator: Emulator, script: str, took: list[tuple[float, float]], status: str
) -> None:
    row = record(emulator, script)
    assert (instants(row), row["status"]) == (took, status)
    following = [attempt["due"] for attempt in row["attempts"][1:]]
    assert [attempt["next_due"] for attempt in row["attempts"]] == [*following, None]
    assert [attempt["started"] for attempt in row["attempts"]] == [attempt["due"] for attempt in row["attempts"]]


def test_the_last_word_answers_all_further_attempts(emulator: Emulator) -> None:
    attempts = record(emulator, "404,refused")["attempts"]
    assert [attempt["status"] or attempt["error"] for attempt in attempts] == [404, *["refused"] * 3]


def test_the_clock_stops_at_each_attempt(emulator: Emulator) -> None:
    emulator.create(callback_url=f"{SINK}/500,timeout,200")
    stops = []
    while emulator.control("clock")["next_event"] is not None:
        stops.append(emulator.control("clock", {"until": "next-event"})["now"] - ENDS)
    assert stops[-3:] == [0, 1, 13]
    assert [row["at"] - ENDS for row in emulator.control("inbox")["rows"]] == [0, 1, 13]


@pytest.mark.parametrize(
    ("script", "status"),
    [("", 200), ("/", 200), (",200", 200), ("500,", 500), ("200?secret=1", 200), ("0200", 200), ("//299", 299)],
)
def test_an_empty_word_is_200_and_a_query_is_ignored(emulator: Emulator, script: str, status: int) -> None:
    assert record(emulator, script)["attempts"][0]["status"] == status


@pytest.mark.parametrize("status", [100, 199, 200, 201, 204, 299, 300, 301, 304, 400, 404, 410, 429, 500, 503, 599])
def test_only_2xx_is_success(emulator: Emulator, status: int) -> None:
    row = record(emulator, str(status))
    assert {attempt["status"] for attempt in row["attempts"]} == {status}
    assert (len(row["attempts"]), row["status"]) == ((1, "delivered") if 200 <= status < 300 else (4, "exhausted"))


ARRIVES = {
    "timeout": True,
    "reset": True,
    "empty": True,
    "truncated": True,
    "not_http": True,
    "refused": False,
    "unreachable": False,
    "dns": False,
    "tls": False,
    "blocked": False,
    "crashed": False,
}
"""For each fault, whether the receiver has read the callback by then."""


def test_the_table_has_every_attempt_error() -> None:
    assert set(ARRIVES) == set(ATTEMPT_ERRORS)


@pytest.mark.parametrize("fault", ARRIVES)
def test_an_attempt_error_is_recorded_and_retried(emulator: Emulator, fault: str) -> None:
    row = record(emulator, f"{fault},200")
    first, second = row["attempts"]
    assert (first["status"], first["error"], first["detail"], first["response"]) == (None, fault, "as scripted", "")
    assert (second["status"], second["error"], row["status"]) == (200, None, "delivered")
    assert second["started"] - first["finished"] == 1
    assert second["reason"].startswith("attempt 1: the receiver ")
    assert ATTEMPT_ERRORS[fault] in second["reason"]  # type: ignore[index]


@pytest.mark.parametrize(("fault", "arrives"), ARRIVES.items())
def test_attempts_that_never_arrive_are_not_in_the_inbox(emulator: Emulator, fault: str, arrives: bool) -> None:
    record(emulator, f"{fault},200")
    rows = emulator.control("inbox")["rows"]
    assert [row["answered"] for row in rows] == ([fault, "200"] if arrives else ["200"])
    assert [row["attempt"] for row in rows] == ([1, 2] if arrives else [2])


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("tiemout", "did you mean 'timeout'?"),
        ("timeouts", "did you mean 'timeout'?"),
        ("refuse", "did you mean 'refused'?"),
        ("TIMEOUT", "known: timeout"),
        ("99", "known: timeout"),
        ("600", "known: timeout"),
        ("20", "known: timeout"),
        ("2000", "known: timeout"),
        ("-200", "known: timeout"),
        ("drip", "known: timeout"),
    ],
)
def test_an_unknown_word_answers_404_with_a_suggestion(emulator: Emulator, word: str, hint: str) -> None:
    row = record(emulator, f"{word},200")
    first, second = row["attempts"]
    assert (first["status"], second["status"]) == (404, 200)
    assert repr(word) in first["response"]
    assert hint in first["response"]
    assert emulator.control("inbox")["rows"][0]["answered"] == first["response"]


UNKNOWN = "'tiemout' is not a known word of a sink's script (a status, or a fault); did you mean 'timeout'?"


def test_an_unknown_word_is_told_in_the_record_the_explanation_and_the_log(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    task = emulator.create(callback_url=f"{SINK}/500,tiemout,200")
    emulator.advance("2m")
    (row,) = deliveries(emulator)
    assert [attempt["detail"] for attempt in row["attempts"]] == [f"word 2 of the script: {UNKNOWN}", UNKNOWN, None]
    story = str(emulator.control(f"tasks/{task}/explain"))
    assert f"answered 404 ({UNKNOWN})" in story.replace('\\"', '"').replace("\\'", "'")
    warned = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert [UNKNOWN in line for line in warned] == [True, True]
    assert warned[1].startswith(
        f"callback 1 of {task} to {SINK} queued: attempt 2 of 4: the receiver at {SINK} answered 404"
    )


def test_an_unknown_word_that_no_attempt_reaches_is_told_too(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    row = record(emulator, "200,tiemout")
    assert row["status"] == "delivered"
    assert row["attempts"][0]["detail"] == f"word 2 of the script: {UNKNOWN}"
    assert UNKNOWN in caplog.text


@pytest.mark.parametrize("script", ["200", "500,timeout,200", "", "refused,404"])
def test_known_words_are_no_warning(emulator: Emulator, caplog: pytest.LogCaptureFixture, script: str) -> None:
    row = record(emulator, script)
    assert {attempt["detail"] for attempt in row["attempts"]} <= {None, "as scripted"}
    assert "not a known" not in caplog.text


@pytest.mark.parametrize(("script", "code"), [("200,tiemout", 1), ("tiemout", 1), ("200,timeout", 0)])
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_doctor_says_which_word_is_not_known(script: str, code: int, dry: tuple[str, ...]) -> None:
    ended, found = doctor(f"{SINK}/{script}", *dry)
    assert ended == code
    assert found["production"]["accepts"]
    assert (UNKNOWN in found["here"]["says"]) is bool(code)


def test_each_delivery_has_its_own_position_in_a_script(emulator: Emulator) -> None:
    url = f"{SINK}/500,503,200"
    early = emulator.create(callback_url=url)
    emulator.advance("500ms")
    late = emulator.create(callback_url=url)
    emulator.advance("2m")
    by_task = {row["task"]: row for row in deliveries(emulator)}
    for task in (early, late):
        assert [attempt["status"] for attempt in by_task[task]["attempts"]] == [500, 503, 200]
    rows = emulator.control("inbox")["rows"]
    assert [(row["task"], row["attempt"]) for row in rows] == [
        (task, attempt) for attempt in (1, 2, 3) for task in (early, late)
    ]
    assert [row["at"] - ENDS for row in rows] == [0, 0.5, 1, 1.5, 3, 3.5]


def test_a_replay_starts_the_script_anew(emulator: Emulator) -> None:
    emulator.create("delivery=duplicate", callback_url=f"{SINK}/500,200")
    emulator.advance("2m")
    emulator.control("deliveries/1/replay", {})
    emulator.advance("2m")
    rows = deliveries(emulator)
    assert [row["origin"] for row in rows] == ["ended", "duplicate", "replay"]
    assert [[attempt["status"] for attempt in row["attempts"]] for row in rows] == [[500, 200]] * 3


def test_the_inbox_keeps_as_many_rows_as_the_journal() -> None:
    with Emulator.in_process(journal_limit=3) as emulator:
        for _ in range(2):
            emulator.create(callback_url=f"{SINK}/500")
        emulator.advance("2m")
        inbox = emulator.control("inbox")
    assert ([row["number"] for row in inbox["rows"]], inbox["last"]) == ([6, 7, 8], 8)


@pytest.mark.parametrize("url", ["https://SINK.MOCK/204", "https://sink.mock:443/204", "https://sink.mock:8443/204"])
def test_any_spelling_of_the_host_is_the_sink(emulator: Emulator, url: str) -> None:
    emulator.create(callback_url=url)
    emulator.advance("10s")
    assert deliveries(emulator)[0]["attempts"][0]["status"] == 204
    assert emulator.control("inbox")["rows"][0]["answered"] == "204"


def test_routes_do_not_apply_to_the_sink() -> None:
    routes = {"https://sink.mock": "http://127.0.0.1:1"}
    with Emulator.in_process(callback_route=routes, forward_to="http://127.0.0.1:1") as emulator:
        emulator.create(callback_url=f"{SINK}/200")
        emulator.advance("10s")
        assert deliveries(emulator)[0]["status"] == "delivered"
