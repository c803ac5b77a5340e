"""The contract as pytest tests: `pytest --evolink-base-url URL` adds one for each promise; `target` is for your own."""

import os
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from evolink_contracts.runner import Report
    from evolink_contracts.target import Target


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("evolink", "EvoLink contract")
    group.addoption("--evolink-base-url", metavar="URL", help="the service that is judged, promise by promise")
    group.addoption("--evolink-api-key", metavar="KEY", help="its API key; or else EVOLINK_API_KEY")
    group.addoption(
        "--evolink-profile",
        choices=["emulator", "live-safe"],
        default="emulator",
        help="live-safe sends nothing that costs credits",
    )


def _opened(config: pytest.Config) -> "Target":
    # Imported where it is asked for, since this module is loaded by every run of pytest.
    from evolink_contracts.carriers import Network
    from evolink_contracts.profiles import opened
    from evolink_contracts.target import Unusable

    key = config.getoption("--evolink-api-key") or os.environ.get("EVOLINK_API_KEY")
    if not key:
        raise pytest.UsageError("--evolink-base-url needs --evolink-api-key, or EVOLINK_API_KEY")
    profile = config.getoption("--evolink-profile")
    # Workers of xdist have worlds of their own, where there are such.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "") if profile == "emulator" else ""
    token = os.environ.get("EVOLINK_MOCK_CONTROL_TOKEN", "")
    try:
        return opened(profile, Network(config.getoption("--evolink-base-url")), f"{key}{worker}", token=token)
    except Unusable as error:
        raise pytest.UsageError(f"--evolink-base-url: {error}") from None


@pytest.fixture
def target(pytestconfig: pytest.Config) -> "Iterator[Target]":
    """The service of --evolink-base-url, for tests of your own; skipped where none is given."""
    if not pytestconfig.getoption("--evolink-base-url"):
        pytest.skip("give --evolink-base-url")
    with _opened(pytestconfig) as opened:
        yield opened


class _Run:
    """One run for all promises of a session, made when the first is asked for."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @cached_property
    def report(self) -> "Report":
        from evolink_contracts.probes import played
        from evolink_contracts.runner import run

        with _opened(self._config) as target:
            return run(target, probes=played(self._config.getoption("--evolink-profile")))


class Broken(Exception):
    """A promise was broken; shown with its shortest example."""


class PromiseItem(pytest.Item):
    """A promise as a test: passed where it held, failed where it was broken, skipped where nothing showed it."""

    def __init__(self, *, promise: Any, run: _Run, **given: Any) -> None:
        super().__init__(**given)
        self._promise = promise
        self._run = run

    def runtest(self) -> None:
        from evolink_contracts.reports import example_of

        judgement = next(j for j in self._run.report.judgements if j.invariant.number == self._promise.number)
        if judgement.verdict == "not seen":
            pytest.skip("nothing showed whether it holds")
        if judgement.breaches:
            raise Broken("\n".join(example_of(judgement.shortest, self.config.getoption("--evolink-base-url"))))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, Broken):
            return f"{self._promise.number} {self._promise.statement}\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, None, str]:
        return "evolink contract", None, self.name


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--evolink-base-url"):
        from evolink_contracts.invariants import invariants

        run = _Run(config)
        items += [
            PromiseItem.from_parent(session, name=f"{promise.number} {promise.name}", promise=promise, run=run)
            for promise in invariants().values()
        ]
