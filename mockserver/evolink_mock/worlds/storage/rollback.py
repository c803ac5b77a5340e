"""Rollback of one world to its stored state: the parts of its present state that nothing can undo."""

from collections.abc import Iterable

from evolink_mock.core.duration import Micros
from evolink_mock.worlds.journal import WorldEvent
from evolink_mock.worlds.log import Log
from evolink_mock.worlds.outbox import Outbox
from evolink_mock.worlds.store import Store


class AppliedTransitions:
    """The transitions of tasks that a log of events shows. Those older than its first row count as shown."""

    def __init__(self, events: Log[WorldEvent]) -> None:
        rows = [row for _, row in events.after(0)]
        self._shown = {(row.event, row.task) for row in rows}
        self._since: Micros = rows[0].at if rows and events.has_dropped else 0

    def has(self, event: str, task_id: str, at: Micros) -> bool:
        return at < self._since or (event, task_id) in self._shown


def carry_over(before: Outbox, stored: Store, after: Outbox) -> set[str]:
    """Continue the attempts that were sent already, and keep the results of those that have ended.

    `stored` is the store of `before`. Returns the tasks of the results.
    """
    tasks = set()
    after.dropped = before.dropped
    for number in after.numbers():
        known, present = stored.get_delivery(number), after.get(number)
        if known is None or present is None or known.task != present.task:
            continue
        if len(known.attempts) > len(present.attempts):
            after.resume(number, known.due or known.queued)
            after.keep(number, known)
            tasks.add(known.task)
        elif number in before.sending:
            after.resume(number, before.under_way[number])
    return tasks


def events_of_results(undone: Iterable[WorldEvent], tasks: set[str]) -> Iterable[WorldEvent]:
    """The undone events of attempts, which were made nevertheless."""
    return (row for row in undone if row.task in tasks and row.event.startswith("callback."))
