"""JSON bodies of the API's responses, with their fields in documented order."""

from collections.abc import Sequence
from typing import cast

from evolink_contracts.spec.errors import TASK_ERROR_TYPE
from evolink_contracts.spec.models import Model
from evolink_contracts.spec.wire import (
    CREDITS_PER_CNY,
    CREDITS_PER_USD,
    TASK_OBJECT,
    TERMINAL,
    Cost,
    CreatedTask,
    CreditsBody,
    RecordedTask,
    Status,
    TaskDetail,
    Usage,
)
from evolink_mock.core.billing import Ledger
from evolink_mock.core.choices import Choices
from evolink_mock.core.duration import SECOND
from evolink_mock.core.task import UNITS_PER_CREDIT, State, Task, Units, to_credits

USER_GROUP = "default"
"""The page's example."""


def created_body(task_id: str, task: Task, model: Model, choices: Choices) -> CreatedTask:
    """The 200 body of create."""
    return {
        "created": task.created // SECOND,
        "id": task_id,
        "model": task.model,
        "object": TASK_OBJECT,
        "progress": 0,
        "status": "pending",
        "task_info": {"can_cancel": True, "estimated_time": model.estimated_time},
        "type": "video",
        "usage": {
            "billing_rule": choices.billing_rule,
            "credits_reserved": to_credits(task.plan.reserved),
            "user_group": USER_GROUP,
        },
    }


def task_body(task_id: str, task: Task, state: State, results: Sequence[str], choices: Choices) -> TaskDetail:
    """The 200 body of a query, and of a callback. `results` are the links of a completed task."""
    status = public_status(state, choices)
    if status == "completed" and choices.body_profile == "recorded":
        return cast(TaskDetail, recorded_body(task_id, task, state, results))
    # Built up key by key, because the order is the documents' and every query runs this.
    body: dict[str, object] = {
        "created": task.created // SECOND,
        "id": task_id,
        "model": task.model,
        "object": TASK_OBJECT,
        "progress": shown_progress(state, choices),
    }
    if status == "completed":
        body["results"] = list(results)
    elif choices.absent_results != "omit":
        body["results"] = None if choices.absent_results == "null" else []
    body["status"] = status
    if state.failure is not None:
        body["error"] = {"code": state.failure.code, "message": state.failure.message, "type": TASK_ERROR_TYPE}
    elif choices.absent_error == "null":
        body["error"] = None
    body["task_info"] = {"can_cancel": _can_cancel(status, choices)}
    body["type"] = "video"
    if choices.task_usage == "include":
        body["usage"] = _usage(task, state, choices)
    return cast(TaskDetail, body)


def recorded_body(task_id: str, task: Task, state: State, results: Sequence[str]) -> RecordedTask:
    """The body of a completed task as the live service was recorded (S12)."""
    charged = task.plan.charged
    cost: Cost = {
        "credits": to_credits(charged),
        "usd": _currency(charged, CREDITS_PER_USD),
        "cny": _currency(charged, CREDITS_PER_CNY),
    }
    return {
        "created": task.created // SECOND,
        "duration": (state.ended or 0) // SECOND,
        "id": task_id,
        "model": task.model,
        "object": TASK_OBJECT,
        "progress": state.progress,
        "result_data": [{"url": link} for link in results],
        "results": list(results),
        "status": "completed",
        "task_info": {"can_cancel": False},
        "type": "video",
        "usage": {"cost": cost, "credits_used": to_credits(charged)},
    }


def _currency(units: Units, credits_each: int) -> float:
    """An amount of a currency, with three decimals, half up."""
    parts = credits_each * UNITS_PER_CREDIT
    return ((2000 * units + parts) // (2 * parts)) / 1000


def credits_body(ledger: Ledger) -> CreditsBody:
    """The 200 body of the credits route. One key is one account here, so key and user have the same figures."""
    remaining, used = to_credits(ledger.remaining), to_credits(ledger.used)
    return {
        "data": {
            "token": {
                "remaining_credits": remaining,
                "unlimited_credits": ledger.balance is None,
                "used_credits": used,
            },
            "user": {"remaining_credits": remaining, "used_credits": used},
        },
        "message": "",
        "success": True,
    }


def public_status(state: State, choices: Choices) -> Status:
    if state.as_cancelled:
        return "cancelled"
    return choices.cancelled_as if state.status == "cancelled" else state.status


def shown_progress(state: State, choices: Choices) -> int:
    if state.failure is not None and choices.failed_progress == "zero":
        return 0
    return state.progress


def _can_cancel(status: Status, choices: Choices) -> bool:
    if choices.can_cancel == "until_processing":
        return status == "pending"
    return status not in TERMINAL


def _usage(task: Task, state: State, choices: Choices) -> Usage:
    usage: Usage = {
        "billing_rule": choices.billing_rule,
        "credits_reserved": to_credits(task.plan.reserved),
        "user_group": USER_GROUP,
    }
    if state.ended is not None:
        usage["credits_used"] = to_credits(task.plan.charged) if state.status == "completed" else 0
    return usage
