"""Mutation test of the kit: each mutant of an emulator must be caught by the promise that it breaks."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from multiprocessing import get_context
from typing import Any, NamedTuple, Protocol

from evolink_contracts.reference.errors import ServiceUnusable
from evolink_contracts.runs.runner import run
from evolink_contracts.target.target import Target, TargetOptions
from evolink_contracts.target.transports import AsgiApp, AsgiTransport
from evolink_contracts.target.webhook import Webhook

GROUP = "evolink_contracts.emulators"
"""The entry point group under which a package provides emulators."""


class Mutant(Protocol):
    """One way in which an emulator can be broken. `breaks` is the number of the promise that must notice it."""

    @property
    def name(self) -> str: ...
    @property
    def breaks(self) -> str: ...
    @property
    def description(self) -> str: ...


class EmulatorProvider(Protocol):
    """The object at an entry point of the group: makes an unmodified emulator, or any of its mutants."""

    @property
    def mutants(self) -> Sequence[Mutant]: ...

    def made(self, name: str | None, receivers: Mapping[str, Any]) -> AbstractContextManager[AsgiApp]:
        """An emulator on a manual clock. `name` is a mutant's, or `None` for the unmodified one.

        Each of `receivers` is an ASGI application that takes the callbacks to an origin.
        """
        ...


class Trial(NamedTuple):
    """The result for one emulator. `name` is `None` for the unmodified one; `not_covered` are untested promises."""

    name: str | None
    breaks: str
    description: str
    caught_by: tuple[str, ...]
    not_covered: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not (self.caught_by or self.not_covered) if self.name is None else self.breaks in self.caught_by


def find_provider() -> EmulatorProvider:
    """The provider at the first entry point. Raises `ServiceUnusable` if there is none."""
    for point in entry_points(group=GROUP):
        found: EmulatorProvider = point.load()
        return found
    raise ServiceUnusable(f"no package offers an emulator at the entry point {GROUP}")


def try_emulator(provider: EmulatorProvider, mutant: Mutant | None) -> Trial:
    """Run every probe against a mutant, or against the unmodified emulator."""
    webhook, options = Webhook(), TargetOptions(callbacks_arrive=True)
    with (
        provider.made(None if mutant is None else mutant.name, {webhook.origin: webhook}) as app,
        Target(AsgiTransport(app), "sk-contract-kit", options, webhook=webhook) as target,
    ):
        report = run(target)
    caught = tuple(judgement.promise.number for judgement in report.failed)
    not_covered = tuple(each.promise.number for each in report.judgements if each.verdict == "not covered")
    if mutant is None:
        return Trial(None, "", "", caught, not_covered)
    return Trial(mutant.name, mutant.breaks, mutant.description, caught, not_covered)


def selftest(names: Sequence[str] | None = None, processes: int | None = None) -> Iterator[Trial]:
    """Try the unmodified emulator, then every mutant or those that are named, in several processes at once."""
    chosen = [mutant.name for mutant in find_provider().mutants if names is None or mutant.name in names]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield from pool.map(_try_name, [None, *chosen])


def _try_name(name: str | None) -> Trial:
    provider = find_provider()
    return try_emulator(provider, next((mutant for mutant in provider.mutants if mutant.name == name), None))
