"""Pytest plugin: `pytest --evolink-base-url URL` adds a test for each promise, and the fixture `target`."""

import os
from argparse import ArgumentTypeError
from collections.abc import Iterator
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from evolink_contracts.runs.runner import Report
    from evolink_contracts.target.budget import Budget
    from evolink_contracts.target.target import Target

_RUN = pytest.StashKey["_Run"]()


def _from_0(text: str) -> float:
    number = float(text)
    if not (isfinite(number) and number >= 0):
        raise ArgumentTypeError(f"{text} is no finite number from 0 on")
    return number


def _above_0(text: str) -> float:
    number = float(text)
    if not (isfinite(number) and number > 0):
        raise ArgumentTypeError(f"{text} is no finite number above 0")
    return number


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("evolink", "EvoLink contract; see evolink-contracts run --help")
    add = group.addoption
    add("--evolink-base-url", metavar="URL", help="base URL of the service to judge")
    add("--evolink-api-key", metavar="KEY", help="API key of the service, or EVOLINK_API_KEY")
    add(
        "--evolink-profile",
        choices=["emulator", "live-safe", "live"],
        default="emulator",
        help="live-safe sends nothing that costs credits; live buys a few videos",
    )
    add(
        "--evolink-max-credits",
        type=_from_0,
        metavar="N",
        help="live: limit of the credits that all tests together may spend",
    )
    add("--evolink-rate", type=_above_0, metavar="N", help="live: highest price of a second of video")
    add("--evolink-tolerance", type=_from_0, metavar="SECONDS", help="permitted deviation of the gaps of callbacks")
    add("--evolink-histories", type=int, default=0, metavar="N", help="also play this number of random histories")
    add("--evolink-seed", type=int, default=0, metavar="N", help="seed of the histories")


class _Run:
    """The run and the budget of a pytest session, made when the first test needs them."""

    def __init__(self, config: pytest.Config) -> None:
        self._option = config.getoption
        # The name of this worker of pytest-xdist, if that is in use.
        self._worker = str(getattr(config, "workerinput", {}).get("workerid", ""))

    def open(self) -> "Target":
        # Imported late, since every run of pytest loads this module.
        from evolink_contracts.reference.errors import ServiceUnusable
        from evolink_contracts.runs.profiles import open_target
        from evolink_contracts.target.target import TargetOptions
        from evolink_contracts.target.transports import HttpTransport

        key = self._option("--evolink-api-key") or os.environ.get("EVOLINK_API_KEY")
        if not key:
            raise pytest.UsageError("--evolink-base-url needs --evolink-api-key, or EVOLINK_API_KEY")
        profile = self._option("--evolink-profile")
        # Each worker has a world of its own in an emulator.
        own = f"{key}{self._worker}" if profile == "emulator" else key
        options = TargetOptions(token=os.environ.get("EVOLINK_MOCK_CONTROL_TOKEN", ""))
        transport = HttpTransport(self._option("--evolink-base-url"))
        try:
            return open_target(profile, transport, own, options, budget=self._budget)
        except ServiceUnusable as error:
            raise pytest.UsageError(f"--evolink-base-url: {error}") from None

    @cached_property
    def _budget(self) -> "Budget | None":
        from evolink_contracts.target.budget import Budget

        limit = self._option("--evolink-max-credits")
        if (self._option("--evolink-profile") == "live") != (limit is not None):
            raise pytest.UsageError("--evolink-profile live needs --evolink-max-credits, and no other profile does")
        if limit is not None and self._worker:
            raise pytest.UsageError("--evolink-profile live is for one process: each worker of xdist would buy its own")
        return None if limit is None else Budget(limit, self._option("--evolink-rate"))

    @cached_property
    def report(self) -> "Report":
        from evolink_contracts.reference.errors import BudgetExceeded
        from evolink_contracts.runs.profiles import plan
        from evolink_contracts.runs.runner import run
        from evolink_contracts.stateful.search import search
        from evolink_contracts.stateful.session import Criteria
        from evolink_contracts.trace.history import TOLERANCE

        count, seed, tolerance = (self._option(f"--evolink-{name}") for name in ("histories", "seed", "tolerance"))
        if count and self._option("--evolink-profile") == "live-safe":
            raise pytest.UsageError("--evolink-profile live-safe plays no histories")
        with self.open() as target:
            try:
                probes, _ = plan(target, self._option("--evolink-profile"), self._budget)
            except BudgetExceeded as error:
                raise pytest.UsageError(f"{error}; nothing was bought") from None
            within = TOLERANCE if tolerance is None else tolerance
            criteria = Criteria(tolerance=within)
            explore = (lambda target: search(target, count, seed, criteria=criteria)) if count else None
            return run(target, probes=probes, tolerance=within, explore=explore)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RUN] = _Run(config)


