"""Control calls of the logs: events and the journal, with long polling."""

import re
from collections.abc import Callable

from evolink_mock.control.endpoint import ControlCall, ControlError, ControlRequest
from evolink_mock.control.long_poll import LOG_PARAMETERS, LogView, long_poll
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.worlds.journal import JournalEntry, WorldEvent, show_entry, show_event

_ROUTES = ("create", "query", "credits", "any")
_STATUS = re.compile("[1-5][0-9x][0-9x]")
_EVENT_PARAMETERS = {"task": "only events of this task", **LOG_PARAMETERS}
_JOURNAL_PARAMETERS = {
    "task": "only requests about this task",
    "route": f"only requests of this route: {', '.join(_ROUTES)}",
    "status": "only responses of this status, such as 404, or of a class, such as 4xx",
    **LOG_PARAMETERS,
}


class LogCalls:
    """The calls of `/__mock/events` and `/__mock/journal`."""

    def __init__(self, is_shutting_down: Callable[[], bool]) -> None:
        self._is_shutting_down = is_shutting_down

    def table(self) -> tuple[ControlCall, ...]:
        return (
            ControlCall("GET", "/events", "events of tasks, clock and world", self._events, _EVENT_PARAMETERS),
            ControlCall("GET", "/journal", "requests and their responses", self._journal, _JOURNAL_PARAMETERS),
        )

    async def _events(self, request: ControlRequest) -> object:
        task = request.query.get("task")

        def matches(row: WorldEvent) -> bool:
            return task in (None, row.task)

        view = LogView(lambda _, view: view.events, matches, show_event)
        return await long_poll(request, view, self._is_shutting_down, on_clock=True)

    async def _journal(self, request: ControlRequest) -> object:
        task, route, status = (request.query.get(name) for name in ("task", "route", "status"))
        if route not in (None, *_ROUTES):
            raise ControlError(400, "invalid_query", unknown_name("route", route, _ROUTES))
        if status is not None and not _STATUS.fullmatch(status):
            raise ControlError(400, "invalid_query", "status must be three digits, such as 404, or a class such as 4xx")

        def matches(entry: JournalEntry) -> bool:
            return (
                task in (None, entry.task)
                and route in (None, entry.route)
                and (status is None or _has_status(status, entry.status))
            )

        return await long_poll(
            request, LogView(lambda world, _: world.journal, matches, show_entry), self._is_shutting_down
        )


def _has_status(pattern: str, status: int) -> bool:
    """Whether a status matches a pattern such as 404 or 4xx; an entry without an answer has status 0."""
    return all(wanted in (digit, "x") for wanted, digit in zip(pattern, f"{status:03}", strict=True))
