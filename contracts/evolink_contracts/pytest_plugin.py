"""The contract as pytest tests: `pytest --evolink-base-url URL` adds one for each promise; `target` is for your own."""

import os
from argparse import ArgumentTypeError
from collections.abc import Iterator
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from evolink_contracts.runs.runner import Report
    from evolink_contracts.target.budget import Purse
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
    add("--evolink-base-url", metavar="URL", help="the service that is judged, promise by promise")
    add("--evolink-api-key", metavar="KEY", help="its API key; or else EVOLINK_API_KEY")
    add(
        "--evolink-profile",
        choices=["emulator", "live-safe", "live"],
        default="emulator",
        help="live-safe sends nothing that costs credits; live buys a few videos",
    )
    add("--evolink-max-credits", type=_from_0, metavar="N", help="live: what all tests together may cost at worst")
    add("--evolink-rate", type=_above_0, metavar="N", help="live: what a second of video costs at most")
    add("--evolink-tolerance", type=_from_0, metavar="SECONDS", help="by how much gaps of callbacks may differ")
    add("--evolink-histories", type=int, default=0, metavar="N", help="play so many random histories too")
    add("--evolink-seed", type=int, default=0, metavar="N", help="the luck of the histories")


class _Run:
    """One run for all promises of a session, made when the first is asked for; and the purse of all that is bought."""

    def __init__(self, config: pytest.Config) -> None:
        self._option = config.getoption
        # Of xdist, where it is in use.
        self._worker = str(getattr(config, "workerinput", {}).get("workerid", ""))

    def open(self) -> "Target":
        # Imported where it is asked for, since this module is loaded by every run of pytest.
        from evolink_contracts.runs.profiles import opened
        from evolink_contracts.target.target import Unusable
        from evolink_contracts.target.transports import Network

        key = self._option("--evolink-api-key") or os.environ.get("EVOLINK_API_KEY")
        if not key:
            raise pytest.UsageError("--evolink-base-url needs --evolink-api-key, or EVOLINK_API_KEY")
        profile = self._option("--evolink-profile")
        # Workers have worlds of their own, where there are such.
        own = f"{key}{self._worker}" if profile == "emulator" else key
        token = os.environ.get("EVOLINK_MOCK_CONTROL_TOKEN", "")
        try:
            return opened(profile, Network(self._option("--evolink-base-url")), own, purse=self._purse, token=token)
        except Unusable as error:
            raise pytest.UsageError(f"--evolink-base-url: {error}") from None

    @cached_property
    def _purse(self) -> "Purse | None":
        from evolink_contracts.target.budget import Purse

        limit = self._option("--evolink-max-credits")
        if (self._option("--evolink-profile") == "live") != (limit is not None):
            raise pytest.UsageError("--evolink-profile live needs --evolink-max-credits, and no other profile does")
        if limit is not None and self._worker:
            raise pytest.UsageError("--evolink-profile live is for one process: each worker of xdist would buy its own")
        return None if limit is None else Purse(limit, self._option("--evolink-rate"))

    @cached_property
    def report(self) -> "Report":
        from evolink_contracts.runs.profiles import plan
        from evolink_contracts.runs.runner import run
        from evolink_contracts.stateful.search import search
        from evolink_contracts.stateful.steps import Judges
        from evolink_contracts.target.budget import Overspent
        from evolink_contracts.trace.history import TOLERANCE

        count, luck, tolerance = (self._option(f"--evolink-{name}") for name in ("histories", "seed", "tolerance"))
        if count and self._option("--evolink-profile") == "live-safe":
            raise pytest.UsageError("--evolink-profile live-safe plays no histories")
        with self.open() as target:
            try:
                probes, _ = plan(target, self._option("--evolink-profile"), self._purse)
            except Overspent as error:
                raise pytest.UsageError(f"{error}; nothing was bought") from None
            within = TOLERANCE if tolerance is None else tolerance
            judges = Judges(tolerance=within)
            explore = (lambda target: search(target, count, luck, judges=judges)) if count else None
            return run(target, probes=probes, tolerance=within, explore=explore)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RUN] = _Run(config)


@pytest.fixture
def target(pytestconfig: pytest.Config) -> "Iterator[Target]":
    """The service of --evolink-base-url, for tests of your own; skipped where none is given."""
    if not pytestconfig.getoption("--evolink-base-url"):
        pytest.skip("give --evolink-base-url")
    with pytestconfig.stash[_RUN].open() as opened:
        yield opened


class Broken(Exception):
    """A promise was broken; shown with its shortest example."""


class Unfinished(Exception):
    """A run ended before its time; says why."""


class _Item(pytest.Item):
    def __init__(self, *, run: _Run, **given: Any) -> None:
        super().__init__(**given)
        self._run = run

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, Broken | Unfinished):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, None, str]:
        return "evolink contract", None, self.name


class PromiseItem(_Item):
    """A promise as a test: passed where it held, failed where it was broken, skipped where nothing showed it."""

    def __init__(self, *, promise: Any, **given: Any) -> None:
        super().__init__(**given)
        self._promise = promise

    def runtest(self) -> None:
        from evolink_contracts.reporting.reports import example_of

        report = self._run.report
        judgement = next(j for j in report.judgements if j.invariant.number == self._promise.number)
        if judgement.verdict == "not seen":
            early = f"; the run stopped early: {report.stopped}" if report.stopped else ""
            pytest.skip(f"nothing showed whether it holds{early}")
        if judgement.breaches:
            example = example_of(judgement.shortest, self.config.getoption("--evolink-base-url"))
            raise Broken("\n".join([f"{self._promise.number} {self._promise.statement}", *example]))


class HistoriesItem(_Item):
    """Random histories as one test, failed by the shortest that broke a promise."""

    def runtest(self) -> None:
        from evolink_contracts.stateful.steps import told

        report = self._run.report
        if (failure := report.failure) is not None:
            raise Broken("\n".join([failure.says, *told(failure.steps)]))
        if report.stopped:
            played = 0 if report.searched is None else report.searched.played
            raise Unfinished(f"{played} histories were played before the run stopped: {report.stopped}")


class RunItem(_Item):
    """The run itself as one test, failed where it ended before its time, since the promises then saw less."""

    def runtest(self) -> None:
        if self._run.report.stopped:
            raise Unfinished(f"the run stopped early: {self._run.report.stopped}")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--evolink-base-url"):
        from evolink_contracts.promises.registry import invariants

        run = config.stash[_RUN]
        items += [
            PromiseItem.from_parent(session, name=f"{promise.number} {promise.name}", promise=promise, run=run)
            for promise in invariants().values()
        ]
        if config.getoption("--evolink-histories"):
            items.append(HistoriesItem.from_parent(session, name="histories", run=run))
        items.append(RunItem.from_parent(session, name="run completed", run=run))
