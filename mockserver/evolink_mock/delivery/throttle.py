"""Throttles outgoing attempts so that incoming requests keep half of the event loop."""

import sys

SLICE = 16
"""Attempts begun at most before other work gets a turn of the event loop."""
_REQUESTS_PER_ATTEMPT = 6
"""Requests that take as long as one attempt. For each six that were served in one turn of the loop, one attempt may
begin in the next, which leaves requests half of the time."""


class Throttle:
    """Counts the requests served; `left` is how many attempts may yet begin in this turn of the event loop."""

    def __init__(self) -> None:
        self._served = 0
        self.left = sys.maxsize

    def request_served(self) -> None:
        """Called once for each request of the API."""
        self._served += 1

    def begin_tick(self) -> None:
        """Begin a turn of the loop: as many attempts may begin as the requests served since the last turn allow."""
        served, self._served = self._served, 0
        self.left = max(served // _REQUESTS_PER_ATTEMPT, 1) if served else sys.maxsize

    @property
    def throttled(self) -> bool:
        """Whether requests are being served, so that waiting attempts have to be started in every turn."""
        return self.left < SLICE
