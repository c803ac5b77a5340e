"""Explains a task in words: its scenario source, plan, requests, charges and callback attempts."""

from collections.abc import Iterator
from typing import NamedTuple

from evolink_contracts.spec.timing import CallbackPolicy
from evolink_mock.core.bodies import public_status
from evolink_mock.core.choices import Choices
from evolink_mock.core.delivery import attempt_reason, delivery_summary, describe
from evolink_mock.core.duration import Micros, show_duration, to_seconds
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.task import NEVER, Failure, Plan, Task, Units, to_credits
from evolink_mock.worlds.journal import JournalEntry
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


class ExplainLine(NamedTuple):
    """One step of a task's history; `at` on its world's clock."""

    at: Micros
    about: str
    says: str


def explain_task(world: World, view: WorldView, name: str, task: Task, policy: CallbackPolicy) -> list[ExplainLine]:
    """All steps so far, in order of time. Requests are those that the journal still has."""
    lines = [
        *_creation(task),
        *_requests(world, name),
        *_end(task, view.now, world.config.choices),
        *_attempts(view.deliveries, name, policy),
    ]
    return sorted(lines, key=lambda line: line.at)


def show_explanation(name: str, lines: list[ExplainLine], created: Micros) -> dict[str, object]:
    """The lines as JSON-ready values."""
    return {
        "task": name,
        "story": [
            {"at": to_seconds(at), "after": show_duration(at - created), "about": about, "says": says}
            for at, about, says in lines
        ],
    }


def _creation(task: Task) -> Iterator[ExplainLine]:
    source = _SOURCE_WORDS[task.source]
    rule = f" ({task.rule})" if task.rule else ""
    scenario = f": {task.scenario}" if task.scenario is not None else ""
    yield ExplainLine(task.created, "scenario", f"decided by {source}{rule}{scenario}")
    yield ExplainLine(task.created, "plan", _describe_plan(task.plan))
    yield ExplainLine(task.created, "charge", f"{_credits(task.plan.reserved)} reserved")


def _describe_plan(plan: Plan) -> str:
    outcome = _describe_outcome(plan.failure, plan.cancelled)
    video = f" with {show_duration(plan.video_duration)} of video" if plan.failure is None else ""
    if plan.queries_to_end:
        return f"ends at its {plan.queries_to_end}. read: {outcome}{video}"
    if plan.starts >= NEVER:
        return "stays pending for ever"
    starts = f"starts after {show_duration(plan.starts)}"
    if plan.ends >= NEVER:
        return f"{starts}, reaches 99 % after {show_duration(plan.ends - plan.tail_at_99)}, and never ends"
    tail = f" (of which {show_duration(plan.tail_at_99)} at 99 %)" if plan.tail_at_99 else ""
    return f"{starts} and ends after {show_duration(plan.ends)}{tail}: {outcome}{video}"


def _describe_outcome(failure: Failure | None, cancelled: bool) -> str:
    if failure is None:
        return "completed"
    return f"{'cancelled' if cancelled else 'failed'} with {failure.code}"


def _requests(world: World, name: str) -> Iterator[ExplainLine]:
    for _, entry in world.journal.after(0):
        if entry.task == name:
            yield ExplainLine(entry.at, "create" if entry.route == "create" else "read", _describe_response(entry))


def _describe_response(entry: JournalEntry) -> str:
    text = f"answered {entry.status}" if entry.status else "not answered"
    if entry.fault is not None:
        text += f", spoiled by {entry.fault}"
    decided = entry.source not in (None, "default") and entry.route != "create"
    return f"{entry.method} {text}" + (f" (by the {entry.source}: {entry.scenario})" if decided else "")


def _end(task: Task, now: Micros, choices: Choices) -> Iterator[ExplainLine]:
    if now - task.created >= task.plan.starts and task.plan.starts < NEVER:
        yield ExplainLine(task.created + task.plan.starts, "status", "processing")
    state = state_of(task, now)
    if state.ended is None:
        return
    at = task.created + state.ended
    early = next((early for early in task.early_ends if early.at == state.ended), None)
    causes = {"cancelled": ", by hand", "forced": ", by hand", "read": f", by its {task.query_count}. read"}
    cause = "" if early is None else causes[early.kind]
    code = "" if state.failure is None else f" with {state.failure.code}"
    yield ExplainLine(at, "status", f"{public_status(state, choices)}{code}{cause}")
    yield ExplainLine(at, "charge", _describe_settlement(task.plan, state.failure))


def _describe_settlement(plan: Plan, failure: Failure | None) -> str:
    if failure is not None:
        return f"{_credits(plan.reserved)} refunded, since it failed"
    refund = plan.reserved - plan.charged
    return f"{_credits(plan.charged)} charged" + (f", {_credits(refund)} given back" if refund else "")


def _credits(units: Units) -> str:
    amount = to_credits(units)
    return f"{amount} credit{'' if amount == 1 else 's'}"


def _attempts(deliveries: DeliveryReader, name: str, policy: CallbackPolicy) -> Iterator[ExplainLine]:
    for number in deliveries.of_task(name):
        delivery = deliveries.get(number)
        if delivery is None:
            continue
        for place, attempt in enumerate(delivery.attempts, 1):
            reason = attempt_reason(delivery, place, policy)
            about = f"callback {number}, attempt {place} to {attempt.target}"
            yield ExplainLine(
                attempt.started, "attempt", f"{about}: the receiver {describe(attempt.result)}; because {reason}"
            )
        if not delivery.attempts:
            says = f"callback {number}: {delivery_summary(delivery, policy)}"
            yield ExplainLine(delivery.queued, "attempt", says)
