"""Explains a task in words: its scenario source, plan, requests, charges and callback attempts."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from math import isfinite
from typing import Any, NamedTuple

import msgspec

from evolink_contracts.spec.timing import CallbackPolicy
from evolink_contracts.spec.wire import TERMINAL
from evolink_mock.clock import STILL_QUERIES
from evolink_mock.core.bodies import public_status
from evolink_mock.core.choices import Choices
from evolink_mock.core.delivery import Delivery, attempt_reason, delivery_summary, describe
from evolink_mock.core.duration import SECOND, Micros, show_duration, show_rounded_duration, to_seconds
from evolink_mock.core.lifecycle import LINGERING, lingering_from, state_of
from evolink_mock.core.task import NEVER, Failure, Plan, Task, Units, to_credits
from evolink_mock.scenarios.directive import LONGEST_READ, unread_directive
from evolink_mock.worlds.journal import CLIENT_DISCONNECTED, JournalEntry, WorldEvent
from evolink_mock.worlds.log import oldest_rows
from evolink_mock.worlds.outbox import DeliveryReader
from evolink_mock.worlds.view import WorldView
from evolink_mock.worlds.world import World

_SOURCE_WORDS = {
    "prompt": "a directive in its prompt",
    "header": "the header X-Mock-Scenario",
    "queued": "a scenario queued by POST /__mock/scenarios",
    "key": "the scenario of its API key",
    "file": "the scenario file",
    "default": "the built-in default",
}


_ABOUT = {"create": "create", "query": "query"}
"""Operations of requests about a task; any other request is one for its result link."""
_PLURALS = {"query": "queries", "download": "downloads"}
_TERMINAL = (*sorted(TERMINAL), "cancelled")


class _StatusOf(msgspec.Struct):
    """The one field of a response that shows the state of its task."""

    status: str = ""


class _ShownLine(msgspec.Struct):
    """A line of a shown explanation."""

    after: str
    about: str
    says: str


class ExplainLine(NamedTuple):
    """One step of a task's history; `at` on its world's clock."""

    at: Micros
    about: str
    says: str


async def explain_task(
    world: World, view: WorldView, name: str, task: Task, policy: CallbackPolicy
) -> list[ExplainLine]:
    """All steps so far, in order of time. Requests are those that the journal still has; repeated ones are folded."""
    lines = [
        *_creation(task),
        *await _requests(world, view, name),
        *_end(task, view.now, world.config.choices),
        *_attempts(view.deliveries, name, policy),
    ]
    steps = sorted(lines, key=lambda line: line.at)
    return list(_fold_repeated(steps, task.created, stands_still=world.clock.mode == "manual"))


def show_explanation(name: str, lines: list[ExplainLine], created: Micros) -> dict[str, object]:
    """The lines as JSON-ready values."""
    return {
        "task": name,
        "story": [
            {"at": to_seconds(at), "after": show_duration(at - created), "about": about, "says": says}
            for at, about, says in lines
        ],
    }


def is_explanation(found: Mapping[str, Any]) -> bool:
    """Whether a JSON object has the form of a shown explanation."""
    try:
        lines = msgspec.convert(found.get("story"), list[_ShownLine])
        return all(isfinite(float(line.after.removesuffix("s"))) for line in lines)
    except (msgspec.ValidationError, ValueError):
        return False


def explanation_lines(story: Sequence[Mapping[str, Any]]) -> list[str]:
    """A shown explanation as text: the time since the creation to two decimals, all columns aligned."""
    times = [f"+{float(line['after'].removesuffix('s')):.2f}s" for line in story]
    width = max(8, *map(len, times))
    return [f"{time:>{width}}  {line['about']:<9} {line['says']}" for time, line in zip(times, story, strict=True)]


def _creation(task: Task) -> Iterator[ExplainLine]:
    failure = task.plan.failure
    if task.scenario is None and failure is not None:
        yield ExplainLine(task.created, "scenario", f"none; the request makes the task fail: {failure.message}")
    else:
        source = _SOURCE_WORDS[task.source]
        rule = f" ({task.rule})" if task.rule else ""
        scenario = f": {task.scenario}" if task.scenario is not None else ""
        yield ExplainLine(task.created, "scenario", f"decided by {source}{rule}{scenario}")
    prompt = msgspec.json.decode(task.request).get("prompt")
    if isinstance(prompt, str) and (note := unread_directive(prompt[:LONGEST_READ])) is not None:
        yield ExplainLine(task.created, "scenario", note)
    yield ExplainLine(task.created, "plan", _describe_plan(task.plan))
    yield ExplainLine(task.created, "charge", f"{_credits(task.plan.reserved)} reserved")


def _describe_plan(plan: Plan) -> str:
    outcome = _describe_outcome(plan.failure, plan.cancelled)
    video = f" with {show_rounded_duration(plan.video_duration)} of video" if plan.failure is None else ""
    if plan.queries_to_end:
        return f"ends at query {plan.queries_to_end}: {outcome}{video}"
    if plan.starts >= NEVER:
        return "stays pending for ever"
    starts = f"starts after {show_rounded_duration(plan.starts)}"
    if plan.lingers:
        starts += f", reaches {LINGERING} % after {show_rounded_duration(lingering_from(plan))}"
    if plan.ends >= NEVER:
        return f"{starts}, reaches 99 % after {show_rounded_duration(plan.ends - plan.tail_at_99)}, and never ends"
    tail = f" (of which {show_rounded_duration(plan.tail_at_99)} at 99 %)" if plan.tail_at_99 else ""
    return f"{starts} and ends after {show_rounded_duration(plan.ends)}{tail}: {outcome}{video}"


def _describe_outcome(failure: Failure | None, cancelled: bool) -> str:
    if failure is None:
        return "completed"
    return f"{'cancelled' if cancelled else 'failed'} with {failure.code}"


async def _requests(world: World, view: WorldView, name: str) -> list[ExplainLine]:
    def has_left(row: WorldEvent) -> bool:
        return (row.event, row.task) == (CLIENT_DISCONNECTED, name)

    def is_about(entry: JournalEntry) -> bool:
        return entry.task == name

    left = {row.detail: row.at for _, row in await oldest_rows(view.events, has_left, None, 0, view.events.last)}
    lines = []
    for _, entry in await oldest_rows(world.journal, is_about, None, 0, world.journal.last):
        about = _ABOUT.get(entry.route, "download")
        if entry.request_id not in left:
            lines.append(ExplainLine(entry.at, about, _describe_response(entry)))
            continue
        lines.append(ExplainLine(entry.at, about, f"{entry.method} carried out, its response was not received"))
        says = f"the client disconnected before the response{f' ({entry.status})' if entry.status else ''}"
        lines.append(ExplainLine(left[entry.request_id], about, says))
    return lines


def _describe_response(entry: JournalEntry) -> str:
    text = f"answered {entry.status}" if entry.status else "not answered"
    if entry.fault is not None:
        text += f", corrupted by {entry.fault}"
    if entry.route == "query" and (status := _status_in(entry.response_body)):
        text += f": {status}"
    decided = entry.source not in (None, "default") and entry.route != "create"
    return f"{entry.method} {text}" + (f" (by the {entry.source}: {entry.scenario})" if decided else "")


def _status_in(body: bytes) -> str:
    """The status of the task in a response; empty where there is none, or where the journal kept only a part of it."""
    try:
        return msgspec.json.decode(body, type=_StatusOf).status
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _fold_repeated(lines: list[ExplainLine], created: Micros, *, stands_still: bool) -> Iterator[ExplainLine]:
    """The lines, with each run of queries, or of downloads, of the same response as one line."""
    for (about, says), run in groupby(lines, key=lambda line: (line.about, line.says)):
        instants = [line.at for line in run]
        if about not in _PLURALS or len(instants) == 1:
            yield from (ExplainLine(at, about, says) for at in instants)
            continue
        first, last = (_brief(at - created) for at in (instants[0], instants[-1]))
        when = f"at {first}" if first == last else f"from {first} to {last}"
        text = f"{len(instants)} {_PLURALS[about]} {when}: {says.removeprefix('GET answered 200: ')}"
        at_once = max(instants.count(at) for at in set(instants))
        if stands_still and about == "query" and at_once >= STILL_QUERIES and not says.endswith(_TERMINAL):
            text += "; the manual clock stands still: advance it, or use evolink_mock.evolink"
        yield ExplainLine(instants[0], about, text)


def _brief(micros: Micros) -> str:
    """1831310 → `"+1.83s"`."""
    return f"+{f'{micros / SECOND:.2f}'.rstrip('0').rstrip('.')}s"


def _end(task: Task, now: Micros, choices: Choices) -> Iterator[ExplainLine]:
    if now - task.created >= task.plan.starts and task.plan.starts < NEVER:
        yield ExplainLine(task.created + task.plan.starts, "status", "processing")
    state = state_of(task, now)
    if state.ended is None:
        return
    at = task.created + state.ended
    early = next((early for early in task.early_ends if early.at == state.ended), None)
    causes = {
        "cancelled": ", by a control call",
        "forced": ", by a control call",
        "read": f", at query {task.query_count}",
    }
    cause = "" if early is None else causes[early.kind]
    code = "" if state.failure is None else f" with {state.failure.code}"
    why = "" if state.failure is None or early is not None else f": {state.failure.message}"
    yield ExplainLine(at, "status", f"{public_status(state, choices)}{code}{cause}{why}")
    yield ExplainLine(at, "charge", _describe_settlement(task.plan, state.failure))


def _describe_settlement(plan: Plan, failure: Failure | None) -> str:
    if failure is not None:
        return f"{_credits(plan.reserved)} refunded, since it failed"
    refund = plan.reserved - plan.charged
    return f"{_credits(plan.charged)} charged" + (f", {_credits(refund)} refunded" if refund else "")


def _credits(units: Units) -> str:
    amount = to_credits(units)
    return f"{amount} credit{'' if amount == 1 else 's'}"


def _attempts(deliveries: DeliveryReader, name: str, policy: CallbackPolicy) -> Iterator[ExplainLine]:
    for number in deliveries.of_task(name):
        delivery = deliveries.get(number)
        if delivery is None:
            continue
        for place, attempt in enumerate(delivery.attempts, 1):
            detail = f" ({attempt.result.detail})" if attempt.result.detail else ""
            about = f"callback {number}, attempt {place} to {attempt.target}"
            cause = _cause(delivery, place, policy)
            says = f"{about}: the receiver {describe(attempt.result)}{detail}. Sent because {cause}"
            yield ExplainLine(attempt.started, "attempt", says)
        if not delivery.attempts:
            says = f"callback {number}: {delivery_summary(delivery, policy)}"
            yield ExplainLine(delivery.queued, "attempt", says)


def _cause(delivery: Delivery, place: int, policy: CallbackPolicy) -> str:
    """The reason for an attempt, without the response to the one before, which has a line of its own."""
    reason = attempt_reason(delivery, place, policy)
    return reason if place == 1 else f"attempt {place - 1} failed; {reason.rpartition('; ')[2]}"
