"""Everything that can be asked to go wrong, as each client sees it over a real socket: a value, or the right error."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from evolink_client import (
    ConnectionFailed,
    EvolinkError,
    Polling,
    Retries,
    ServerError,
    TaskCancelled,
    TaskFailed,
    UnexpectedAnswer,
    WaitTimedOut,
)
from evolink_client._errors import error_class
from evolink_contracts.spec.errors import ERRORS, FAILURES
from evolink_mock.scenarios.language import OPERATIONS, WORDS
from evolink_mock.scenarios.wire_faults import WIRE_FAULTS
from tests.support.client_drivers import SHELLS, driven
from tests.support.emulator import Emulator
from tests.support.server_process import Server

IMAGE = "https://example.com/cat.png"
NUMBERS = itertools.count()
QUICK: dict[str, Any] = {"retries": Retries(attempts=2), "polling": Polling(first=0.01)}


class Expected(NamedTuple):
    """What a scenario leads to: an error and its code, or a value."""

    error: type[EvolinkError] | None = None
    code: str | None = None


WIRE: dict[str, Expected] = {
    "reset_before": Expected(ConnectionFailed),
    "reset_midway": Expected(ConnectionFailed),
    "empty": Expected(ConnectionFailed),
    "truncated_json": Expected(UnexpectedAnswer),
    "html_502": Expected(ServerError),
    "drip": Expected(),
    "garbage_after": Expected(),
    "commit_then_drop": Expected(ConnectionFailed),
}
ANSWERS: dict[str, Expected] = {
    **{f"{word}={fault}": WIRE[fault] for word in OPERATIONS for fault in WIRE_FAULTS if fault in WORDS[word].values},
    **{
        f"{operation}={condition}": Expected(error_class(row.status), str(row.code))
        for (operation, condition), row in ERRORS.items()
        if operation in OPERATIONS and condition in WORDS[operation].values
    },
}
ENDS: dict[str, Expected] = {
    **{f"fail={code}": Expected(TaskFailed, code) for code in FAILURES if code != "request_cancelled"},
    "fail=request_cancelled": Expected(TaskCancelled, "request_cancelled"),
    "fail=upstream:Throttling.RateQuota": Expected(TaskFailed, "Throttling.RateQuota"),
    "fail=service_error; message=no luck": Expected(TaskFailed, "service_error"),
    "cancel=failed": Expected(TaskCancelled, "request_cancelled"),
    "cancel=cancelled": Expected(TaskCancelled, "request_cancelled"),
    "stuck=pending": Expected(WaitTimedOut),
    "stuck=99": Expected(WaitTimedOut),
    **dict.fromkeys(
        [
            "ok",
            "slow_start=60s",
            "slow_finish=60s",
            "polls=3",
            "actual_duration=3s",
            "flap=1",
            "query=rate_limited; times=1; retry_after=1",
            "create_latency=1s; query_latency=lognormal:1s:0.5; credits_latency=1s-2s",
            "delivery=lost",
        ],
        Expected(),
    ),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--clock", "auto") as server:
        yield server


@pytest.fixture
def emulator(server: Server) -> Iterator[Emulator]:
    """With a key of its own, that is a world of its own."""
    with httpx.Client(base_url=server.url) as client:
        yield Emulator(client, f"sk-{next(NUMBERS)}")


def by_each(scenarios: Iterable[str]) -> list[Any]:
    """Every scenario with every shell; in `make test` each with one of them, in turn."""
    return [
        pytest.param(scenario, shell, marks=[] if place % len(SHELLS) == turn else pytest.mark.slow)
        for place, scenario in enumerate(scenarios)
        for turn, shell in enumerate(SHELLS)
    ]


def given(scenario: str) -> str:
    return f"{scenario}; drip_time=1ms" if scenario.endswith("=drip") else scenario


def matches(expected: Expected, error: EvolinkError | None) -> bool:
    if error is None or expected.error is None:
        return error is None and expected.error is None
    return type(error) is expected.error and (expected.code is None or getattr(error, "code", None) == expected.code)


def test_the_catalogue_is_whole() -> None:
    asked = {(word, value) for word in OPERATIONS for value in WORDS[word].values}
    assert {tuple(scenario.split("=")) for scenario in ANSWERS} >= asked
    said = " ".join(ENDS)
    for word, row in WORDS.items():
        if row.of_task:
            assert f"{word}=" in said


@pytest.mark.parametrize(("scenario", "shell"), by_each(ANSWERS))
def test_each_answer_is_the_value_or_the_error_that_it_should_be(
    server: Server, emulator: Emulator, shell: str, scenario: str
) -> None:
    operation = scenario.partition("=")[0]
    before = emulator.create()
    emulator.control("scenarios/default", {"scenario": given(scenario)})
    error: EvolinkError | None = None
    with driven(shell, emulator.key, server.url, retry_creates=True, **QUICK) as do:
        try:
            match operation:
                case "create":
                    value = do(lambda client: client.videos.create("A cat", IMAGE))
                    assert value.status == "pending"
                case "query":
                    assert do(lambda client: client.tasks.get(before)).id == before
                case _:
                    assert do(lambda client: client.credits()).token.unlimited
        except EvolinkError as caught:
            error = caught
    assert matches(ANSWERS[scenario], error), repr(error)
    if operation == "create":
        expects_a_task = (
            WIRE_FAULTS[fault].executes_operation if (fault := scenario.partition("=")[2]) in WIRE_FAULTS else False
        )
        assert len(emulator.control("tasks")["tasks"]) == 1 + expects_a_task


@pytest.mark.parametrize(("scenario", "shell"), by_each(ENDS))
def test_each_end_is_a_video_or_the_error_that_it_should_be(
    server: Server, emulator: Emulator, shell: str, scenario: str
) -> None:
    emulator.control("scenarios", {"scenario": scenario})
    timeout = 0.02 if scenario.startswith("stuck") else 60.0
    error: EvolinkError | None = None

    def seen(state: Any) -> None:
        states.append((state.progress, state.status))

    states: list[tuple[int, str]] = []
    with driven(shell, emulator.key, server.url, **QUICK) as do:
        task = do(lambda client: client.videos.create("A cat", IMAGE, duration=5))
        try:
            video = do(lambda client: client.tasks.wait(task.id, timeout, seen))
            assert video.task.results == (video.url,)
        except EvolinkError as caught:
            error = caught
    assert matches(ENDS[scenario], error), repr(error)
    on_the_way = [progress for progress, status in states if status not in ("failed", "cancelled")]
    assert on_the_way == sorted(on_the_way)
    if isinstance(error, TaskFailed):
        assert error.retryable == (error.code in FAILURES and FAILURES[error.code].retryable)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("scenario", [f"create={fault}; times=1" for fault in WIRE_FAULTS if fault != "drip"])
def test_a_create_that_is_sent_again_makes_one_task_and_one_charge(
    server: Server, emulator: Emulator, shell: str, scenario: str
) -> None:
    emulator.control("scenarios", {"scenario": scenario})
    with driven(shell, emulator.key, server.url, retry_creates=True, **QUICK) as do:
        try:
            do(lambda client: client.videos.create("A cat", IMAGE, duration=5))
        except UnexpectedAnswer:
            # Half of an answer came with a 200: the task is there, and the key finds it.
            assert "truncated" in scenario
    assert len(emulator.control("tasks")["tasks"]) == 1
    (world,) = emulator.control("worlds")["worlds"]
    assert world["credits"]["reserved"] + world["credits"]["spent"] == 11.9
