"""The kit tested by broken emulators: each must be caught by the promise that it breaks, and an honest one by none."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from multiprocessing import get_context
from typing import Any, NamedTuple, Protocol

from evolink_contracts.runs.runner import run
from evolink_contracts.target.target import Target, Unusable
from evolink_contracts.target.transports import App, InProcess
from evolink_contracts.target.webhook import Hook

GROUP = "evolink_contracts.emulators"
"""The entry points at which packages offer emulators that can be broken."""


class Mutant(Protocol):
    """One way in which an emulator can be broken. `breaks` is the number of the promise that must notice it."""

    @property
    def name(self) -> str: ...
    @property
    def breaks(self) -> str: ...
    @property
    def description(self) -> str: ...


class Emulators(Protocol):
    """What an entry point gives."""

    @property
    def mutants(self) -> Sequence[Mutant]: ...
    def made(self, name: str | None, receivers: Mapping[str, Any]) -> AbstractContextManager[App]: ...


class Trial(NamedTuple):
    """What came of one emulator; `name` is `None` for the honest one, `unseen` are promises that nothing showed."""

    name: str | None
    breaks: str
    says: str
    caught_by: tuple[str, ...]
    unseen: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not (self.caught_by or self.unseen) if self.name is None else self.breaks in self.caught_by


def offered() -> Emulators:
    """The emulators of the first entry point. Raises `Unusable` where there is none."""
    for point in entry_points(group=GROUP):
        found: Emulators = point.load()
        return found
    raise Unusable(f"no package offers an emulator at the entry point {GROUP}")


def try_one(emulators: Emulators, mutant: Mutant | None) -> Trial:
    hook = Hook()
    with (
        emulators.made(None if mutant is None else mutant.name, {hook.origin: hook}) as app,
        Target(InProcess(app), "sk-contract-kit", hook=hook, reached=True) as target,
    ):
        report = run(target)
    caught = tuple(judgement.invariant.number for judgement in report.broken)
    unseen = tuple(each.invariant.number for each in report.judgements if each.verdict == "not seen")
    if mutant is None:
        return Trial(None, "", "", caught, unseen)
    return Trial(mutant.name, mutant.breaks, mutant.description, caught, unseen)


def selftest(names: Sequence[str] | None = None, processes: int | None = None) -> Iterator[Trial]:
    """The honest emulator, and then each mutant, or those that are named, in so many processes at once."""
    chosen = [mutant.name for mutant in offered().mutants if names is None or mutant.name in names]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield from pool.map(_tried, [None, *chosen])


def _tried(name: str | None) -> Trial:
    emulators = offered()
    return try_one(emulators, next((mutant for mutant in emulators.mutants if mutant.name == name), None))
