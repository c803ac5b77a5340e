"""Mutation test: each mutant of the emulator is caught by the promise that it breaks, the unmodified one by none."""

import pytest

from evolink_contracts.promises.registry import BY_NUMBER
from evolink_contracts.runs.selftest import EmulatorProvider, find_provider, try_emulator
from evolink_mock.testing.mutants import EMULATORS as PROVIDED

EMULATORS = find_provider()
ONE_OF_A_KIND = (
    "prompt_1501",
    "own_types",
    "revival",
    "redirect_is_fine",
    "gap_3",
    "no_refund",
    "leak",
)
"""For `make test`; the rest is for `make test-all`."""
ALL = [
    pytest.param(mutant, id=mutant.name, marks=[] if mutant.name in ONE_OF_A_KIND else pytest.mark.slow)
    for mutant in EMULATORS.mutants
]


def test_the_emulator_s_provider_is_found_and_keeps_the_protocol() -> None:
    provider: EmulatorProvider = PROVIDED
    assert find_provider() is provider


def test_the_unmodified_emulator_keeps_every_promise_and_shows_it() -> None:
    trial = try_emulator(EMULATORS, None)
    assert (trial.caught_by, trial.not_covered) == ((), ())


def test_every_promise_has_a_mutant_that_breaks_it() -> None:
    assert {mutant.breaks for mutant in EMULATORS.mutants} == BY_NUMBER.keys()
    assert len({mutant.name for mutant in EMULATORS.mutants}) == len(EMULATORS.mutants) >= 40


@pytest.mark.parametrize("mutant", ALL)
def test_a_mutant_is_caught_by_the_promise_that_it_breaks(mutant: object) -> None:
    trial = try_emulator(EMULATORS, mutant)  # type: ignore[arg-type]  # pytest.param hides the type.
    assert trial.passed, trial.caught_by
