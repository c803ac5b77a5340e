"""Errors of the API: HTTP refusals by operation and condition, and the failure codes of tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from evolink_contracts.spec.sources import Basis
from evolink_contracts.spec.wire import ErrorBody, ErrorDetail

Operation: TypeAlias = Literal["create", "query", "credits", "any"]


@dataclass(frozen=True)
class HttpError:
    """One refusal. `message` may contain `{model}`, which the answer replaces."""

    operation: Operation
    condition: str
    status: int
    code: str | int
    type: str
    message: str
    param: str | None = None
    fallback_suggestion: str | None = None
    basis: Basis = "documented"
    source: str = "S1a"
    wording: Basis = "documented"
    """Basis of `message` and `fallback_suggestion`, if it is another than that of the row."""

    def body(self, message: str | None = None) -> ErrorBody:
        """The JSON of this error, with the documented message or a more precise one."""
        detail: ErrorDetail = {"code": self.code, "message": message or self.message, "type": self.type}
        if self.param is not None:
            detail["param"] = self.param
        if self.fallback_suggestion is not None:
            detail["fallback_suggestion"] = self.fallback_suggestion
        return {"error": detail}


_REFUSED = "invalid_request_error"


def _own(condition: str, status: int, code: str, message: str) -> HttpError:
    """A refusal that no source describes, in the shape of all others."""
    return HttpError("any", condition, status, code, _REFUSED, message, basis="inferred", source="S10")


def _expected(condition: str, status: int, code: str, type_: str, message: str) -> HttpError:
    return HttpError(
        "create", condition, status, code, type_, message, basis="vendor client", source="S2", wording="inferred"
    )


_ROWS = (
    HttpError("create", "invalid_request", 400, "invalid_request", _REFUSED, "Invalid request parameters"),
    HttpError("create", "unauthorized", 401, "unauthorized", "authentication_error", "Invalid or expired token"),
    HttpError(
        "create",
        "insufficient_quota",
        402,
        "insufficient_quota",
        "insufficient_quota",
        "Insufficient quota. Please top up your account.",
    ),
    HttpError(
        "create",
        "model_access_denied",
        403,
        "model_access_denied",
        _REFUSED,
        "Token does not have access to model: {model}",
    ),
    HttpError(
        "create",
        "rate_limited",
        429,
        "rate_limit_exceeded",
        "rate_limit_error",
        "Too many requests, please try again later",
    ),
    HttpError("create", "internal_error", 500, "internal_error", "api_error", "Internal server error"),
    HttpError(
        "create",
        "no_available_channel",
        400,
        "no_available_channel",
        "api_error",
        "No available channel for the requested model",
        basis="vendor client",
        source="S2",
    ),
    HttpError(
        "create",
        "invalid_parameter",
        400,
        "invalid_parameter",
        _REFUSED,
        "Invalid request parameters",
        source="S1",
    ),
    HttpError(
        "create",
        "upstream_error",
        502,
        "upstream_error",
        "upstream_error",
        "Upstream AI service unavailable",
        source="S1",
    ),
    HttpError(
        "create",
        "service_unavailable",
        503,
        "service_unavailable",
        "api_error",
        "No available channel for the requested model",
        source="S1e",
    ),
    # Expected by the vendor's client and not on the pages: status and code. The sentences are this project's.
    _expected("content_policy_violation", 400, "content_policy_violation", _REFUSED, "Content policy violation"),
    _expected("key_disabled", 401, "KEY_DISABLED", "authentication_error", "This API key is disabled"),
    _expected("key_expired", 401, "KEY_EXPIRED", "authentication_error", "This API key has expired"),
    _expected(
        "insufficient_token_quota",
        402,
        "insufficient_token_quota",
        "insufficient_quota",
        "The limit of this API key is used up",
    ),
    _expected(
        "token_daily_quota_exceeded",
        402,
        "token_daily_quota_exceeded",
        "insufficient_quota",
        "The daily limit of this API key is used up",
    ),
    _expected(
        "key_model_not_allowed", 403, "KEY_MODEL_NOT_ALLOWED", _REFUSED, "This API key may not use the model: {model}"
    ),
    _expected(
        "idempotency_conflict",
        409,
        "idempotency_conflict",
        _REFUSED,
        "This Idempotency-Key was used with a different request",
    ),
    _expected(
        "paid_outcome_unknown",
        409,
        "paid_outcome_unknown",
        _REFUSED,
        "An earlier request with this Idempotency-Key is still running",
    ),
    HttpError(
        "create",
        "body_too_large",
        413,
        "request_too_large",
        _REFUSED,
        "Request body is too large",
        basis="inferred",
        source="S2",
    ),
    HttpError(
        "query",
        "invalid_task_id",
        400,
        "invalid_task_id",
        _REFUSED,
        "Invalid task ID format, must start with 'task-unified-'",
        param="task_id",
        source="S1b",
    ),
    HttpError(
        "query", "unauthorized", 401, "unauthorized", "authentication_error", "Authentication required", source="S1b"
    ),
    HttpError(
        "query",
        "quota_exceeded",
        402,
        "quota_exceeded",
        "insufficient_quota",
        "Insufficient quota. Please top up your account.",
        source="S1b",
    ),
    HttpError(
        "query",
        "permission_denied",
        403,
        "permission_denied",
        _REFUSED,
        "You don't have permission to access this task",
        source="S1b",
    ),
    HttpError(
        "query",
        "task_not_found",
        404,
        "task_not_found",
        _REFUSED,
        "The requested task could not be found",
        source="S1b",
    ),
    HttpError(
        "query", "rate_limited", 429, "rate_limit_exceeded", "evo_api_error", "Rate limit exceeded", source="S1b"
    ),
    HttpError(
        "query", "internal_error", 500, "internal_error", "api_error", "Failed to retrieve task status", source="S1b"
    ),
    # The credits page has the older format, whose code is the status as an integer.
    HttpError("credits", "invalid_request", 400, 400, _REFUSED, "Invalid request", source="S1d"),
    HttpError("credits", "unauthorized", 401, 401, "authentication_error", "Invalid or expired token", source="S1d"),
    HttpError("credits", "permission_denied", 403, 403, "permission_error", "Access denied", source="S1d"),
    HttpError(
        "credits",
        "rate_limited",
        429,
        429,
        "rate_limit_error",
        "Rate limit exceeded",
        fallback_suggestion="retry after 60 seconds",
        source="S1d",
    ),
    # The page gives status, code and type of the next three; their sentences are this project's.
    HttpError(
        "credits",
        "internal_error",
        500,
        500,
        "internal_server_error",
        "Internal server error",
        fallback_suggestion="try again later",
        source="S1d",
        wording="inferred",
    ),
    HttpError(
        "credits",
        "upstream_error",
        502,
        502,
        "upstream_error",
        "Upstream service unavailable",
        source="S1d",
        wording="inferred",
    ),
    HttpError(
        "credits",
        "service_unavailable",
        503,
        503,
        "service_unavailable_error",
        "Service temporarily unavailable",
        fallback_suggestion="retry after 30 seconds",
        source="S1d",
        wording="inferred",
    ),
    _own("not_found", 404, "not_found", "No such route"),
    _own("method_not_allowed", 405, "method_not_allowed", "Method not allowed"),
    _own("headers_too_large", 400, "invalid_request", "Request headers are too large"),
    _own("link_not_found", 404, "not_found", "No such file"),
    _own("link_forbidden", 403, "forbidden", "This link is refused to the User-Agent of Python's urllib"),
    _own("link_expired", 404, "link_expired", "This link has expired"),
    _own("range_not_satisfiable", 416, "invalid_request", "The range begins after the end of the file"),
    HttpError("any", "internal_error", 500, "internal_error", "api_error", "Internal server error"),
)

ERRORS: Mapping[tuple[Operation, str], HttpError] = MappingProxyType(
    {(row.operation, row.condition): row for row in _ROWS}
)
"""Every HTTP error by operation and condition."""

Origin: TypeAlias = Literal["client", "server"]


@dataclass(frozen=True)
class TaskFailure:
    """A documented `error.code` of a failed task. The set is open: upstream codes have been seen to pass through."""

    code: str
    origin: Origin
    retryable: bool
    """Whether the vendor's newest client retries (S13)."""
    advice: str
    message: str
    """The sample wording given to a task that fails with this code."""
    variants: tuple[str, ...] = ()
    wording: Basis = "inferred"
    """Basis of `message`; the code itself is documented."""
    basis: Basis = "documented"
    source: str = "S1c"


