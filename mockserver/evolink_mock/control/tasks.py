"""Control calls of tasks: lists, shows and explains them, cancels them and forces their outcome."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

import msgspec

from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.spec.timing import CallbackPolicy
from evolink_contracts.spec.wire import TERMINAL
from evolink_mock.clock import yield_to_loop
from evolink_mock.control.endpoint import ControlCall, ControlError, ControlRequest, parse_body, read_number
from evolink_mock.control.long_poll import LIMIT, MAX_ROWS
from evolink_mock.control.redacted_rows import Redacted, show_one, show_rows
from evolink_mock.control.views import task_detail, task_summary
from evolink_mock.core.bodies import public_status
from evolink_mock.core.choices import Choices
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.suggestion import unknown_name
from evolink_mock.core.task import EarlyEnd, Failure, Task
from evolink_mock.worlds.slices import RECORD_SLICE, WORLD_SLICE
from evolink_mock.worlds.view import WorldView
from evolink_mock.worlds.world import World

_OUTCOMES = 'end an unfinished task now: {"status": "failed", "code": "service_error"} or {"status": "completed"}'
_COST_OF_WORLD = RECORD_SLICE // WORLD_SLICE
"""Tasks that cost as much as a world without any."""
_STATUSES = ("pending", "processing", *sorted(TERMINAL))
_LIST_PARAMETERS = {
    "status": f"only tasks of this status: {', '.join(_STATUSES)}",
    "limit": LIMIT,
    "offset": "number of the newest rows to leave out",
}


class ForcedOutcome(msgspec.Struct, forbid_unknown_fields=True):
    """The forced end of a task. `code` is free text, since the real service passes upstream codes through too."""

    status: Annotated[str, msgspec.Meta(description="`completed` or `failed`")]
    code: Annotated[str | None, msgspec.Meta(description="failure code; `unknown_error` unless given")] = None
    message: Annotated[str | None, msgspec.Meta(description="failure message; the documented one unless given")] = None


class TaskCalls:
    """The calls of `/__mock/tasks`."""

    def __init__(self, choices: Choices, policy: CallbackPolicy) -> None:
        self._policy = policy
        self._choices = choices

    def table(self) -> tuple[ControlCall, ...]:
        return (
            ControlCall(
                "GET",
                "/tasks",
                "tasks, oldest first: the last `limit`, before the last `offset`",
                self._list,
                _LIST_PARAMETERS,
            ),
            ControlCall("GET", "/tasks/{task_id}", "one task: request, plan, state, charges", self._show),
            ControlCall(
                "GET",
                "/tasks/{task_id}/explain",
                "explanation of one task: its scenario, plan, requests and callbacks",
                self._explain,
            ),
            ControlCall("POST", "/tasks/{task_id}/cancel", "cancel an unfinished task", self._cancel),
            ControlCall("POST", "/tasks/{task_id}/outcome", _OUTCOMES, self._set_outcome, body=ForcedOutcome),
        )

    async def _list(self, request: ControlRequest) -> object:
        limit = read_number(request, "limit", 100, MAX_ROWS)
        offset = read_number(request, "offset", 0, 10**9)
        wanted = request.query.get("status")
        if wanted is not None and wanted not in _STATUSES:
            raise ControlError(400, "invalid_query", unknown_name("status", wanted, _STATUSES))
        found = await _find_newest(request.worlds, wanted, offset, limit)
        rows = ((row[0], partial(task_summary, *row, row[0].clock.now())) for row in reversed(found))
        return Redacted({"tasks": await show_rows(rows, identified=request.all_worlds)})

    async def _show(self, request: ControlRequest) -> object:
        world, view, name, task = await _find(request)
        return await show_one(world, task_detail(world, view, name, task, self._choices))

    async def _explain(self, request: ControlRequest) -> object:
        from evolink_mock.control.explain import explain_task, show_explanation

        world, view, name, task = await _find(request)
        lines = await explain_task(world, view, name, task, self._policy)
        return await show_one(world, show_explanation(name, lines, task.created))

    async def _cancel(self, request: ControlRequest) -> object:
        if request.body.strip() not in (b"", b"{}"):
            raise ControlError(400, "invalid_body", "cancel takes no body")
        return await self._end(request, "cancelled", None)

    async def _set_outcome(self, request: ControlRequest) -> object:
        return await self._end(request, "forced", parse_outcome(request.body))

    async def _end(
        self, request: ControlRequest, kind: Literal["cancelled", "forced"], failure: Failure | None
    ) -> object:
        world, view, name, task = await _find(request)
        # No other coroutine runs from here on: a task found unfinished is still so when it is ended.
        state = state_of(task, view.now)
        if state.ended is not None:
            raise ControlError(409, "task_ended", f"The task has ended already: {state.status}")
        ended = world.tasks.end(name, task, EarlyEnd(kind, view.now - task.created, failure))
        return await show_one(world, task_detail(world, view, name, ended, self._choices))


def parse_outcome(body: bytes) -> Failure | None:
    """The failure to end with, or `None` to complete. Raises `ControlError`."""
    outcome = parse_body(body, ForcedOutcome)
    if outcome.status == "completed":
        if outcome.code is not None or outcome.message is not None:
            raise ControlError(400, "invalid_body", "code and message need the status failed")
        return None
    if outcome.status != "failed":
        raise ControlError(400, "invalid_body", f"status must be completed or failed; got {outcome.status[:40]!r}")
    code = outcome.code or "unknown_error"
    if len(code) > 100 or len(outcome.message or "") > 2000:
        raise ControlError(400, "invalid_body", "code has at most 100 characters, message at most 2000")
    documented = FAILURES.get(code)
    return Failure(code, outcome.message or (documented.message if documented else code))


async def _find_newest(
    worlds: Sequence[World], status: str | None, offset: int, limit: int
) -> list[tuple[World, str, Task]]:
    """The newest tasks of all worlds, one world after the other, without the first `offset`; newest first."""
    found: list[tuple[World, str, Task]] = []
    done = 0
    for world in reversed(worlds):
        names = world.tasks.ids()
        if status is None:  # Those that are left out need not be decoded.
            left_out, offset = offset, max(offset - len(names), 0)
            names = names[: max(len(names) - left_out, 0)]
        for name in reversed(names):
            if len(found) == limit:
                return found
            if (done := done + 1) % RECORD_SLICE == 0:
                await yield_to_loop()
            if (task := world.tasks.get(name)) is None or not _has_status(world, task, status):
                continue
            if offset and status is not None:
                offset -= 1
            else:
                found.append((world, name, task))
        if (done := done + _COST_OF_WORLD) % RECORD_SLICE < _COST_OF_WORLD:
            await yield_to_loop()
    return found


def _has_status(world: World, task: Task, status: str | None) -> bool:
    return status is None or public_status(state_of(task, world.clock.now()), world.config.choices) == status


async def _find(request: ControlRequest) -> tuple[World, WorldView, str, Task]:
    """The task, its world, and the settled view of that world. Raises `ControlError`."""
    name = request.path["task_id"]
    for world in request.worlds:
        if name in world.tasks:
            view = await world.settled_view()
            if (task := world.tasks.get(name)) is not None:  # A reset may have removed it meanwhile.
                return world, view, name, task
    raise ControlError(404, "task_not_found", "No such task in this world; ?all=true searches every world")
