"""JSON Schemas of the request and response bodies."""

from collections.abc import Iterable
from typing import Any, TypeAlias

from evolink_contracts.spec.errors import FAILURES, TASK_ERROR_TYPE
from evolink_contracts.spec.fields import Field
from evolink_contracts.spec.models import MODELS, Model
from evolink_contracts.spec.timing import RESULT_LINK
from evolink_contracts.spec.wire import (
    BILLING_RULES,
    DOCUMENTED_STATUSES,
    OUTPUT_TYPES,
    TASK_ID_PATTERN,
    TASK_OBJECT,
)

Json: TypeAlias = dict[str, Any]


def schema_name(model: Model) -> str:
    """`wan2.6-image-to-video-flash` → `Wan26ImageToVideoFlashRequest`."""
    return "".join(part.capitalize() for part in model.name.replace(".", "").split("-")) + "Request"


def request_schema(model: Model) -> Json:
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
    whole = " 5.0 is refused, since it is not an integer." if field.kind == "integer" else ""
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


def created_schema() -> Json:
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


def detail_schema() -> Json:
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
    required["properties"] |= _recorded_properties()
    return required


def _recorded_properties() -> dict[str, Json]:
    recorded: Json = {"x-basis": "recorded", "x-source": "S12"}
    return {
        "duration": {
            "type": "integer",
            "minimum": 0,
            "description": "Seconds from the create to the end of a completed task, not the length of its video; only "
            "under body_profile=recorded.",
            **recorded,
        },
        "result_data": {
            "type": "array",
            "items": _object(url={"type": "string", "format": "uri"}),
            "description": "The links of a completed task again, as objects; only under body_profile=recorded.",
            **recorded,
        },
    }


def _detail_usage_schema() -> Json:
    amount: Json = {"type": "number", "minimum": 0}
    usage = _usage_schema() | {"description": "Only under task_usage=include or body_profile=recorded."}
    usage["properties"]["credits_used"] = {**amount, "description": "Once the task has ended."}
    usage["properties"]["cost"] = {
        **_object(credits=amount, usd=amount, cny=amount),
        "description": "Of a completed task; only under body_profile=recorded, without the billing rule, the reserved "
        "credits and the user group.",
    }
    del usage["required"]
    return usage | {"x-basis": "vendor client", "x-source": "S2"}


def cancelled_schema() -> Json:
    return _object(
        id={"type": "string", "pattern": TASK_ID_PATTERN},
        object={"const": "task.cancelled"},
        status={"const": "cancelled"},
        message={"type": "string"},
    )


def credits_schema() -> Json:
    amount: Json = {"type": "number"}
    return _object(
        data=_object(
            token=_object(remaining_credits=amount, unlimited_credits={"type": "boolean"}, used_credits=amount),
            user=_object(remaining_credits=amount, used_credits=amount),
        ),
        message={"type": "string"},
        success={"type": "boolean"},
    )


def error_schema(code: str) -> Json:
    error = _object(code={"type": code}, message={"type": "string"}, type={"type": "string"})
    error["properties"] |= {"param": {"type": "string"}, "fallback_suggestion": {"type": "string"}}
    return _object(error=error)


def _object(**properties: Json) -> Json:
    """An object all of whose named properties are always there."""
    return {"type": "object", "required": list(properties), "properties": properties}
