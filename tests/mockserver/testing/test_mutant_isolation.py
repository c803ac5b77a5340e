"""A mutant changes its own emulator, and nothing else of the process."""

import httpx
import pytest

from evolink_mock.testing.mutants import EMULATORS, MUTANTS


@pytest.mark.parametrize("name", [mutant.name for mutant in MUTANTS])
def test_httpx_is_untouched_while_a_mutant_is_in_place(name: str) -> None:
    with EMULATORS.made(name, {}):
        assert isinstance(httpx.Request("GET", "https://app.example.com"), httpx.Request)
