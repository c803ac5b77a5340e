"""Actions: everything that a step of a history can do, one row each with its values, its condition and its function."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType, NoneType
from typing import Any, TypeAlias

from evolink_contracts.reference.errors import CreateWithheld, PromiseBroken
from evolink_contracts.reference.oracle import assess_create
from evolink_contracts.spec.errors import ERRORS
from evolink_contracts.spec.wire import Seconds
from evolink_contracts.stateful.session import ALL_PROMISES, Criteria, Session
from evolink_contracts.target.budget import CHEAPEST
from evolink_contracts.target.target import Target
from evolink_contracts.trace.history import CREATE_PATH, INCONCLUSIVE

Step: TypeAlias = Mapping[str, Any]
"""`{"do": "query", "task": 0}`: an action with its values. Tasks are counted from 0, modulo their number."""
Steps: TypeAlias = Sequence[Step]

REFUSALS = tuple(
    condition for (operation, condition), row in ERRORS.items() if operation == "create" and row.status in INCONCLUSIVE
)
"""Refusals that `inject` can ask for: those about a key, an account or the service, and not about the request."""
_JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Action:
    """One action. `perform` takes a session and the values of a step, and does nothing if it is not possible.

    `needs_task` and `needs_control` say when a state machine may draw it.
    """

    name: str
    says: str
    perform: Callable[..., None]
    values: Mapping[str, tuple[type, ...]] = field(default_factory=dict)
    """The values of a step, with their types."""
    needs_task: bool = False
    needs_control: bool = False

    def is_useful(self, session: Session) -> bool:
        return (bool(session.tasks) or not self.needs_task) and (session.controlled or not self.needs_control)


def _create(session: Session, fields: Mapping[str, Any], outcome: str | None, answers: list[Any] | None) -> None:
    body = dict(fields)
    if not session.controlled:
        body |= CHEAPEST
    session.creates += 1
    url = session.callback_url(answers)
    if url is not None:
        body["callback_url"] = url
    scenario = outcome if session.controlled and not session.refusals else None
    try:
        call = session.target.create(body, scenario=scenario, notes={"listens": url is not None})
    except CreateWithheld:
        return
    if session.was_refused_on_request(call) or session.is_inconclusive(call):
        return
    assessment = assess_create(call.sent, _JSON)
    if assessment.violations:
        session.expect_refusal(call, f"{assessment.violations[0].field}: {assessment.violations[0].rule}")
        return
    if call.status != 200:
        raise PromiseBroken(f"a valid request got {call.status}: {call.answer[:200]}")
    session.tasks.append(call.task_id)
    session.target.open_tasks.add(call.task_id)
    session.model.task_created(call, assessment, scenario)


def _create_wrongly(session: Session, title: str, body: str) -> None:
    try:
        call = session.target.call("POST", CREATE_PATH, content=body.encode(), headers=_JSON)
    except CreateWithheld:
        return
    if not session.was_refused_on_request(call) and not session.is_inconclusive(call):
        session.expect_refusal(call, title)


def _query(session: Session, task: int) -> None:
    if session.tasks:
        session.query(task)


def _advance(session: Session, seconds: Seconds) -> None:
    session.target.advance(seconds if session.controlled else min(seconds, session.target.pause))


def _look_at_credits(session: Session) -> None:
    session.read_credits()


def _answer_a_callback(session: Session, status: int) -> None:
    if session.target.webhook is not None:
        session.target.webhook.answer_next(status)


def _inject(session: Session, refusal: str) -> None:
    if session.controlled:
        session.target.control.call("scenarios", {"scenario": f"create={refusal}", "times": 1})
        session.refusals.append(refusal)


def _cancel(session: Session, task: int) -> None:
    if session.tasks:
        name = session.task(task)
        if session.target.try_control(f"tasks/{name}/cancel"):
            session.model.task_cancelled(name)


def _reset(session: Session) -> None:
    if session.controlled:
        session.reset()


_ROWS = (
    Action(
        "create",
        "Create a task; some have a callback URL, and some fail.",
        _create,
        # A scenario, and the answers of a receiver, one by one.
        {"fields": (dict,), "outcome": (str, NoneType), "answers": (list, NoneType)},
    ),
    Action(
        "create_wrongly",
        "Send a create that breaks one rule.",
        _create_wrongly,
        {"title": (str,), "body": (str,)},
    ),
    Action("query", "Query a task.", _query, {"task": (int,)}, needs_task=True),
    Action("advance", "Let time pass.", _advance, {"seconds": (int, float)}),
    Action("look_at_credits", "Query the credits.", _look_at_credits),
    Action("answer_a_callback", "Set the answer to the next callback.", _answer_a_callback, {"status": (int,)}),
    Action("inject", "Have the next create refused.", _inject, {"refusal": (str,)}, needs_control=True),
    Action(
        "cancel",
        "Cancel a task, if the service can.",
        _cancel,
        {"task": (int,)},
        needs_task=True,
        needs_control=True,
    ),
    Action("reset", "Empty the world of the key.", _reset, needs_task=True, needs_control=True),
)
ACTIONS: Mapping[str, Action] = MappingProxyType({action.name: action for action in _ROWS})
"""Every action by its name."""


def play_step(session: Session, step: Step) -> None:
    """Perform one step, and check the observations after it. Raises `PromiseBroken`."""
    values = {name: value for name, value in step.items() if name != "do"}
    with session.step():
        ACTIONS[step["do"]].perform(session, **values)


def play(target: Target, steps: Steps, criteria: Criteria = ALL_PROMISES) -> None:
    """Play a whole history, from an empty world if there is a control API. Raises `PromiseBroken`."""
    if "control" in target.can:
        target.reset(0)
    if target.webhook is not None:
        target.webhook.clear()
    session = Session(target, criteria)
    for step in steps:
        play_step(session, step)
    session.finish()
