"""Rows of the timeline: a task with its states, queries and callback attempts on one time axis."""

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator

import msgspec

from evolink_mock.core.bodies import public_status, shown_progress
from evolink_mock.core.delivery import Attempt, Delivery
from evolink_mock.core.duration import Micros, to_seconds
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.redaction import LONGEST_SPELLING, redact
from evolink_mock.core.task import NEVER, Task
from evolink_mock.worlds.outbox import DeliveryReader
from evolink_mock.worlds.view import WorldView
from evolink_mock.worlds.world import World

_FEW = 20
"""Tasks whose deliveries are searched one by one, rather than among all of the world."""
_PROMPT = 120
"""Characters of a prompt in a row: more than its label has room for."""


def task_rows(world: World, view: WorldView, names: Iterable[str]) -> Iterator[dict[str, object]]:
    """A JSON-ready row for each of the tasks that the world still has; instants in seconds."""
    tasks = {name: task for name in names if (task := world.tasks.get(name)) is not None}
    queries, deliveries = _queries(world, tasks), _deliveries(view.deliveries, tasks)
    for name, task in tasks.items():
        yield _task_row(world, name, task, view.now) | {"reads": queries[name], "calls": deliveries[name]}


def _task_row(world: World, name: str, task: Task, now: Micros) -> dict[str, object]:
    plan = task.plan
    state = state_of(task, now)
    ends = task.created + (plan.ends if state.ended is None else state.ended)
    return {
        "id": name,
        "model": task.model,
        "prompt": _short_prompt(task.request, world.key),
        "status": public_status(state, world.config.choices),
        "progress": shown_progress(state, world.config.choices),
        "failure": None if state.failure is None else state.failure.code,
        "scenario": task.scenario,
        "created": to_seconds(task.created),
        "starts": None if plan.starts >= NEVER else to_seconds(min(task.created + plan.starts, ends)),
        "ends": None if ends >= NEVER else to_seconds(ends),
        "ended": state.ended is not None,
    }


class _Prompt(msgspec.Struct):
    prompt: str | None = None


_decode = msgspec.json.Decoder(_Prompt).decode


def _short_prompt(request: bytes, key: str) -> str | None:
    """The beginning of a task's prompt; the key is redacted first, since half of one would not be recognised."""
    prompt = _decode(request).prompt
    if prompt is None or len(prompt) <= _PROMPT:
        return prompt
    # A key that the cut splits is redacted before; the rest of a long prompt is not shown.
    shown = redact(prompt[: _PROMPT + LONGEST_SPELLING * (len(key) + 1)].encode(), key).decode()
    return shown if len(shown) <= _PROMPT else shown[:_PROMPT] + "…"


def _queries(world: World, tasks: Container[str]) -> defaultdict[str, list[float]]:
    """The instants of the queries of each task that the journal still has."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for _, entry in world.journal.after(0):
        if entry.route == "query" and entry.task is not None and entry.task in tasks:
            found[entry.task].append(to_seconds(entry.at))
    return found


def _deliveries(deliveries: DeliveryReader, tasks: Collection[str]) -> defaultdict[str, list[dict[str, object]]]:
    found: defaultdict[str, list[dict[str, object]]] = defaultdict(list)
    few = len(tasks) <= _FEW
    numbers = sorted(number for name in tasks for number in deliveries.of_task(name)) if few else deliveries.numbers()
    for number in numbers:
        delivery = deliveries.get(number)
        if delivery is not None and delivery.task in tasks:
            found[delivery.task].append(_show_delivery(number, delivery))
    return found


def _show_delivery(number: int, delivery: Delivery) -> dict[str, object]:
    return {
        "number": number,
        "queued": to_seconds(delivery.queued),
        "stage": delivery.stage_now,
        "due": None if delivery.due is None else to_seconds(delivery.due),
        "attempts": [_show_attempt(attempt) for attempt in delivery.attempts],
    }


def _show_attempt(attempt: Attempt) -> dict[str, object]:
    return {
        "started": to_seconds(attempt.started),
        "finished": to_seconds(attempt.finished),
        "status": attempt.result.status,
        "error": attempt.result.error,
    }
