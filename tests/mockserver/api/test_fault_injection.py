"""An answer is replaced for so many requests or so long, and a 429 says when to come again."""

import pytest

from evolink_contracts.spec.errors import ERRORS
from tests.support.emulator import DOCUMENTED, Emulator


def answers(emulator: Emulator, scenario: str, times: int, wait: str = "0s") -> list[tuple[int, str | None]]:
    """Status and Retry-After of so many creates with a scenario."""
    found = []
    for _ in range(times):
        answer = emulator.post(DOCUMENTED, {"X-Mock-Scenario": scenario})
        found.append((answer.status_code, answer.headers.get("retry-after")))
        emulator.advance(wait)
    return found


def test_for_so_many_requests(emulator: Emulator) -> None:
    assert answers(emulator, "create=rate_limited; times=2", 4) == [(429, "1"), (429, "1"), (200, None), (200, None)]
    assert answers(emulator, "create=rate_limited; times=1", 2) == [(429, "1"), (200, None)]


def test_for_so_long_on_the_clock_from_the_first_time(emulator: Emulator) -> None:
    emulator.advance("5s")
    found = answers(emulator, "create=rate_limited; for=30s", 5, "7.5s")
    assert found == [(429, "30"), (429, "23"), (429, "15"), (429, "8"), (200, None)]


def test_whichever_is_over_first(emulator: Emulator) -> None:
    assert answers(emulator, "create=rate_limited; for=10s; times=3", 3, "6s") == [(429, "10"), (429, "4"), (200, None)]
    assert answers(emulator, "create=rate_limited; for=100s; times=1", 2) == [(429, "100"), (200, None)]


def test_for_ever_where_nothing_is_said(emulator: Emulator) -> None:
    assert answers(emulator, "create=rate_limited", 5, "1d") == [(429, "1")] * 5


@pytest.mark.parametrize(
    ("given", "shown"), [("retry_after=7", "7"), ("retry_after=0", None), ("retry_after=7; for=3s", "7")]
)
def test_what_retry_after_says_may_be_chosen(emulator: Emulator, given: str, shown: str | None) -> None:
    assert answers(emulator, f"create=rate_limited; {given}", 1) == [(429, shown)]


def test_another_status_may_say_when_to_come_again_too(emulator: Emulator) -> None:
    assert answers(emulator, "create=internal_error", 1) == [(500, None)]
    assert answers(emulator, "create=service_unavailable; retry_after=30", 1) == [(503, "30")]


def test_each_text_counts_for_itself_and_each_key_too(emulator: Emulator) -> None:
    other = emulator.as_key("sk-other")
    for scenario in ("create=rate_limited; times=1", "create=internal_error; times=1"):
        assert answers(emulator, scenario, 2)[1] == (200, None)
        assert answers(other, scenario, 2)[1] == (200, None)
    emulator.control("worlds", {"reset": True})
    assert answers(emulator, "create=rate_limited; times=1", 1) == [(429, "1")]


def test_what_a_scenario_says_of_the_task_holds_when_its_answers_are_over(emulator: Emulator) -> None:
    scenario = "create=rate_limited; times=1; fail=service_error"
    assert answers(emulator, scenario, 1) == [(429, "1")]
    task = emulator.create(scenario)
    emulator.advance("10s")
    assert emulator.query(task).json()["error"]["code"] == "service_error"


@pytest.mark.parametrize(("operation", "condition"), [key for key in ERRORS if key[0] in ("create", "query")])
def test_an_injected_error_is_the_documented_one_whatever_is_asked(
    emulator: Emulator, operation: str, condition: str
) -> None:
    """After authentication, before validation: it makes nothing, and needs no request that makes sense."""
    row = ERRORS[operation, condition]  # type: ignore[index]
    header = {"X-Mock-Scenario": f"{operation}={condition}"}
    if operation == "create":
        tried = [
            emulator.post(DOCUMENTED, header),
            emulator.post({"model": DOCUMENTED["model"], "duration": 99}, header),
        ]
    else:
        tried = [emulator.query(emulator.create(), header), emulator.query("task-unified-0-unknown0", header)]
    for answer in tried:
        assert answer.status_code == row.status
        assert answer.json() == row.body(row.message.replace("{model}", DOCUMENTED["model"]))
    assert len(emulator.control("tasks")["tasks"]) == (operation == "query")
    strange = emulator.as_key("sk-invalid")
    refused = strange.post(DOCUMENTED, header) if operation == "create" else strange.query("task-unified-0-x", header)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthorized")