@pytest.fixture
def target(pytestconfig: pytest.Config) -> "Iterator[Target]":
    """The service of --evolink-base-url, for tests of your own; skipped without one."""
    if not pytestconfig.getoption("--evolink-base-url"):
        pytest.skip("give --evolink-base-url")
    with pytestconfig.stash[_RUN].open() as opened:
        yield opened


class _Item(pytest.Item):
    """A test that shows an error of the kit without a traceback."""

    def __init__(self, *, run: _Run, **given: Any) -> None:
        super().__init__(**given)
        self._run = run

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from evolink_contracts.reference.errors import PromiseBroken, RunUnfinished

        if isinstance(excinfo.value, PromiseBroken | RunUnfinished):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, None, str]:
        return "evolink contract", None, self.name


class PromiseItem(_Item):
    """A promise as a test: passed if it held, failed if it was broken, skipped if it was not seen."""

    def __init__(self, *, promise: Any, **given: Any) -> None:
        super().__init__(**given)
        self._promise = promise

    def runtest(self) -> None:
        from evolink_contracts.reference.errors import PromiseBroken
        from evolink_contracts.reporting.sentences import example_of

        report = self._run.report
        judgement = next(j for j in report.judgements if j.promise.number == self._promise.number)
        if judgement.verdict == "not seen":
            early = f"; the run stopped early: {report.stopped}" if report.stopped else ""
            pytest.skip(f"nothing showed whether it holds{early}")
        if judgement.breaches:
            example = example_of(judgement.shortest, self.config.getoption("--evolink-base-url"))
            raise PromiseBroken("\n".join([f"{self._promise.number} {self._promise.statement}", *example]))


class HistoriesItem(_Item):
    """Random histories as one test, failed by the shortest history that broke a promise."""

    def runtest(self) -> None:
        from evolink_contracts.reference.errors import PromiseBroken, RunUnfinished
        from evolink_contracts.stateful.steps import describe_steps

        report = self._run.report
        if (failure := report.failure) is not None:
            raise PromiseBroken("\n".join([failure.says, *describe_steps(failure.steps)]))
        if report.stopped:
            played = 0 if report.searched is None else report.searched.played
            raise RunUnfinished(f"{played} histories were played before the run stopped: {report.stopped}")


class RunItem(_Item):
    """The run itself as one test, failed if it ended early, since the promises then saw less."""

    def runtest(self) -> None:
        from evolink_contracts.reference.errors import RunUnfinished

        if self._run.report.stopped:
            raise RunUnfinished(f"the run stopped early: {self._run.report.stopped}")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--evolink-base-url"):
        from evolink_contracts.promises import PROMISES

        run = config.stash[_RUN]
        items += [
            PromiseItem.from_parent(session, name=f"{promise.number} {promise.name}", promise=promise, run=run)
            for promise in PROMISES
        ]
        if config.getoption("--evolink-histories"):
            items.append(HistoriesItem.from_parent(session, name="histories", run=run))
        items.append(RunItem.from_parent(session, name="run completed", run=run))
