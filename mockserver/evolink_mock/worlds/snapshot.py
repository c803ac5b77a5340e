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

    def is_changed(self, server_seed: int, start: Micros) -> bool:
        """Whether its clock, seed or scenarios are others than those of a new world, whose clock begins at `start`."""
        stands_still = self.mode in ("manual", "auto")
        return (
            self.scenarios != ScenarioSnapshot()
            or self.server_seed != server_seed
            or self.mode != self.server_mode
            or (stands_still and self.now != start)
            or (not stands_still and self.speed != self.server_speed)
        )
