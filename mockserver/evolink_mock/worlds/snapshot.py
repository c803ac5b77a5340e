"""Snapshots: the saved record of a world beside its tasks and deliveries."""

import msgspec

from evolink_mock.clock import Mode
from evolink_mock.core.duration import Micros
from evolink_mock.core.task import Units
from evolink_mock.scenarios.state import ScenarioSnapshot


class SavedWorld(msgspec.Struct, array_like=True):
    """State of a world beside its tasks and deliveries, as it is stored."""

    epoch: int
    token: str
    server_seed: int
    created: int
    requests: int
    last_delivery: int
    """Its number."""
    reserved: int
    spent: int
    server_mode: Mode
    server_speed: float
    """Clock mode and speed of the settings at the time."""
    mode: Mode
    speed: float
    now: Micros
    wall: Micros
    """The machine's clock when the world's read `now`."""
    scenarios: ScenarioSnapshot = ScenarioSnapshot()
    balance: Units | None = None
    """The balance of a key, if it was changed while the emulator ran."""
    own_balance: bool = False
