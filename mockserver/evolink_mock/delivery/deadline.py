"""One timer for many equal time-outs: `asyncio.timeout` for each attempt would cost a tenth of sending one."""

import asyncio

from evolink_mock.clock import call_later, monotonic


class Deadline:
    """Cancels tasks that have not finished `seconds` after they started.

    All tasks have the same limit, so they expire in the order in which they started, and one timer serves them all.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._running: dict[asyncio.Task[None], float] = {}
        self._expired: set[asyncio.Task[None]] = set()
        self._armed = False

    def start(self, task: "asyncio.Task[None]") -> None:
        self._running[task] = monotonic() + self.seconds
        if not self._armed:
            self._arm(self.seconds)

    def finish(self, task: "asyncio.Task[None]") -> bool:
        """Stop watching a task; whether it expired."""
        self._running.pop(task, None)
        if task not in self._expired:
            return False
        self._expired.discard(task)
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
            self._expired.add(task)
            task.cancel()
