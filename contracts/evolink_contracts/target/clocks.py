"""Clocks of a service: a manual one that the control API moves, and the wall clock where time passes by waiting."""

from collections.abc import Callable
from typing import Protocol

from evolink_contracts.reference.errors import ServiceUnusable
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.target.connection import Connection
from evolink_contracts.target.control import ControlClient
from evolink_contracts.target.control_answers import ClockState
from evolink_contracts.target.wall_clock import WallClock

MAX_STEPS = 400
"""Limit of each loop over events, so that a faulty service cannot keep a run busy without end."""
_IMMEDIATE_POLLS = 20
_POLL_INTERVAL: Seconds = 0.03
"""Between polls of a long attempt, which ends by the wall clock: 12 s in all."""
_MOST_GIVEN_UP = 3
"""Loops that may reach their limit in a run."""
_EXACT: Seconds = 0.001


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
        self._given_up = 0

    def now(self, who: str) -> Seconds:
        owner = self._connection.owner(who)
        if owner not in self._times:
            self._control.clock({"mode": "manual"}, who=who)
            self._times[owner] = self._control.clock(who=who).now
        return self._times[owner]

    def next_event(self, who: str) -> Seconds | None:
        """When something happens next, read once no attempt to deliver a callback is in flight."""
        return self._settle(self._control.clock(who=who), who)

    def advance(self, seconds: Seconds, who: str) -> None:
        """Move from event to event, so that each callback is seen at its instant."""
        goal = self.now(who) + seconds
        following = self.next_event(who)
        for _ in range(MAX_STEPS):
            if following is None or following > goal:
                break
            following = self._move(following - self.now(who), who)
        else:
            self._give_up(f"more than {MAX_STEPS} events happened on its clock within {seconds:g} s")
        if goal > self.now(who):
            self._move(goal - self.now(who), who)

    def reset(self, seed: int, who: str) -> None:
        """Empty the world of a key, and seed it anew, once no attempt is in flight there."""
        self.next_event(who)
        self._control.call("worlds", {"reset": True, "seed": seed}, who=who)
        self._times.pop(self._connection.owner(who), None)

    def _move(self, seconds: Seconds, who: str) -> Seconds | None:
        """Advance once; when something happens next after that."""
        step, before = max(seconds, 0), self.now(who)
        clock = self._control.clock({"advance": f"{step:.6f}s"}, who=who)
        if clock.now < before + step - _EXACT:
            raise ServiceUnusable(f"its clock was advanced by {step:g} s and went from {before:.3f} to {clock.now:.3f}")
        return self._settle(clock, who)

    def _settle(self, clock: ClockState, who: str) -> Seconds | None:
        for poll in range(MAX_STEPS):
            if not clock.attempts_in_flight:
                break
            if poll > _IMMEDIATE_POLLS:
                self._wall.wait(_POLL_INTERVAL)
            clock = self._control.clock(who=who)
        else:
            self._give_up("attempts to deliver callbacks do not end")
        self._times[self._connection.owner(who)] = clock.now
        self._moved(clock.now)
        return clock.next_event

    def _give_up(self, why: str) -> None:
        """Go on after a loop that did not end. Raises `ServiceUnusable` if that has happened before."""
        self._given_up += 1
        if self._given_up > _MOST_GIVEN_UP:
            raise ServiceUnusable(f"{why}, for the {self._given_up}th time")
