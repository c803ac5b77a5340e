"""Error tree: every exception that this package raises.

EvolinkError                 base class of all errors of this package
├── InvalidRequest           the request cannot succeed, and was not sent
├── NotConfigured            no API key, an invalid base URL, proxy or option, or invalid times or counts
├── ConnectionFailed         no response arrived; the request may have been executed or not
│   └── RequestTimedOut      no response arrived in time
├── UnexpectedAnswer         a response that the API does not send
├── InvalidCallback          the body of a request is not a callback of the API
├── Later                    raised by your handler: the service is to retry the callback
├── ApiError                 an error response; with status, code, type, message, param, request_id, retry_after
│   ├── BadRequest           400: the request is invalid, or no channel for the model is available
│   ├── AuthenticationFailed 401: the key is missing, wrong or expired
│   ├── InsufficientQuota    402: not enough credits
│   ├── PermissionDenied     403: not allowed for this key
│   ├── NotFound             404: no such task
│   ├── Conflict             409: the idempotency key belongs to another request, or to one in progress
│   ├── RateLimited          429: too many requests
│   └── ServerError          5xx: the service failed
├── TaskFailed               the task ended without a video; with code, retryable and advice
│   └── TaskCancelled        the task was cancelled
├── WaitTimedOut             the task did not end before the time-out
└── DownloadFailed           the video could not be downloaded within its limits; no partial file is left
    └── LinkExpired          the link no longer works, as is the case 24 hours after completion
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolink_client._models import Task


class EvolinkError(Exception):
    """Base class of all errors of this package."""

    def __reduce__(self) -> tuple[Any, ...]:
        # By default unpickling calls the class with the message alone; job queues and process pools pickle errors.
        return _rebuilt, (type(self), self.args, vars(self))


def _rebuilt(kind: type[EvolinkError], args: tuple[object, ...], fields: Mapping[str, object]) -> EvolinkError:
    error = kind.__new__(kind, *args)
    error.args = args
    vars(error).update(fields)
    return error


_SHOWN = 80


def shortened(text: str) -> str:
    """An HTML page by its title, since its beginning says nothing; any other text unchanged."""
    if not re.match(r"\s*<(!doctype\s+html|html)", text, re.IGNORECASE):
        return text
    title = re.search(r"<title[^>]*>([^<]*)", text, re.IGNORECASE)
    words = " ".join(title[1].split()) if title else ""
    return f"an HTML page titled {words[:_SHOWN]!r}" if words else "an HTML page"


def _with(hint: str) -> str:
    return f"; {hint}" if hint else ""


class InvalidRequest(EvolinkError, ValueError):
    """The request cannot succeed, and was not sent; `field` names the invalid field, and `message` the mistake."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}")
        self.field = field
        self.message = message


class NotConfigured(EvolinkError, ValueError):
    """No API key, an invalid base URL, proxy or option, or invalid times or counts."""


class ConnectionFailed(EvolinkError):
    """No response arrived; the request may have been executed or not, unless `sent` is false."""

    sent = True


class RequestTimedOut(ConnectionFailed):
    """No response arrived in time."""


class UnexpectedAnswer(EvolinkError):
    """A response that the API does not send. `excerpt` is its beginning, at most 500 characters."""

    def __init__(self, what: str, status: int, excerpt: str, hint: str = "") -> None:
        super().__init__(f"{what} (status {status}): {shortened(excerpt)!r}{_with(hint)}")
        self.status = status
        self.excerpt = excerpt


class InvalidCallback(EvolinkError, ValueError):
    """The body of a request is not a callback of the API. `excerpt` is its beginning, at most 500 characters."""

    def __init__(self, what: str, body: bytes | str) -> None:
        super().__init__(f"this is no callback: {what}")
        self.excerpt = (body[:2000].decode("utf-8", "replace") if isinstance(body, bytes) else body)[:500]


class Later(EvolinkError):
    """Raised by your handler if it cannot handle a callback yet: the service is to retry it."""


