"""Pytest plugin: `pytest --evolink-base-url URL` adds a test for each promise, and the fixture `evolink_target`."""

import os
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from evolink_contracts.reference.errors import ServiceUnusable
    from evolink_contracts.runs.probe import Profile
    from evolink_contracts.runs.runner import Report
    from evolink_contracts.target.budget import Budget
    from evolink_contracts.target.target import Target

_RUN = pytest.StashKey["_Run"]()


def _from_0(text: str) -> float:
    number = float(text)
    if not (isfinite(number) and number >= 0):
        raise ArgumentTypeError(f"{text} is not a finite number of 0 or more")
    return number


def _above_0(text: str) -> float:
    number = float(text)
    if not (isfinite(number) and number > 0):
        raise ArgumentTypeError(f"{text} is not a finite number above 0")
    return number


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ArgumentTypeError(f"{text} is not a whole number from 0 on")
    return number


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("evolink", "EvoLink contract; any of these options adds a test for each promise")
    add = group.addoption
    add("--evolink-base-url", metavar="URL", help="base URL of the service to check, or EVOLINK_BASE_URL")
    add(
        "--evolink-control-url",
        metavar="URL",
        help="base URL of the emulator itself, if the service is a proxy of it; its control token is read from "
        "EVOLINK_MOCK_CONTROL_TOKEN",
    )
    add("--evolink-api-key", metavar="KEY", help="API key of the service, or EVOLINK_API_KEY")
    add(
        "--evolink-profile",
        choices=["emulator", "live-safe", "live"],
        help="live-safe sends nothing that costs credits; live buys a few videos [default: emulator]",
    )
    add(
        "--evolink-max-credits",
        type=_from_0,
        metavar="N",
        help="live: limit of the credits that all tests together may spend",
    )
    add("--evolink-rate", type=_above_0, metavar="N", help="live: highest price of a second of video")
    add("--evolink-tolerance", type=_from_0, metavar="SECONDS", help="permitted deviation of the gaps of callbacks")
    add(
        "--evolink-histories",
        type=_whole,
        metavar="N",
        help="also run this number of random call sequences, and shrink the first that fails",
    )
    add("--evolink-seed", type=_whole, metavar="N", help="seed of the histories")


def _check_scheme(option: str, url: str) -> None:
    from evolink_contracts.target.diagnosis import is_base_url
    from evolink_contracts.trace.header import without_secrets

    if not url.lower().startswith(("http://", "https://")):
        shown = without_secrets(url)[:80]
        raise pytest.UsageError(
            f"{option} must begin with http:// or https://, such as http://127.0.0.1:8080; got {shown!r}"
        )
    if not is_base_url(url):
        shown = without_secrets(url)[:80]
        raise pytest.UsageError(f"{option} must be a URL, such as http://127.0.0.1:8080; got {shown!r}")


_OPTIONS = ("base-url", "control-url", "api-key", "profile", "max-credits", "rate", "tolerance", "histories", "seed")