TASK_ERROR_TYPE = "task_error"

_FAILURES = (
    TaskFailure(
        "content_policy_violation",
        "client",
        False,
        "change the prompt or the image",
        "Content policy violation.\nYour request was blocked by safety filters.",
        (
            "photorealistic people detected",
            "celebrity detected in image",
            "third-party content violation",
            "nudity detected",
            "violence content blocked",
            "minor content not allowed",
            "content policy violation",
        ),
        wording="documented",
    ),
    TaskFailure(
        "invalid_parameters",
        "client",
        False,
        "correct the parameters",
        "Invalid parameters",
        (
            "Prompt is too long",
            "image dimensions must be between 240 and 7680",
            "file size exceeds 10MB",
            "unsupported file type",
            "Video duration must be between 1-30 seconds",
        ),
    ),
    TaskFailure(
        "image_processing_error",
        "client",
        False,
        "use another image",
        "The image could not be read or has a wrong format",
    ),
    TaskFailure("image_dimension_mismatch", "client", False, "resize the image", "The image dimensions do not match"),
    TaskFailure("request_cancelled", "client", False, "submit again", "The task was cancelled"),
    TaskFailure(
        "generation_failed_no_content", "server", False, "try another prompt", "Generation produced no content"
    ),
    TaskFailure("service_error", "server", True, "retry after 30 to 60 seconds", "The service reported an error"),
    TaskFailure("generation_timeout", "server", True, "retry", "Generation timed out"),
    TaskFailure("resource_exhausted", "server", True, "retry after 1 to 5 minutes", "Resources are exhausted"),
    TaskFailure("quota_exceeded", "server", True, "reduce the request rate", "Quota exceeded"),
    TaskFailure("service_unavailable", "server", True, "retry", "The service is unavailable"),
    TaskFailure("resource_not_found", "server", False, "check the id", "The resource was not found or has expired"),
    TaskFailure("unknown_error", "server", False, "contact support", "An unknown error occurred"),
)

FAILURES: Mapping[str, TaskFailure] = MappingProxyType({row.code: row for row in _FAILURES})
"""The 13 documented task failure codes."""
