"""Fixtures for every test."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.support.emulator import Emulator

hypothesis_settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
hypothesis_settings.load_profile("suite")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An empty emulator in this process, on a manual clock, whose videos take 10 s."""
    with Emulator.in_process() as emulator:
        yield emulator