class _Run:
    """The run and the budget of a pytest session, made when the first test needs them.

    If that fails, the first test fails with the reason, and the others are skipped.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._failed = False
        # The name of this worker of pytest-xdist, if that is in use.
        self._worker = str(getattr(config, "workerinput", {}).get("workerid", ""))

    def _option(self, name: str) -> Any:
        return self._config.getoption(f"--evolink-{name}")

    @property
    def wanted(self) -> bool:
        """Whether the promises are tests of this session. EVOLINK_BASE_URL alone adds none: clients use it too."""
        return bool(self.base_url) and any(self._option(name) is not None for name in _OPTIONS)

    @property
    def base_url(self) -> str:
        return self._option("base-url") or os.environ.get("EVOLINK_BASE_URL") or ""

    @property
    def profile(self) -> "Profile":
        profile: Profile = self._option("profile") or "emulator"
        return profile

    @property
    def histories(self) -> int:
        return self._option("histories") or 0

    @contextmanager
    def _once(self) -> Iterator[None]:
        """Fail at the first mistake or unusable service, and skip afterwards."""
        from evolink_contracts.reference.errors import BudgetExceeded, RunUnfinished, ServiceUnusable

        if self._failed:
            pytest.skip("there was no run; the first test of the contract says why")
        try:
            yield
        except (ServiceUnusable, pytest.UsageError, BudgetExceeded) as error:
            self._failed = True
            where = f"{self._place(error)}: " if isinstance(error, ServiceUnusable) else ""
            bought = "; nothing was bought" if isinstance(error, BudgetExceeded) else ""
            raise RunUnfinished(f"{where}{error}{bought}") from None

    def _place(self, error: "ServiceUnusable") -> str:
        from evolink_contracts.trace.header import without_secrets

        control_url = without_secrets(self._option("control-url") or "")
        return f"--evolink-control-url {control_url}" if error.of_control else without_secrets(self.base_url)

    def open(self) -> "Target":
        # Imported late, since every run of pytest loads this module.
        from evolink_contracts.runs.profiles import open_target
        from evolink_contracts.target.diagnosis import NOT_SENDABLE, is_sendable
        from evolink_contracts.target.target import TargetOptions
        from evolink_contracts.target.transports import HttpTransport

        with self._once():
            key = self._option("api-key") or os.environ.get("EVOLINK_API_KEY")
            if not key:
                raise pytest.UsageError("--evolink-base-url needs --evolink-api-key, or EVOLINK_API_KEY")
            if not is_sendable(key):
                raise pytest.UsageError(f"--evolink-api-key {NOT_SENDABLE}")
            control_url = self._option("control-url")
            _check_scheme("--evolink-base-url", self.base_url)
            _check_scheme("--evolink-control-url", control_url or "http://127.0.0.1")
            if control_url and self.profile != "emulator":
                raise pytest.UsageError("--evolink-control-url is for --evolink-profile emulator")
            # Each worker has a world of its own in an emulator.
            own = f"{key}{self._worker}" if self.profile == "emulator" else key
            token = os.environ.get("EVOLINK_MOCK_CONTROL_TOKEN", "")
            return open_target(
                self.profile,
                HttpTransport(self.base_url),
                own,
                TargetOptions(token=token, base_url=self.base_url, control_url=control_url or ""),
                budget=self._budget,
                control=HttpTransport(control_url) if control_url else None,
            )

    @cached_property
    def _budget(self) -> "Budget | None":
        from evolink_contracts.target.budget import Budget

        limit = self._option("max-credits")
        if (self.profile == "live") != (limit is not None):
            raise pytest.UsageError("--evolink-profile live needs --evolink-max-credits, and no other profile does")
        if limit is not None and self._worker:
            raise pytest.UsageError("--evolink-profile live is for one process: each worker of xdist would buy its own")
        return None if limit is None else Budget(limit, self._option("rate"))

    @cached_property
    def report(self) -> "Report":
        from evolink_contracts.reference.extras import has_hypothesis, hypothesis_missing
        from evolink_contracts.runs.profiles import plan
        from evolink_contracts.runs.runner import run
        from evolink_contracts.stateful.search import search
        from evolink_contracts.stateful.session import Criteria
        from evolink_contracts.trace.history import TOLERANCE

        count, seed, tolerance = self.histories, self._option("seed") or 0, self._option("tolerance")
        with self._once():
            if count and not has_hypothesis():
                raise pytest.UsageError(hypothesis_missing("--evolink-histories"))
            if count and self.profile == "live-safe":
                raise pytest.UsageError("--evolink-profile live-safe runs no histories")
            with self.open() as target:
                probes, _ = plan(target, self.profile, self._budget)
                within = TOLERANCE if tolerance is None else tolerance
                criteria = Criteria(tolerance=within)
                explore = (lambda target: search(target, count, seed, criteria=criteria)) if count else None
                return run(target, probes=probes, tolerance=within, explore=explore)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RUN] = _Run(config)


@pytest.fixture
def evolink_target(pytestconfig: pytest.Config) -> "Iterator[Target]":
    """The service of --evolink-base-url or EVOLINK_BASE_URL, for tests of your own; an error without one."""
    from evolink_contracts.reference.errors import RunUnfinished

    run = pytestconfig.stash[_RUN]
    if not run.base_url:
        raise pytest.UsageError("evolink_target needs the service to test: --evolink-base-url URL, or EVOLINK_BASE_URL")
    try:
        opened = run.open()
    except RunUnfinished as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    with opened:
        yield opened


class _Item(pytest.Item):
    """A test that shows an error of the kit without a traceback."""

    def __init__(self, *, run: _Run, **given: Any) -> None:
        super().__init__(**given)
        self._run = run

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from evolink_contracts.reference.errors import PromiseBroken, RunUnfinished
        from evolink_contracts.reporting.sentences import clean

        if isinstance(excinfo.value, PromiseBroken | RunUnfinished):
            return clean(str(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, None, str]:
        return "evolink contract", None, self.name


class PromiseItem(_Item):
    """A promise as a test: skipped if it was not covered."""

    def __init__(self, *, promise: Any, **given: Any) -> None:
        super().__init__(**given)
        self._promise = promise

    def runtest(self) -> None:
        from evolink_contracts.reference.errors import PromiseBroken
        from evolink_contracts.reporting.legend import bracket
        from evolink_contracts.reporting.sentences import NOT_COVERED, example_of
        from evolink_contracts.trace.header import without_secrets

        report = self._run.report
        judgement = next(j for j in report.judgements if j.promise.number == self._promise.number)
        if judgement.verdict == "not covered":
            early = f"; the run stopped early: {report.stopped}" if report.stopped else ""
            pytest.skip(f"{NOT_COVERED}{early}")
        if judgement.breaches:
            title = f"{self._promise.number} {self._promise.statement}"
            example = example_of(judgement.shortest, without_secrets(self._run.base_url))
            raise PromiseBroken("\n".join([title, *example, bracket(self._promise)]))


class HistoriesItem(_Item):
    """Random histories as one test, failed by the shortest history that fails."""

    def runtest(self) -> None:
        from evolink_contracts.reference.errors import PromiseBroken, RunUnfinished
        from evolink_contracts.stateful.steps import describe_steps

        report = self._run.report
        if (failure := report.failure) is not None:
            raise PromiseBroken("\n".join([failure.says, *describe_steps(failure.steps)]))
        if report.stopped:
            played = 0 if report.searched is None else report.searched.played
            raise RunUnfinished(f"{played} histories were run before the run stopped: {report.stopped}")


class RunItem(_Item):
    """The run itself as one test, failed if it ended early or covered nothing, since the promises then saw less."""

    def runtest(self) -> None:
        from evolink_contracts.reference.errors import RunUnfinished
        from evolink_contracts.reporting.sentences import NOTHING

        report = self._run.report
        if report.stopped:
            raise RunUnfinished(f"the run stopped early: {report.stopped}")
        if report.covers_nothing:
            reasons = "".join(f"\n  skipped {each.probe}: {each.reason}" for each in report.skipped)
            raise RunUnfinished(f"{NOTHING}: no promise was covered by this run{reasons}")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    run = config.stash[_RUN]
    if run.wanted:
        from evolink_contracts.promises import PROMISES

        # First, so that a run that cannot be made fails here, and the others are skipped.
        items.append(RunItem.from_parent(session, name="run completed", run=run))
        items += [
            PromiseItem.from_parent(session, name=f"{promise.number} {promise.name}", promise=promise, run=run)
            for promise in PROMISES
        ]
        if run.histories:
            items.append(HistoriesItem.from_parent(session, name="histories", run=run))
