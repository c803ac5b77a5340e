"""How many attempts may begin before requests get their turn, so that callbacks leave them half of the time."""

import sys

from evolink_mock.worlds.ready_queue import ReadyQueue
from evolink_mock.worlds.world import World

SLICE = 16
"""Attempts begun at most before others get their turn."""
_SHARE = 6
"""Requests that take as long as one attempt: for each so many that were answered in a turn of the loop, one attempt may
begin in the next, which leaves requests half of the time."""


class Throttle:
    """`left` is how many attempts may yet begin in this turn of the loop."""

    def __init__(self, agenda: ReadyQueue[World]) -> None:
        self._agenda = agenda
        self._asked = 0
        self.left = sys.maxsize

    def begin_tick(self) -> None:
        """Another turn: as many may begin as the requests allow that came since the last."""
        asked = self._agenda.asked
        since, self._asked = asked - self._asked, asked
        self.left = max(since // _SHARE, 1) if since else sys.maxsize

    @property
    def throttled(self) -> bool:
        """Whether requests come, so that what waits is looked at in every turn."""
        return self.left < SLICE
