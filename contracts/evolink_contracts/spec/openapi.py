"""The rows as an OpenAPI 3.1 document. Nothing reads it back: the rows stay the only source."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from evolink_contracts.spec.errors import ERRORS, FAILURES, TASK_ERROR_TYPE, HttpError, Operation
from evolink_contracts.spec.fields import Field
from evolink_contracts.spec.models import MODELS, Model
from evolink_contracts.spec.sources import Basis
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS, RESULT_LINK, CallbackPolicy
from evolink_contracts.spec.wire import (
    BILLING_RULES,
    DOCUMENTED_STATUSES,
    OUTPUT_TYPES,
    TASK_ID_PATTERN,
    TASK_ID_PREFIX,
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

Json: TypeAlias = dict[str, Any]

_EXAMPLE_CREATED = 1757169743
_EXAMPLE_ID = f"{TASK_ID_PREFIX}{_EXAMPLE_CREATED}-7cvnl5zw"
_EXAMPLE_MODEL = "wan2.6-image-to-video-flash"
_EXAMPLE_LINK = "https://media.evolink.ai/video.mp4"
_REQUEST_ID: Json = {
    "X-Request-Id": {
        "description": "Names the exchange.",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "x-basis": "vendor client",
        "x-source": "S2",
    }
}


_REPLAYED: Json = {
    "Idempotency-Replayed": {
        "description": "`true` where the Idempotency-Key was used before, and this is the task of then.",
        "required": False,
        "schema": {"const": "true"},
        "x-basis": "vendor client",
        "x-source": "S2",
    }
}
_RETRY_AFTER: Json = {
    "Retry-After": {
        "description": "In how many seconds to try again.",
        "required": False,
        "schema": {"type": "integer", "minimum": 1},
        "x-basis": "vendor client",
        "x-source": "S2",
    }
}
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key with the same request gives the same task, and is charged once.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{16,96}$"},
    "x-basis": "vendor client",
    "x-source": "S2",
}


def render_openapi(server_url: str, *, cancel_route: bool = False, policy: CallbackPolicy = EVOLINK_CALLBACKS) -> Json:
    """The document of create, query, credits and the callback, as a JSON-ready value.

    Without `server_url` the routes are those of whatever host the document was read from.
    """
    task_path: Json = {"get": _query()}
    if cancel_route:
        task_path["delete"] = _cancel()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "EvoLink asynchronous video API, as evolink-mock emulates it",
            "version": "1",
            "description": "Each part names the basis it stands on (x-basis) and its source (x-source).",
        },
        "servers": [{"url": server_url or "/"}],
        "security": [{"bearer": []}],
        "paths": {
            "/v1/videos/generations": {"post": _create(cancel_route, policy)},
            "/v1/tasks/{task_id}": task_path,
            "/v1/credits": {"get": _credits()},
        },
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                **{_schema_name(model): _request_schema(model) for model in MODELS.values()},
                "VideoGenerationResponse": _created_schema(),
                "TaskDetailResponse": _detail_schema(),
                "CreditsResponse": _credits_schema(),
                "ErrorResponse": _error_schema("string"),
                "LegacyErrorResponse": _error_schema("integer"),
                **({"CancelledTask": _cancelled_schema()} if cancel_route else {}),
            },
        },
    }


def _create(cancel_route: bool, policy: CallbackPolicy) -> Json:
    names = {model.name: f"#/components/schemas/{_schema_name(model)}" for model in MODELS.values()}
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
                    "example": _request_example(MODELS[_EXAMPLE_MODEL]),
                }
            },
        },
        "responses": {
            "200": {
                **_success("The task was created.", "VideoGenerationResponse", "S1a", created=_created_example()),
                "headers": {**_REQUEST_ID, **_REPLAYED},
                "links": {
                    "task": _link("getTaskDetail", "Ask how the task is doing."),
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
        "description": f"Sent once a task has ended and was billed. An attempt may take {policy.timeout:g} s; after a "
        f"failure it is repeated {gaps} s later, {policy.max_attempts} attempts in all.",
        "security": [],
        "requestBody": {
            "required": True,
            "content": _json("TaskDetailResponse", completed=_completed_example(), failed=_failed_example()),
        },
        "responses": {
            "2XX": {"description": "Taken; nothing more is sent."},
            "default": {"description": "A failure: the attempt is repeated."},
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
        "example": _EXAMPLE_ID,
        "x-basis": "documented",
        "x-source": "S1b",
    }


def _query() -> Json:
    return {
        "operationId": "getTaskDetail",
        "summary": "Ask how a task is doing",
        "parameters": [_task_id()],
        "responses": {
            "200": _success(
                "The task as it is now.",
                "TaskDetailResponse",
                "S1b",
                pending=_detail_example("pending", 0),
                processing=_detail_example("processing", 65),
                completed=_completed_example(),
                failed=_failed_example(),
            ),
            **_refusals("query"),
        },
    }


def _cancel() -> Json:
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
                "content": _json("CancelledTask", cancelled=_cancelled_example()),
            },
            **answered,
        },
        "x-basis": "inferred",
        "x-source": "S1e",
    }


def _credits() -> Json:
    return {
        "operationId": "getCredits",
        "summary": "Ask how many credits remain",
        "responses": {
            "200": _success(
                "The balance of the key and of its user.", "CreditsResponse", "S1d", limited=_credits_example()
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
                "examples": {row.condition: {"value": _error_example(row)} for row in rows},
            }
        },
        "x-basis": {row.condition: row.basis for row in rows},
        "x-source": {row.condition: row.source for row in rows},
    }


def _error_example(row: HttpError) -> Mapping[str, object]:
    return row.body(row.message.replace("{model}", _EXAMPLE_MODEL))


def _schema_name(model: Model) -> str:
    """`wan2.6-image-to-video-flash` → `Wan26ImageToVideoFlashRequest`."""
    return "".join(part.capitalize() for part in model.name.replace(".", "").split("-")) + "Request"


def _request_example(model: Model) -> Json:
    required = {field.name: field.example for field in model.fields if field.required}
    return {"model": model.name, **required, "duration": 5}


def _created_example() -> CreatedTask:
    """The page's own example values; `per_call` is shown under the setting billing_rule=per_call."""
    return {
        "created": _EXAMPLE_CREATED,
        "id": _EXAMPLE_ID,
        "model": _EXAMPLE_MODEL,
        "object": TASK_OBJECT,
        "progress": 0,
        "status": "pending",
        "task_info": {"can_cancel": True, "estimated_time": MODELS[_EXAMPLE_MODEL].estimated_time},
        "type": "video",
        "usage": {"billing_rule": "per_call", "credits_reserved": 5, "user_group": "default"},
    }


