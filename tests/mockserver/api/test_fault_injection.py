"""Fault injection: a scenario replaces responses for a number of requests or a time, and a 429 has Retry-After."""

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


def test_times_limits_the_number_of_requests(emulator: Emulator) -> None:
    assert answers(emulator, "create=rate_limited; times=2", 4) == [(429, "1"), (429, "1"), (200, None), (200, None)]
    assert answers(emulator, "create=rate_limited; times=1", 2) == [(429, "1"), (200, None)]


def test_for_limits_the_duration_from_the_first_request(emulator: Emulator) -> None:
    emulator.advance("5s")
    found = answers(emulator, "create=rate_limited; for=30s", 5, "7.5s")
    assert found == [(429, "30"), (429, "23"), (429, "15"), (429, "8"), (200, None)]


def test_the_limit_that_is_reached_first_ends_the_fault(emulator: Emulator) -> None:
    assert answers(emulator, "create=rate_limited; for=10s; times=3", 3, "6s") == [(429, "10"), (429, "4"), (200, None)]
    assert answers(emulator, "create=rate_limited; for=100s; times=1", 2) == [(429, "100"), (200, None)]


def test_a_fault_without_limits_lasts(emulator: Emulator) -> None:
    assert answers(emulator, "create=rate_limited", 5, "1d") == [(429, "1")] * 5


@pytest.mark.parametrize(
    ("given", "shown"), [("retry_after=7", "7"), ("retry_after=0", None), ("retry_after=7; for=3s", "7")]
)
def test_retry_after_can_be_set(emulator: Emulator, given: str, shown: str | None) -> None:
    assert answers(emulator, f"create=rate_limited; {given}", 1) == [(429, shown)]


def test_retry_after_can_be_set_for_other_statuses(emulator: Emulator) -> None:
    assert answers(emulator, "create=internal_error", 1) == [(500, None)]
    assert answers(emulator, "create=service_unavailable; retry_after=30", 1) == [(503, "30")]


def test_each_scenario_and_each_key_has_its_own_count(emulator: Emulator) -> None:
    other = emulator.as_key("sk-other")
    for scenario in ("create=rate_limited; times=1", "create=internal_error; times=1"):
        assert answers(emulator, scenario, 2)[1] == (200, None)
        assert answers(other, scenario, 2)[1] == (200, None)
    emulator.control("worlds", {"reset": True})
    assert answers(emulator, "create=rate_limited; times=1", 1) == [(429, "1")]


def test_the_task_part_of_a_scenario_applies_after_its_limit(emulator: Emulator) -> None:
    scenario = "create=rate_limited; times=1; fail=service_error"
    assert answers(emulator, scenario, 1) == [(429, "1")]
    task = emulator.create(scenario)
    emulator.advance("10s")
    assert emulator.query(task).json()["error"]["code"] == "service_error"


@pytest.mark.parametrize(("operation", "condition"), [key for key in ERRORS if key[0] in ("create", "query")])
def test_an_injected_error_is_the_documented_one_for_any_request(
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
