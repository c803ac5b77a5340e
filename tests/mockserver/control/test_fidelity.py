"""/__mock/fidelity names the basis and source of each behaviour."""

import gzip

import pytest

from evolink_contracts.spec.errors import ERRORS, FAILURES
from evolink_contracts.spec.sources import CONFLICTS, SOURCES
from evolink_mock import Settings
from evolink_mock.delivery.http_connection import REST_SECONDS
from evolink_mock.delivery.response_reader import MAX_HEAD, MAX_REST
from tests.support.emulator import DOCUMENTED, MODEL, Emulator

BASES = {"documented", "recorded", "vendor client", "third party", "inferred"}


def test_every_row_names_a_basis_and_a_known_source(emulator: Emulator) -> None:
    report = emulator.client.get("/__mock/fidelity").json()
    rows = [row for part in report if part not in ("sources", "emulator") for row in report[part]]
    assert all(row["basis"] in BASES for row in rows + report["emulator"])
    assert all(row["source"] in SOURCES for row in rows if "source" in row)
    assert len(report["errors"]) == len(ERRORS)
    assert len(report["task_failures"]) == len(FAILURES) == 13


def test_every_open_question_shows_its_readings_and_the_one_in_force() -> None:
    with Emulator.in_process(cancelled_as="cancelled") as emulator:
        choices = emulator.client.get("/__mock/fidelity").json()["choices"]
    assert {row["setting"] for row in choices} == set(CONFLICTS)
    in_force = {row["setting"]: row["in_force"] for row in choices}
    assert in_force["cancelled_as"] == "cancelled"
    assert in_force["cancel_route"] is False


def test_fields_that_are_not_observable_are_marked(emulator: Emulator) -> None:
    fields = emulator.client.get("/__mock/fidelity").json()["fields"]
    hidden = {row["field"] for row in fields if not row["observable"]}
    assert hidden == {"prompt_extend", "model_params.shot_type", "aspect_ratio"}


def behaviours(emulator: Emulator) -> dict[str, str]:
    return {row["subject"]: row["behaviour"] for row in emulator.control("fidelity")["emulator"]}


def test_the_rows_about_http_are_what_the_emulator_does(emulator: Emulator) -> None:
    said = behaviours(emulator)
    assert f"{Settings().keep_alive} unless set" in said["idle connections"]
    scenario = [(b"x-mock-scenario", "fail=service_error; message=\u00e9".encode()), (b"authorization", b"Bearer sk-f")]
    task = emulator.client.post("/v1/videos/generations", headers=scenario, json=DOCUMENTED).json()["id"]
    other = emulator.as_key("sk-f")
    other.advance("20s")
    assert other.query(task).json()["error"]["message"] == "\u00e9"
    assert "UTF-8" in said["header values"]
    refused = emulator.post_raw(gzip.compress(b"{}"))
    assert (refused.status_code, "compressed with gzip" in refused.text) == (400, True)
    assert "compressed" in said["encoded request bodies"]
    batch = emulator.request("POST", "/v1/tasks/batch", json={"ids": ["a"]})
    assert batch.status_code == 404
    assert said["POST /v1/tasks/batch"].startswith("404")
    head, rest = MAX_HEAD // 1024, MAX_REST // 1024
    assert f"{head} KiB of head and {rest} KiB of body" in said["callback answers"]
    assert f"{REST_SECONDS:g} s after the status line" in said["callback answers"]


def test_prices_are_recorded(emulator: Emulator) -> None:
    report = emulator.control("fidelity")
    assert {(row["basis"], row["source"]) for row in report["prices"]} == {("recorded", "S11")}
    flash = next(row for row in report["prices"] if row["model"] == MODEL)
    assert (flash["minimum"], flash["silent_factor"]) == (6, 0.5)


@pytest.mark.parametrize(
    ("setting", "default", "other", "source"),
    [
        ("cors", "any", "off", "S10"),
        ("user_agent", "any", "strict", "S14"),
        ("progress", "linear", "lingers_at_95", "S14"),
        ("body_profile", "documented", "recorded", "S12"),
    ],
)
def test_what_was_seen_live_is_a_reading_with_its_source(
    emulator: Emulator, setting: str, default: str, other: str, source: str
) -> None:
    row = next(row for row in emulator.control("fidelity")["choices"] if row["setting"] == setting)
    assert (row["default"], row["in_force"]) == (default, default)
    assert {reading["value"]: reading["source"] for reading in row["readings"]}[other] == source


def test_progress_is_an_open_question_and_no_row_beside_it(emulator: Emulator) -> None:
    assert "progress" not in behaviours(emulator)