def _detail_example(
    status: Status, progress: int, results: ResultsPart | None = None, error: ErrorPart | None = None
) -> TaskDetail:
    return {
        "created": _EXAMPLE_CREATED,
        "id": _EXAMPLE_ID,
        "model": _EXAMPLE_MODEL,
        "object": TASK_OBJECT,
        "progress": progress,
        **(results or ResultsPart()),
        "status": status,
        **(error or ErrorPart()),
        "task_info": {"can_cancel": status not in TERMINAL},
        "type": "video",
        **UsagePart(),
    }


def _completed_example() -> TaskDetail:
    return _detail_example("completed", 100, results={"results": [_EXAMPLE_LINK]})


def _failed_example() -> TaskDetail:
    failure = FAILURES["content_policy_violation"]
    error: TaskError = {"code": failure.code, "message": failure.message, "type": TASK_ERROR_TYPE}
    return _detail_example("failed", 0, error={"error": error})


def _cancelled_example() -> Json:
    return {
        "id": _EXAMPLE_ID,
        "object": "task.cancelled",
        "status": "cancelled",
        "message": "Task has been cancelled successfully",
    }


def _credits_example() -> CreditsBody:
    """1,000 credits, of which the created example took its 5."""
    return {
        "data": {
            "token": {"remaining_credits": 995, "unlimited_credits": False, "used_credits": 5},
            "user": {"remaining_credits": 995, "used_credits": 5},
        },
        "message": "",
        "success": True,
    }


def _request_schema(model: Model) -> Json:
    top = [field for field in model.fields if field.parent is None]
    return {
        "type": "object",
        "description": model.title,
        "required": ["model", *(field.name for field in top if field.required)],
        "properties": {
            "model": {"type": "string", "const": model.name, "default": model.name},
            **{field.name: _field_schema(field, model.fields) for field in top},
        },
        "x-basis": model.basis,
        "x-source": model.source,
    }


