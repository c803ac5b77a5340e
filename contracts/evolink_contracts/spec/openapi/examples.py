"""Example bodies of the OpenAPI document, with the values of the documented examples."""

from collections.abc import Mapping
from typing import Any

from evolink_contracts.spec.errors import FAILURES, TASK_ERROR_TYPE, HttpError
from evolink_contracts.spec.examples import EXAMPLE_CREATED, EXAMPLE_MODEL, EXAMPLE_RESULT_URL, EXAMPLE_TASK_ID
from evolink_contracts.spec.models import FLASH, Model
from evolink_contracts.spec.wire import (
    TASK_OBJECT,
    TERMINAL,
    CreatedTask,
    CreditsBody,
    ErrorPart,
    ResultsPart,
    Status,
    TaskDetail,
    TaskError,
    UsagePart,
)

_SECONDS = 5
EXAMPLE_PRICE = float(_SECONDS * FLASH.price.per_second("720p"))
"""Credits for the created example, which has the default quality, and audio."""


def request_example(model: Model) -> dict[str, Any]:
    required = {field.name: field.example for field in model.fields if field.required}
    return {"model": model.name, **required, "duration": _SECONDS}


def created_example() -> CreatedTask:
    """The page's own example values, but for the price: 5 s at the rate of the model, as the page's text bills."""
    return {
        "created": EXAMPLE_CREATED,
        "id": EXAMPLE_TASK_ID,
        "model": EXAMPLE_MODEL,
        "object": TASK_OBJECT,
        "progress": 0,
        "status": "pending",
        "task_info": {"can_cancel": True, "estimated_time": FLASH.estimated_time},
        "type": "video",
        "usage": {"billing_rule": "per_second", "credits_reserved": EXAMPLE_PRICE, "user_group": "default"},
    }


def detail_example(
    status: Status, progress: int, results: ResultsPart | None = None, error: ErrorPart | None = None
) -> TaskDetail:
    return {
        "created": EXAMPLE_CREATED,
        "id": EXAMPLE_TASK_ID,
        "model": EXAMPLE_MODEL,
        "object": TASK_OBJECT,
        "progress": progress,
        **(results or ResultsPart()),
        "status": status,
        **(error or ErrorPart()),
        "task_info": {"can_cancel": status not in TERMINAL},
        "type": "video",
        **UsagePart(),
    }


def completed_example() -> TaskDetail:
    return detail_example("completed", 100, results={"results": [EXAMPLE_RESULT_URL]})


def failed_example() -> TaskDetail:
    failure = FAILURES["content_policy_violation"]
    error: TaskError = {"code": failure.code, "message": failure.message, "type": TASK_ERROR_TYPE}
    return detail_example("failed", 0, error={"error": error})


def cancelled_example() -> dict[str, Any]:
    return {
        "id": EXAMPLE_TASK_ID,
        "object": "task.cancelled",
        "status": "cancelled",
        "message": "Task has been cancelled successfully",
    }


def credits_example() -> CreditsBody:
    """1,000 credits, less the price of the created example."""
    left = round(1000 - EXAMPLE_PRICE, 4)
    return {
        "data": {
            "token": {"remaining_credits": left, "unlimited_credits": False, "used_credits": EXAMPLE_PRICE},
            "user": {"remaining_credits": left, "used_credits": EXAMPLE_PRICE},
        },
        "message": "",
        "success": True,
    }


def error_example(row: HttpError) -> Mapping[str, object]:
    return row.body(row.message.replace("{model}", EXAMPLE_MODEL))
