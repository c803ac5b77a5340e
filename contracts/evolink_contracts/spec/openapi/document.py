"""The OpenAPI 3.1 document, rendered from the rows."""

from typing import Any, TypeAlias

from evolink_contracts.spec.models import MODELS
from evolink_contracts.spec.openapi.operations import (
    cancel_operation,
    create_operation,
    credits_operation,
    query_operation,
)
from evolink_contracts.spec.openapi.schemas import (
    cancelled_schema,
    created_schema,
    credits_schema,
    detail_schema,
    error_schema,
    request_schema,
    schema_name,
)
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS, CallbackPolicy

Json: TypeAlias = dict[str, Any]


def render_openapi(server_url: str, *, cancel_route: bool = False, policy: CallbackPolicy = EVOLINK_CALLBACKS) -> Json:
    """The document of create, query, credits and the callback, as a JSON-ready value.

    Without `server_url` the routes are those of whatever host the document was read from.
    """
    task_path: Json = {"get": query_operation()}
    if cancel_route:
        task_path["delete"] = cancel_operation()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "EvoLink asynchronous video API, as evolink-mock emulates it",
            "version": "1",
            "description": "Each part names its basis (x-basis) and its source (x-source).",
        },
        "servers": [{"url": server_url or "/"}],
        "security": [{"bearer": []}],
        "paths": {
            "/v1/videos/generations": {"post": create_operation(cancel_route, policy)},
            "/v1/tasks/{task_id}": task_path,
            "/v1/credits": {"get": credits_operation()},
        },
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                **{schema_name(model): request_schema(model) for model in MODELS.values()},
                "VideoGenerationResponse": created_schema(),
                "TaskDetailResponse": detail_schema(),
                "CreditsResponse": credits_schema(),
                "ErrorResponse": error_schema("string"),
                "LegacyErrorResponse": error_schema("integer"),
                **({"CancelledTask": cancelled_schema()} if cancel_route else {}),
            },
        },
    }
