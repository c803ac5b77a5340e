"""Configuration that all worlds of one emulator have in common."""

from collections.abc import Callable
from typing import Any, NamedTuple

from evolink_mock.clock import Clock, ClockFactory, Mode
from evolink_mock.core.behaviour import DOCUMENTED, Behaviour
from evolink_mock.core.choices import Choices
from evolink_mock.core.distribution import Distribution
from evolink_mock.worlds.ready_queue import ReadyQueue
from evolink_mock.worlds.snapshot import SavedWorld
from evolink_mock.worlds.store import StorageBackend


class WorldConfig(NamedTuple):
    """One value for the whole emulator."""

    choices: Choices
    distribution: Distribution
    server_seed: int
    make_clock: ClockFactory
    public_url: str
    journal_limit: int
    task_limit: int
    delivery_limit: int
    mode: Mode
    speed: float
    """Mode and speed of the clocks that `make_clock` makes."""
    resume: Callable[[SavedWorld], Clock]
    backend: StorageBackend
    ready_queue: ReadyQueue[Any]
    """The worlds of this configuration that have deliveries due."""
    behaviour: Behaviour = DOCUMENTED
