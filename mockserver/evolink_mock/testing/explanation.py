"""Explanation of everything that a test did with an emulator, as text for its failure report."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from evolink_mock.control.explain import explanation_lines

Control = Callable[[str], Any]
"""A reading call of the control API, by its path."""

_TASKS = 20
"""Tasks, and refused requests, that are explained at most."""


def explain_world(control: Control, *, everywhere: bool) -> str:
    """The explanation of each task, the requests that were refused, and the clock."""
    return "\n".join([*explain_requests(control, everywhere=everywhere), *_clocks(control, everywhere=everywhere)])


def explain_requests(control: Control, *, everywhere: bool) -> list[str]:
    """The same without the clock; empty where nothing was created and nothing refused."""
    scope = "&all=true" if everywhere else ""
    return [*_tasks(control, scope), *_refusals(control, scope)]


def _tasks(control: Control, scope: str) -> Iterator[str]:
    tasks = control(f"tasks?limit=1000{scope}")["tasks"]
    own = control("clock")["world"] if scope and tasks else ""
    if len(tasks) > _TASKS:
        yield f"{len(tasks) - _TASKS} earlier tasks are left out"
    for task in tasks[-_TASKS:]:
        found = control(f"tasks/{task['id']}/explain?{scope.removeprefix('&')}")
        yield f"{task['id']}: {task['status']}{_of_another(task, own)}"
        yield from (f"  {line}" for line in explanation_lines(found["story"]))


def _refusals(control: Control, scope: str) -> Iterator[str]:
    """The requests that failed and belong to no task, such as a create that was invalid."""
    rows = [row for row in control(f"journal?limit=1000{scope}")["rows"] if row["task"] is None and _failed(row)]
    own = control("clock")["world"] if scope and rows else ""
    for row in rows[-_TASKS:]:
        request, answer = row["request"], row["answer"]
        status = answer["status"] or "nothing"
        says = f"{request['method']} {request['path']} answered {status}: {_error_in(answer['body'])}"
        yield says + _of_another(row, own)
        if row["scenario"]:
            yield f"  by the scenario {row['scenario']} ({row['scenario_source']})"
        if request["body"]:
            yield f"  the request was {request['body'][:500]}"


def _failed(row: dict[str, Any]) -> bool:
    status = row["answer"]["status"]
    return status is None or status >= 400


def _error_in(body: str) -> str:
    try:
        error = json.loads(body)["error"]
        return f"{error['code']}: {error['message']}"
    except (ValueError, LookupError, TypeError):
        return body[:200] or "no response"


def _of_another(row: dict[str, Any], own: str) -> str:
    """The key of a row of another world, which has a clock, scenarios and a list of tasks of its own."""
    return f" (of another key, {row['key']}, with a clock of its own)" if row.get("world", own) != own else ""


def _clocks(control: Control, *, everywhere: bool) -> Iterator[str]:
    """The clock of each other key that is explained, and at last that of the own key."""
    clock = control("clock")
    others = control("clock?all=true")["worlds"] if everywhere else []
    for other in others[-_TASKS:]:
        if other["world"] != clock["world"]:
            yield f"the clock of the other key {other['key']} shows {_shown(other)}"
    yield f"the clock shows {_shown(clock)}"


def _shown(clock: dict[str, Any]) -> str:
    due = clock["next_event"]
    following = "nothing is due" if due is None else f"the next event is due in {due - clock['now']:.2f}s"
    return f"{clock['now']:.2f} ({clock['mode']}); {following}"