class ApiError(EvolinkError):
    """An error response. `retry_after` is in seconds; absent fields are `None`, undocumented ones are in `extra`."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        type: str | None = None,  # noqa: A002  # The API's own word.
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        extra: Mapping[str, Any] = MappingProxyType({}),
        hint: str = "",
    ) -> None:
        # The documented error of the credits call has the status as its code.
        named = f" {code}" if code and code != str(status) else ""
        traced = f" (request {request_id})" if request_id else ""
        super().__init__(f"{status}{named}: {shortened(message)}{traced}{_with(hint)}")
        self.status = status
        self.message = message
        self.code = code
        self.type = type
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after
        self.extra = dict(extra)


class BadRequest(ApiError):
    """400: the request is invalid, or no channel for the model is available."""


class AuthenticationFailed(ApiError):
    """401: the key is missing, wrong or expired."""


class InsufficientQuota(ApiError):
    """402: not enough credits."""


class PermissionDenied(ApiError):
    """403: not allowed for this key."""


class NotFound(ApiError):
    """404: no such task."""


class Conflict(ApiError):
    """409: the idempotency key belongs to another request, or to one in progress."""


class RateLimited(ApiError):
    """429: too many requests."""


class ServerError(ApiError):
    """5xx: the service failed."""


_BY_STATUS: Mapping[int, type[ApiError]] = MappingProxyType(
    {
        400: BadRequest,
        401: AuthenticationFailed,
        402: InsufficientQuota,
        403: PermissionDenied,
        404: NotFound,
        409: Conflict,
        429: RateLimited,
    }
)


def error_class(status: int) -> type[ApiError]:
    """The error class for an HTTP status."""
    return ServerError if status >= 500 else _BY_STATUS.get(status, ApiError)


class TaskFailed(EvolinkError):
    """The task ended without a video. `retryable` is whether the vendor's own client retries after this code."""

    def __init__(self, task: "Task") -> None:
        error = task.error
        self.task = task
        self.code = error.code if error else "unknown_error"
        self.message = error.message if error else ""
        self.retryable, self.advice = advice_on(self.code)
        super().__init__(f"{task.id} {task.status}: {self.code}: {self.message}; {self.advice}")


class TaskCancelled(TaskFailed):
    """The task was cancelled."""


class WaitTimedOut(EvolinkError, TimeoutError):
    """The task did not end before the time-out; `task` is its last known state."""

    def __init__(self, task: "Task", seconds: float) -> None:
        super().__init__(f"{task.id} is still {task.status} ({task.progress} %) after {seconds:g} s")
        self.task = task


class DownloadFailed(EvolinkError):
    """The video could not be downloaded within its limits; no partial file is left. `status` is `None` without a
    response."""

    def __init__(self, url: str, why: str, status: int | None = None) -> None:
        super().__init__(f"{url} did not come: {why}")
        self.url = url
        self.status = status


class LinkExpired(DownloadFailed):
    """The link no longer works, as is the case 24 hours after completion; a query returns no other."""


_ADVICE: Mapping[str, tuple[bool, str]] = MappingProxyType(
    {
        "content_policy_violation": (False, "change the prompt or the image"),
        "invalid_parameters": (False, "correct the parameters"),
        "image_processing_error": (False, "use another image"),
        "image_dimension_mismatch": (False, "resize the image"),
        "request_cancelled": (False, "submit it again"),
        "generation_failed_no_content": (False, "try another prompt"),
        "service_error": (True, "try again after 30 to 60 seconds"),
        "generation_timeout": (True, "try again"),
        "resource_exhausted": (True, "try again after 1 to 5 minutes"),
        "quota_exceeded": (True, "reduce the rate of requests"),
        "service_unavailable": (True, "try again"),
        "resource_not_found": (False, "check the id"),
        "unknown_error": (False, "contact support"),
    }
)
"""For each documented failure code: whether to retry, and advice (the error code page)."""


def advice_on(code: str) -> tuple[bool, str]:
    """Whether to retry after a failure, and advice. Codes of an upstream pass through, so others may occur."""
    return _ADVICE.get(code, (False, "see the code's own documentation"))
