"""Operations of the OpenAPI document: create with its callback, query, cancel, credits."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from evolink_contracts.spec import headers
from evolink_contracts.spec.errors import ERRORS, HttpError, Operation
from evolink_contracts.spec.examples import EXAMPLE_TASK_ID
from evolink_contracts.spec.headers import Header
from evolink_contracts.spec.models import FLASH, MODELS
from evolink_contracts.spec.openapi.examples import (
    cancelled_example,
    completed_example,
    created_example,
    credits_example,
    detail_example,
    error_example,
    failed_example,
    request_example,
)
from evolink_contracts.spec.openapi.schemas import schema_name
from evolink_contracts.spec.sources import Basis
from evolink_contracts.spec.timing import CallbackPolicy
from evolink_contracts.spec.wire import TASK_ID_PREFIX

Json: TypeAlias = dict[str, Any]


def _header(header: Header, schema: Json, *, required: bool = False) -> Json:
    return {
        header.name: {
            "description": header.meaning,
            "required": required,
            "schema": schema,
            "x-basis": header.basis,
            "x-source": header.source,
        }
    }


_REQUEST_ID = _header(headers.REQUEST_ID, {"type": "string", "minLength": 1}, required=True)
_REPLAYED = _header(headers.IDEMPOTENCY_REPLAYED, {"const": "true"})
_RETRY_AFTER = _header(headers.RETRY_AFTER, {"type": "integer", "minimum": 1})
_IDEMPOTENCY_KEY: Json = {
    "name": headers.IDEMPOTENCY_KEY.name,
    "in": "header",
    "description": headers.IDEMPOTENCY_KEY.meaning,
    "schema": {"type": "string", "pattern": headers.IDEMPOTENCY_KEY.pattern},
    "x-basis": headers.IDEMPOTENCY_KEY.basis,
    "x-source": headers.IDEMPOTENCY_KEY.source,
}


def create_operation(cancel_route: bool, policy: CallbackPolicy) -> Json:
    names = {model.name: f"#/components/schemas/{schema_name(model)}" for model in MODELS.values()}
    return {
        "operationId": "createVideoGeneration",
        "summary": "Create a video task",
        "parameters": [_IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "oneOf": [{"$ref": reference} for reference in names.values()],
                        "discriminator": {"propertyName": "model", "mapping": names},
                    },
                    "example": request_example(FLASH),
                }
            },
        },
        "responses": {
            "200": {
                **_success("The task was created.", "VideoGenerationResponse", "S1a", created=created_example()),
                "headers": {**_REQUEST_ID, **_REPLAYED},
                "links": {
                    "task": _link("getTaskDetail", "Query the task."),
                    **({"cancel": _link("cancelTask", "Cancel the task.")} if cancel_route else {}),
                },
            },
            **_refusals("create"),
        },
        "callbacks": {"taskEnded": {"{$request.body#/callback_url}": {"post": _callback(policy)}}},
    }


def _link(operation_id: str, description: str) -> Json:
    return {
        "operationId": operation_id,
        "parameters": {"task_id": "$response.body#/id"},
        "description": description,
    }


def _callback(policy: CallbackPolicy) -> Json:
    gaps = ", ".join(f"{gap:g}" for gap in policy.gaps)
    return {
        "summary": "The end of a task",
        "description": f"Sent when a task has ended and was billed. An attempt may take {policy.timeout:g} s; after a "
        f"failure it is repeated {gaps} s later, {policy.max_attempts} attempts in all.",
        "security": [],
        "requestBody": {
            "required": True,
            "content": _json("TaskDetailResponse", completed=completed_example(), failed=failed_example()),
        },
        "responses": {
            "2XX": {"description": "Delivered; no further attempt is made."},
            "default": {"description": "A failure: another attempt is made."},
        },
        "x-basis": policy.basis,
        "x-source": policy.source,
    }


def _task_id() -> Json:
    return {
        "name": "task_id",
        "in": "path",
        "required": True,
        "description": f"As create answered it; begins with {TASK_ID_PREFIX}, or is refused with 400.",
        "schema": {"type": "string", "pattern": f"^{TASK_ID_PREFIX}"},
        "example": EXAMPLE_TASK_ID,
        "x-basis": "documented",
        "x-source": "S1b",
    }


def query_operation() -> Json:
    return {
        "operationId": "getTaskDetail",
        "summary": "Query a task",
        "parameters": [_task_id()],
        "responses": {
            "200": _success(
                "The task as it is now.",
                "TaskDetailResponse",
                "S1b",
                pending=detail_example("pending", 0),
                processing=detail_example("processing", 65),
                completed=completed_example(),
                failed=failed_example(),
            ),
            **_refusals("query"),
        },
    }


def cancel_operation() -> Json:
    answered = _refusals("query")
    # What reads cost, and what only a scenario brings about: this route is no read, and takes none.
    del answered["402"], answered["429"], answered["500"]
    return {
        "operationId": "cancelTask",
        "summary": "Cancel a task (an unpublished draft of 2025; no current page has it)",
        "parameters": [_task_id()],
        "responses": {
            "200": {
                "description": "The task is cancelled.",
                "headers": _REQUEST_ID,
                "content": _json("CancelledTask", cancelled=cancelled_example()),
            },
            **answered,
        },
        "x-basis": "inferred",
        "x-source": "S1e",
    }


def credits_operation() -> Json:
    return {
        "operationId": "getCredits",
        "summary": "Query the remaining credits",
        "responses": {
            "200": _success(
                "The balance of the key and of its user.", "CreditsResponse", "S1d", limited=credits_example()
            ),
            **_refusals("credits"),
        },
    }


def _success(description: str, schema: str, source: str, **examples: Mapping[str, object]) -> Json:
    basis: Basis = "documented"
    return {
        "description": description,
        "headers": _REQUEST_ID,
        "content": _json(schema, **examples),
        "x-basis": basis,
        "x-source": source,
    }


def _json(schema: str, **examples: Mapping[str, object]) -> Json:
    return {
        "application/json": {
            "schema": {"$ref": f"#/components/schemas/{schema}"},
            "examples": {name: {"value": value} for name, value in examples.items()},
        }
    }


def _refusals(operation: Operation) -> Json:
    """One response a status, with every body of that status that has a row as an example."""
    rows = [row for row in ERRORS.values() if row.operation == operation]
    rows.append(ERRORS["any", "headers_too_large"])
    statuses = sorted({row.status for row in rows})
    return {str(status): _refusal([row for row in rows if row.status == status]) for status in statuses}


def _refusal(rows: list[HttpError]) -> Json:
    # The credits page alone has integer codes; what the emulator refuses before it knows the route has none of them.
    names = dict.fromkeys("LegacyErrorResponse" if isinstance(row.code, int) else "ErrorResponse" for row in rows)
    shapes = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    return {
        "description": " / ".join(row.condition.replace("_", " ") for row in rows),
        "headers": {**_REQUEST_ID, **(_RETRY_AFTER if rows[0].status == 429 else {})},
        "content": {
            "application/json": {
                "schema": shapes[0] if len(shapes) == 1 else {"anyOf": shapes},
                "examples": {row.condition: {"value": error_example(row)} for row in rows},
            }
        },
        "x-basis": {row.condition: row.basis for row in rows},
        "x-source": {row.condition: row.source for row in rows},
    }
