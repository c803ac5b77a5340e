"""/__mock/fidelity names the basis and source of each behaviour."""

from evolink_contracts.spec.errors import ERRORS, FAILURES
from evolink_contracts.spec.sources import CONFLICTS, SOURCES
from tests.support.emulator import Emulator

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
