"""Fixtures for every test."""

import os
import signal
import ssl
from collections.abc import Iterator
from functools import cache
from typing import Any
from unittest.mock import patch

import certifi
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.support.emulator import Emulator

hypothesis_settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
hypothesis_settings.load_profile("suite")

# Background jobs of scripts ignore these signals, and so would every process that the tests interrupt.
for each in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(each) is signal.SIG_IGN:
        signal.signal(each, signal.SIG_DFL if each == signal.SIGHUP else signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _one_list_of_authorities() -> Iterator[None]:
    """All clients of httpx share a TLS context: to read the public authorities takes 60 ms, and each would do it."""
    fresh, shared = ssl.create_default_context, cache(ssl.create_default_context)
    # Where httpx finds them.
    public = {"cafile": os.environ.get("SSL_CERT_FILE") or certifi.where()}

    def create(*given: Any, **named: Any) -> ssl.SSLContext:
        return shared(**public) if not given and named == public else fresh(*given, **named)

    with patch("ssl.create_default_context", create):
        yield


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An empty emulator in this process, on a manual clock, whose videos take 10 s."""
    with Emulator.in_process() as emulator:
        yield emulator
