"""How many creates of one model family a key may make, and when the next is welcome."""

from collections import deque

from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.task import NEVER

_WINDOW: Micros = 60 * SECOND
_UNKNOWN = 60
"""Seconds to wait for a task that ends when somebody says so."""


class RateLimits:
    """`per_minute` creates in any 60 s, and `at_once` unfinished tasks, of each family; `None` is no limit."""

    def __init__(self, per_minute: int | None, at_once: int | None) -> None:
        self._per_minute = per_minute
        self._at_once = at_once
        self._made: dict[str, deque[Micros]] = {}
        self._running: dict[str, dict[str, Micros]] = {}
        """Of each family its unfinished tasks, with the instant at which each will end."""

    def check(self, family: str, now: Micros) -> tuple[str, int] | None:
        """Which limit is reached, and after how many whole seconds a create will pass; `None` where one does now."""
        made = self._made.get(family)
        if self._per_minute is not None and made is not None and len(made) >= self._per_minute:
            left = made[0] + _WINDOW - now
            if left > 0:
                return f"at most {self._per_minute} requests a minute", _seconds(left)
        running = self._running.get(family, {})
        if self._at_once is not None and len(running) >= self._at_once:
            first = min(running.values())
            wait = _UNKNOWN if first >= NEVER else _seconds(first - now)
            return f"at most {self._at_once} tasks at a time", wait
        return None

    def acquire(self, family: str, task_id: str, now: Micros, ends: Micros | None) -> None:
        """A task was created; `ends` is `None` for one that has ended already."""
        if self._per_minute is not None:
            self._made.setdefault(family, deque(maxlen=self._per_minute)).append(now)
        if self._at_once is not None and ends is not None:
            self._running.setdefault(family, {})[task_id] = ends

    def release(self, family: str, task_id: str) -> None:
        if (running := self._running.get(family)) is not None:
            running.pop(task_id, None)


def _seconds(micros: Micros) -> int:
    return max(-(-micros // SECOND), 1)
