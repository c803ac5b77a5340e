"""Clocks of a service: a manual one that the control API moves, and the wall clock where time passes by waiting."""

from collections.abc import Callable
from typing import Any, Protocol

from evolink_contracts.spec.wire import Seconds
from evolink_contracts.target.connection import Connection
from evolink_contracts.target.control import ControlClient
from evolink_contracts.target.wall_clock import WallClock

MAX_STEPS = 400
"""Limit of each loop over events, so that a faulty service cannot keep a run busy without end."""
_IMMEDIATE_POLLS = 20
_POLL_INTERVAL: Seconds = 0.03
"""Between polls of a long attempt, which ends by the wall clock: 12 s in all."""


class Clock(Protocol):
    """The clock of each key. `next_event` is `None` if it is unknown."""

    def now(self, who: str) -> Seconds: ...
    def next_event(self, who: str) -> Seconds | None: ...
    def advance(self, seconds: Seconds, who: str) -> None: ...


class WaitingClock:
    """The wall clock, for a service without a control API. `moved` is called with the time after each wait."""

    def __init__(self, wall: WallClock, moved: Callable[[Seconds], None]) -> None:
        self._wall = wall
        self._moved = moved

    def now(self, who: str) -> Seconds:
        return self._wall.now()

    def next_event(self, who: str) -> Seconds | None:
        return None

    def advance(self, seconds: Seconds, who: str) -> None:
        self._wall.wait(seconds)
        self._moved(self._wall.now())


class ManualClock:
    """The manual clock of each key in an emulator. `moved` is called with the time after each step."""

    def __init__(
        self, control: ControlClient, connection: Connection, wall: WallClock, moved: Callable[[Seconds], None]
    ) -> None:
        self._control = control
        self._connection = connection
        self._wall = wall
        self._moved = moved
        self._times: dict[str, Seconds] = {}

    def now(self, who: str) -> Seconds:
        owner = self._connection.owner(who)
        if owner not in self._times:
            self._control.call("clock", {"mode": "manual"}, who=who)
            self._times[owner] = float(self._control.call("clock", who=who)["now"])
        return self._times[owner]

    def next_event(self, who: str) -> Seconds | None:
        """When something happens next, read once no attempt to deliver a callback is in flight."""
        return self._settle(self._control.call("clock", who=who), who)

    def advance(self, seconds: Seconds, who: str) -> None:
        """Move from event to event, so that each callback is seen at its instant."""
        goal = self.now(who) + seconds
        following = self.next_event(who)
        for _ in range(MAX_STEPS):
            if following is None or following > goal:
                break
            following = self._move(following - self.now(who), who)
        if goal > self.now(who):
            self._move(goal - self.now(who), who)

    def reset(self, seed: int, who: str) -> None:
        """Empty the world of a key, and seed it anew, once no attempt is in flight there."""
        self.next_event(who)
        self._control.call("worlds", {"reset": True, "seed": seed}, who=who)
        self._times.pop(self._connection.owner(who), None)

    def _move(self, seconds: Seconds, who: str) -> Seconds | None:
        """Advance once; when something happens next after that."""
        return self._settle(self._control.call("clock", {"advance": f"{max(seconds, 0):.6f}s"}, who=who), who)

    def _settle(self, clock: Any, who: str) -> Seconds | None:
        for poll in range(MAX_STEPS):
            if not clock["attempts_in_flight"]:
                break
            if poll > _IMMEDIATE_POLLS:
                self._wall.wait(_POLL_INTERVAL)
            clock = self._control.call("clock", who=who)
        self._times[self._connection.owner(who)] = at = float(clock["now"])
        self._moved(at)
        following = clock["next_event"]
        return None if following is None else float(following)