def _field_schema(field: Field, fields: Iterable[Field]) -> Json:
    schema: Json = {"type": _JSON_TYPES[field.kind]}
    if field.kind == "urls":
        # The text asks for one image; the page's schema states only the upper bound.
        schema |= {"minItems": field.max_items, "maxItems": field.max_items}
        schema["items"] = {"type": "string", "format": "uri", "pattern": field.pattern}
    if field.kind == "url":
        schema |= {"format": "uri", "pattern": field.pattern}
    if field.kind == "object":
        inner = [held for held in fields if held.parent == field.name]
        schema["properties"] = {held.name: _field_schema(held, ()) for held in inner}
    limits = {
        "minimum": field.minimum,
        "maximum": field.maximum,
        "maxLength": field.max_length,
        "enum": list(field.choices) or None,
        "default": field.default if field.schema_default else None,
    }
    schema |= {name: limit for name, limit in limits.items() if limit is not None}
    if not field.required:
        schema = _nullable(schema)
    # To a JSON Schema 5.0 is an integer; to the rulings of the facts it is not, and only words can say so.
    whole = " 5.0 is refused, being no integer." if field.kind == "integer" else ""
    return schema | {
        "description": field.meaning + whole,
        "examples": [field.example],
        "x-basis": field.basis,
        "x-source": field.source,
    }


def _nullable(schema: Json) -> Json:
    """An optional field may be null, and then counts as absent."""
    schema = schema | {"type": [schema["type"], "null"]}
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    return schema


_JSON_TYPES = {
    "string": "string",
    "url": "string",
    "urls": "array",
    "integer": "integer",
    "boolean": "boolean",
    "object": "object",
}


def _created_schema() -> Json:
    return _object(
        created={"type": "integer", "minimum": 0, "description": "Unix seconds."},
        id={"type": "string", "pattern": TASK_ID_PATTERN},
        model={"enum": list(MODELS)},
        object={"const": TASK_OBJECT},
        progress={"type": "integer", "minimum": 0, "maximum": 100},
        status={"enum": list(DOCUMENTED_STATUSES)},
        task_info=_object(
            can_cancel={"type": "boolean"},
            estimated_time={"type": "integer", "minimum": 0, "description": "Seconds."},
        ),
        type={"enum": list(OUTPUT_TYPES)},
        usage=_usage_schema(),
    )


def _usage_schema() -> Json:
    return _object(
        billing_rule={"enum": list(BILLING_RULES)},
        credits_reserved={"type": "number", "minimum": 0},
        user_group={"type": "string"},
    )


def _detail_schema() -> Json:
    required = _object(
        created={"type": "integer", "minimum": 0, "description": "Unix seconds."},
        id={"type": "string", "pattern": TASK_ID_PATTERN},
        model={"enum": list(MODELS)},
        object={"const": TASK_OBJECT},
        progress={"type": "integer", "minimum": 0, "maximum": 100},
        status={"enum": [*DOCUMENTED_STATUSES, "cancelled"]},
        task_info=_object(can_cancel={"type": "boolean"}),
        type={"enum": list(OUTPUT_TYPES)},
    )
    hours = RESULT_LINK.seconds // 3600
    required["properties"] |= {
        "results": {
            "type": ["array", "null"],
            "items": {"type": "string", "format": "uri"},
            "description": f"Links to the video, once completed; valid for {hours} hours.",
        },
        "error": {
            **_object(
                code={"type": "string", "examples": list(FAILURES)},
                message={"type": "string"},
                type={"const": TASK_ERROR_TYPE},
            ),
            "type": ["object", "null"],
            "description": "Why the task failed. The set of codes is open.",
        },
        "usage": _detail_usage_schema(),
    }
    return required


def _detail_usage_schema() -> Json:
    usage = _usage_schema() | {"description": "Only under the setting task_usage=include."}
    usage["properties"]["credits_used"] = {"type": "number", "minimum": 0, "description": "Once the task has ended."}
    return usage | {"x-basis": "vendor client", "x-source": "S2"}


def _cancelled_schema() -> Json:
    return _object(
        id={"type": "string", "pattern": TASK_ID_PATTERN},
        object={"const": "task.cancelled"},
        status={"const": "cancelled"},
        message={"type": "string"},
    )


def _credits_schema() -> Json:
    amount: Json = {"type": "number"}
    return _object(
        data=_object(
            token=_object(remaining_credits=amount, unlimited_credits={"type": "boolean"}, used_credits=amount),
            user=_object(remaining_credits=amount, used_credits=amount),
        ),
        message={"type": "string"},
        success={"type": "boolean"},
    )


def _error_schema(code: str) -> Json:
    error = _object(code={"type": code}, message={"type": "string"}, type={"type": "string"})
    error["properties"] |= {"param": {"type": "string"}, "fallback_suggestion": {"type": "string"}}
    return _object(error=error)


def _object(**properties: Json) -> Json:
    """An object all of whose named properties are always there."""
    return {"type": "object", "required": list(properties), "properties": properties}
