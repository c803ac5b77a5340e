"""A mutant changes its own emulator, and nothing else of the process."""

import logging

import httpx
import pytest

from evolink_contracts.runs.selftest import find_provider, try_emulator
from evolink_mock.testing.mutants import EMULATORS, MUTANTS


@pytest.mark.parametrize("name", [mutant.name for mutant in MUTANTS])
def test_httpx_is_untouched_while_a_mutant_is_in_place(name: str) -> None:
    with EMULATORS.made(name, {}):
        assert isinstance(httpx.Request("GET", "https://app.example.com"), httpx.Request)


def test_callbacks_that_a_probe_refuses_are_logged_by_no_emulator_of_the_kit(caplog: pytest.LogCaptureFixture) -> None:
    assert try_emulator(find_provider(), None).passed
    assert caplog.messages == []
    with EMULATORS.made(None, {}), EMULATORS.made("leak", {}):
        pass
    logging.getLogger("evolink_mock").warning("of another emulator")
    assert caplog.messages == ["of another emulator"]
