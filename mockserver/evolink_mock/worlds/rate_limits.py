"""Rate and concurrency limits on the creates of each model family, by the world's clock."""

from collections import deque

from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.task import NEVER

_WINDOW: Micros = 60 * SECOND
_UNKNOWN = 60
"""Seconds to wait for a task whose plan has no end."""


class RateLimits:
    """`per_minute` creates in any 60 s, and `at_once` unfinished tasks, of each family; `None` is no limit."""

    def __init__(self, per_minute: int | None, at_once: int | None) -> None:
        self._per_minute = per_minute
        self._at_once = at_once
        self._created: dict[str, deque[Micros]] = {}
        self._running: dict[str, dict[str, Micros]] = {}
        """The unfinished tasks of each family, with the instants of their ends."""

    def check(self, family: str, now: Micros) -> tuple[str, int] | None:
        """The limit that is reached, and the whole seconds until a create passes; `None` if one passes now."""
        created = self._created.get(family)
        if self._per_minute is not None and created is not None and len(created) >= self._per_minute:
            left = created[0] + _WINDOW - now
            if left > 0:
                return f"at most {self._per_minute} requests a minute", _seconds(left)
        running = self._running.get(family, {})
        if self._at_once is not None and len(running) >= self._at_once:
            first = min(running.values())
            wait = _UNKNOWN if first >= NEVER else _seconds(first - now)
            return f"at most {self._at_once} tasks at a time", wait
        return None

    def acquire(self, family: str, task_id: str, now: Micros, ends: Micros | None) -> None:
        """Count a task that was created; `ends` is `None` if it has ended already."""
        if self._per_minute is not None:
            self._created.setdefault(family, deque(maxlen=self._per_minute)).append(now)
        if self._at_once is not None and ends is not None:
            self._running.setdefault(family, {})[task_id] = ends

    def release(self, family: str, task_id: str) -> None:
        if (running := self._running.get(family)) is not None:
            running.pop(task_id, None)


def _seconds(micros: Micros) -> int:
    return max(-(-micros // SECOND), 1)
