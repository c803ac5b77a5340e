"""The kit raises no false alarm about a reading of an open question that was seen on the live service."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from evolink_contracts.runs.selftest import try_emulator
from evolink_mock import create_app
from tests.support.emulator import settings


class Chosen:
    """Emulators with some questions answered otherwise; none is a mutant."""

    mutants = ()

    def __init__(self, **choices: Any) -> None:
        self._settings = settings(public_url="http://emulator.test", **choices)

    @contextmanager
    def made(self, name: str | None, receivers: Mapping[str, Any]) -> Iterator[Any]:
        yield create_app(self._settings, receivers=receivers)


@pytest.mark.parametrize("choices", [{"progress": "lingers_at_95"}, {"user_agent": "strict"}], ids=str)
def test_an_emulator_that_does_as_the_service_was_seen_to_keeps_every_promise(choices: dict[str, str]) -> None:
    trial = try_emulator(Chosen(**choices), None)
    assert (trial.caught_by, trial.not_covered) == ((), ())
