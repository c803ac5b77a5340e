"""Each delivery fault makes the deliveries that its name says, for any random number."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_contracts.spec.timing import EVOLINK_CALLBACKS
from evolink_mock.core.delivery import Origin, ReleaseCondition, Stage, attempt_reason, delivery_summary
from evolink_mock.core.duration import Micros
from evolink_mock.scenarios.delivery_faults import DELIVERY_FAULTS, initial_deliveries

UNITS = st.floats(0, 1, exclude_max=True)
ENDS = st.integers(0, 4_102_444_800_000_000)
LUCKIEST = 1 - 2**-53


class Row(NamedTuple):
    """A delivery as a scenario makes it; seconds from the task's end, between which it falls due."""

    origin: Origin
    stage: Stage
    between: tuple[int, int] | None
    hold: ReleaseCondition = ""


MADE: dict[str | None, list[Row]] = {
    None: [Row("ended", "queued", (0, 0))],
    "duplicate": [Row("ended", "queued", (0, 0)), Row("duplicate", "queued", (0, 2))],
    "out_of_order": [Row("ended", "queued", (30, 30), "next")],
    "before_create": [Row("ended", "queued", (0, 0))],
    "racing_poll": [Row("ended", "queued", (30, 30), "read")],
    "lost": [Row("ended", "lost", None)],
    "very_late": [Row("ended", "queued", (600, 3600))],
}


def delays(scenario: str | None, unit: float) -> list[Micros]:
    return [made.due for made in initial_deliveries("task", scenario, 0, unit) if made.due is not None]


def test_the_table_here_has_every_delivery_fault() -> None:
    assert {scenario for scenario in MADE if scenario} == set(DELIVERY_FAULTS)


@pytest.mark.parametrize("scenario", MADE, ids=str)
@given(unit=UNITS, ended=ENDS)
def test_a_fault_makes_its_deliveries_within_its_delays(scenario: str | None, unit: float, ended: Micros) -> None:
    made = initial_deliveries("task-unified-1-a", scenario, ended, unit)
    assert [
        Row(delivery.origin, delivery.stage, row.between, delivery.hold)
        for delivery, row in zip(made, MADE[scenario], strict=True)
    ] == MADE[scenario]
    for delivery, row in zip(made, MADE[scenario], strict=True):
        assert (delivery.task, delivery.queued, delivery.attempts) == ("task-unified-1-a", ended, ())
        assert (delivery.body, delivery.of, delivery.started) == (None, None, None)
        assert (delivery.due is None) == (row.between is None)
        if row.between is not None and delivery.due is not None:
            low, high = row.between
            assert ended + low * 1_000_000 <= delivery.due <= ended + high * 1_000_000


@pytest.mark.parametrize("scenario", MADE, ids=str)
@given(unit=UNITS, ended=ENDS)
def test_the_same_random_number_makes_the_same_deliveries(scenario: str | None, unit: float, ended: Micros) -> None:
    assert initial_deliveries("task", scenario, ended, unit) == initial_deliveries("task", scenario, ended, unit)


@pytest.mark.parametrize(("scenario", "low", "high"), [("duplicate", 0, 2), ("very_late", 600, 3600)])
def test_random_numbers_reach_both_ends_of_a_delay(scenario: str, low: int, high: int) -> None:
    assert delays(scenario, 0.0)[-1] == low * 1_000_000
    assert delays(scenario, 0.5)[-1] == (low + high) * 500_000
    assert delays(scenario, LUCKIEST)[-1] == pytest.approx(high * 1_000_000, abs=1)


@given(UNITS, UNITS)
def test_a_larger_random_number_never_means_an_earlier_callback(one: float, other: float) -> None:
    for scenario in MADE:
        assert delays(scenario, min(one, other)) <= delays(scenario, max(one, other))


@pytest.mark.parametrize("scenario", sorted(DELIVERY_FAULTS))
def test_a_delivery_names_its_fault_and_describes_it(scenario: str) -> None:
    for delivery in initial_deliveries("task", scenario, 0, 0.5):
        assert f"delivery={scenario}" in delivery.note
        assert DELIVERY_FAULTS[scenario].summary in delivery.note
        shown = delivery_summary(delivery, EVOLINK_CALLBACKS)
        assert delivery.note in shown
        assert delivery.stage == "lost" or delivery.note in attempt_reason(delivery, 1, EVOLINK_CALLBACKS)


def test_a_task_without_a_scenario_has_a_delivery_without_a_note() -> None:
    assert [delivery.note for delivery in initial_deliveries("task", None, 0, 0.5)] == [""]


def test_only_before_create_ends_its_task_at_once() -> None:
    assert [scenario for scenario, chaos in DELIVERY_FAULTS.items() if chaos.completes_immediately] == ["before_create"]
