"""Scenario state of one world: queued rules, the key's own scenario, and counted uses."""

from collections.abc import Callable, Mapping

import msgspec

from evolink_mock.core.duration import Micros
from evolink_mock.core.seed import Seed
from evolink_mock.scenarios.rules import Rule
from evolink_mock.scenarios.schema import MAX_RULES, RuleSpec

MAX_QUEUED = 1000
_MAX_USED = 2 * MAX_RULES
"""Rules of the file, present and past, whose uses are counted; the least recently used is dropped."""
_MAX_WINDOWS = 1000
"""Scenarios with `times` or `for` whose uses are counted; the oldest is dropped."""


class QueuedRule(msgspec.Struct):
    """A queued rule."""

    number: int
    spec: RuleSpec = msgspec.field(name="form")
    """Saved under the name that earlier versions gave it."""
    used: int = 0

    def rule(self) -> Rule:
        return self.spec.rule(f"queued {self.number}", times=1)


class ScenarioSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """The whole state, as it is saved."""

    queued: list[QueuedRule] = []
    last: int = 0
    default: str | None = None
    used: dict[str, int] = {}
    windows: dict[str, tuple[int, Micros]] = {}


class ScenarioState:
    """Scenarios of one world: queued rules, numbered from 1, the key's own scenario, and uses counted.

    `granted` is the scenario that the settings give the key; `default`, set while the emulator runs, wins over it.
    Every change calls `changed`.
    """

    def __init__(
        self,
        key: str,
        seed: Seed,
        granted: str | None = None,
        changed: Callable[[], None] = lambda: None,
        saved: ScenarioSnapshot | None = None,
    ) -> None:
        saved = saved or ScenarioSnapshot()
        self.key = key
        self.seed = seed
        self._granted = granted
        self._changed = changed
        self._queued = {row.number: (row, row.rule()) for row in saved.queued}
        self._last = saved.last
        self._default = saved.default
        self._used = dict(saved.used)
        self._windows = dict(saved.windows)

    def is_empty(self) -> bool:
        """Whether neither the queue nor the key has a scenario."""
        return not self._queued and self._default is None and self._granted is None

    @property
    def queued(self) -> Mapping[int, tuple[QueuedRule, Rule]]:
        return self._queued

    @property
    def used(self) -> Mapping[str, int]:
        """Uses of each rule of the file, by its digest."""
        return self._used

    @property
    def of_key(self) -> str | None:
        """The key's own scenario."""
        return self._default or self._granted

    def snapshot(self) -> ScenarioSnapshot:
        queued = [row for row, _ in self._queued.values()]
        return ScenarioSnapshot(queued, self._last, self._default, self._used, self._windows)

    def queue(self, form: RuleSpec) -> QueuedRule:
        """Raises `ValueError` for a rule that is not valid, `OverflowError` where too many wait."""
        if len(self._queued) >= MAX_QUEUED:
            raise OverflowError(f"at most {MAX_QUEUED} scenarios can be queued for a key")
        row = QueuedRule(self._last + 1, form)
        self._queued[row.number] = row, row.rule()
        self._last = row.number
        self._changed()
        return row

    def forget(self, number: int) -> None:
        """Remove one queued rule. Raises `KeyError` where it is not queued."""
        del self._queued[number]
        self._changed()

    def clear(self) -> None:
        """Remove all queued rules, and the scenario set by `set_default`."""
        self._queued.clear()
        self._default = None
        self._changed()

    def set_default(self, text: str | None) -> None:
        self._default = text
        self._changed()

    def use(self, number: int) -> None:
        """Count a use of a queued rule, which is removed when it is used up."""
        row, rule = self._queued[number]
        row.used += 1
        if rule.step(row.used) is None:
            del self._queued[number]
        self._changed()

    def use_of_file(self, digest: str) -> None:
        """Count a use of a rule of the file."""
        self._used[digest] = self._used.pop(digest, 0) + 1
        if len(self._used) > _MAX_USED:
            del self._used[next(iter(self._used))]
        self._changed()

    def usage(self, name: str, now: Micros) -> tuple[int, Micros]:
        """Earlier uses of a limited scenario, and the instant of the first; counts this use."""
        count, since = self._windows.pop(name, (0, now))
        self._windows[name] = count + 1, since
        if len(self._windows) > _MAX_WINDOWS:
            del self._windows[next(iter(self._windows))]
        self._changed()
        return count, since
