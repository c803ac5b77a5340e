"""One limit for many attempts: `asyncio.timeout` for each would cost a tenth of what it takes to send one."""

import asyncio

from evolink_mock.clock import call_later, monotonic


class Deadline:
    """Cancels tasks that are still at something `seconds` after they began it.

    All have the same limit, so they strike in the order in which they began, and one timer does for all.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._running: dict[asyncio.Task[None], float] = {}
        self._struck: set[asyncio.Task[None]] = set()
        self._armed = False

    def start(self, task: "asyncio.Task[None]") -> None:
        self._running[task] = monotonic() + self.seconds
        if not self._armed:
            self._arm(self.seconds)

    def finish(self, task: "asyncio.Task[None]") -> bool:
        """It is over; whether that was because the limit struck."""
        self._running.pop(task, None)
        if task not in self._struck:
            return False
        self._struck.discard(task)
        task.uncancel()
        return True

    def _arm(self, seconds: float) -> None:
        self._armed = True
        call_later(seconds, self._expire)

    def _expire(self) -> None:
        self._armed = False
        now = monotonic()
        for task, at in list(self._running.items()):
            if at > now:
                self._arm(at - now)
                return
            del self._running[task]
            self._struck.add(task)
            task.cancel()
