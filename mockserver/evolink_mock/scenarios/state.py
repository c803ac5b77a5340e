"""What a world's scenarios have come to: rules that are queued, the key's own scenario, and how often each was used."""

import msgspec

from evolink_mock.core.duration import Micros
from evolink_mock.scenarios.rules import Rule
from evolink_mock.scenarios.schema import MAX_RULES, RuleForm

MAX_QUEUED = 1000
_MAX_USED = 2 * MAX_RULES
"""Rules of the file, as it is and was, whose use is counted; the one used longest ago goes."""
_MAX_WINDOWS = 1000
"""Scenarios with `times` or `for` whose use is counted; the one begun first goes."""


class Queued(msgspec.Struct):
    """A rule that waits for its requests."""

    number: int
    form: RuleForm
    used: int = 0

    def rule(self) -> Rule:
        return self.form.rule(f"queued {self.number}", times=1)


class Rows(msgspec.Struct, array_like=True, frozen=True):
    """The whole script, as it is saved."""

    queued: list[Queued] = []
    last: int = 0
    default: str | None = None
    used: dict[str, int] = {}
    windows: dict[str, tuple[int, Micros]] = {}


class Script:
    """Numbers of queued rules begin at 1; `default` is the key's own scenario, set while the emulator runs."""

    def __init__(self, rows: Rows | None = None) -> None:
        rows = rows or Rows()
        self.queued = {row.number: (row, row.rule()) for row in rows.queued}
        self.last = rows.last
        self.default = rows.default
        self.used = dict(rows.used)
        """Of each rule of the file, by its digest."""
        self._windows = dict(rows.windows)

    def rows(self) -> Rows:
        return Rows([row for row, _ in self.queued.values()], self.last, self.default, self.used, self._windows)

    def queue(self, form: RuleForm) -> Queued:
        """Raises `ValueError` for a rule that makes no sense, `OverflowError` where too many wait."""
        if len(self.queued) >= MAX_QUEUED:
            raise OverflowError(f"at most {MAX_QUEUED} rules wait for a key")
        row = Queued(self.last + 1, form)
        self.queued[row.number] = row, row.rule()
        self.last = row.number
        return row

    def use(self, number: int) -> None:
        """Count a use of a queued rule, which goes when it is over."""
        row, rule = self.queued[number]
        row.used += 1
        if rule.step(row.used) is None:
            del self.queued[number]

    def use_of_file(self, digest: str) -> None:
        """Count a use of a rule of the file."""
        self.used[digest] = self.used.pop(digest, 0) + 1
        if len(self.used) > _MAX_USED:
            del self.used[next(iter(self.used))]

    def window(self, name: str, now: Micros) -> tuple[int, Micros]:
        """How often a limited scenario was used before, and when for the first time; counts this time."""
        count, since = self._windows.pop(name, (0, now))
        self._windows[name] = count + 1, since
        if len(self._windows) > _MAX_WINDOWS:
            del self._windows[next(iter(self._windows))]
        return count, since
