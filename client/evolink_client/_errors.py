"""Everything that can go wrong, as one tree.

EvolinkError                 whatever this package raises
├── InvalidRequest           the request cannot succeed, and was not sent
├── NotConfigured            no API key, a base URL that is none, or times and counts that make no sense
├── ConnectionFailed         no answer arrived, so nobody knows whether the request was carried out
│   └── RequestTimedOut      none arrived in time
├── UnexpectedAnswer         something arrived that the API does not send
├── InvalidCallback          what was posted is no callback of the API
├── Later                    for your own handler to raise: the service shall send the callback again
├── ApiError                 the API refused; with status, code, type, message, param, request_id, retry_after
│   ├── BadRequest           400: the request is faulty, or no channel for the model is available
│   ├── AuthenticationFailed 401: the key is missing, wrong or expired
│   ├── InsufficientQuota    402: the credits do not suffice
│   ├── PermissionDenied     403: not for this key
│   ├── NotFound             404: no such task
│   ├── Conflict             409: the idempotency key was used for another request, or is being used
│   ├── RateLimited          429: too many requests
│   └── ServerError          5xx: the service failed
├── TaskFailed               the task ended without a video; with code, retryable and advice
│   └── TaskCancelled        somebody cancelled it
├── WaitTimedOut             the task had not ended when the time to wait was over
└── DownloadFailed           the video did not come; what was written of it is gone
    └── LinkExpired          its link is dead, as links are 24 hours after completion
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolink_client._models import Task


class EvolinkError(Exception):
    """Whatever this package raises."""

    def __reduce__(self) -> tuple[Any, ...]:
        # As Python does it, the class would be called with the text alone; job queues and process pools pickle errors.
        return _rebuilt, (type(self), self.args, vars(self))


def _rebuilt(kind: type[EvolinkError], args: tuple[object, ...], fields: Mapping[str, object]) -> EvolinkError:
    error = kind.__new__(kind, *args)
    error.args = args
    vars(error).update(fields)
    return error


class InvalidRequest(EvolinkError, ValueError):
    """The request cannot succeed, and was not sent; `field` is what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}")
        self.field = field


class NotConfigured(EvolinkError, ValueError):
    """No API key, a base URL that is none, or times and counts that make no sense."""


class ConnectionFailed(EvolinkError):
    """No answer arrived, so nobody knows whether the request was carried out."""


class RequestTimedOut(ConnectionFailed):
    """None arrived in time."""


class UnexpectedAnswer(EvolinkError):
    """Something arrived that the API does not send. `excerpt` is its beginning, at most 500 characters."""

    def __init__(self, what: str, status: int, excerpt: str) -> None:
        super().__init__(f"{what} (status {status}): {excerpt!r}")
        self.status = status
        self.excerpt = excerpt


class InvalidCallback(EvolinkError, ValueError):
    """What was posted is no callback of the API. `excerpt` is its beginning, at most 500 characters."""

    def __init__(self, what: str, body: bytes | str) -> None:
        super().__init__(f"this is no callback: {what}")
        self.excerpt = (body[:2000].decode("utf-8", "replace") if isinstance(body, bytes) else body)[:500]


class Later(EvolinkError):
    """For your own handler to raise where it cannot handle a callback yet: the service shall send it again."""


class ApiError(EvolinkError):
    """The API refused. `retry_after` in seconds; what the answer does not say is `None`, what else it says `extra`."""

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
    ) -> None:
        named = f" {code}" if code else ""
        traced = f" (request {request_id})" if request_id else ""
        super().__init__(f"{status}{named}: {message}{traced}")
        self.status = status
        self.message = message
        self.code = code
        self.type = type
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after
        self.extra = dict(extra)


class BadRequest(ApiError):
    """400: the request is faulty, or no channel for the model is available."""


class AuthenticationFailed(ApiError):
    """401: the key is missing, wrong or expired."""


class InsufficientQuota(ApiError):
    """402: the credits do not suffice."""


class PermissionDenied(ApiError):
    """403: not for this key."""


class NotFound(ApiError):
    """404: no such task."""


class Conflict(ApiError):
    """409: the idempotency key was used for another request, or is being used."""


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
    """The class for an HTTP status."""
    return ServerError if status >= 500 else _BY_STATUS.get(status, ApiError)


class TaskFailed(EvolinkError):
    """The task ended without a video. `retryable` is what the vendor's own client does with the code."""

    def __init__(self, task: "Task") -> None:
        error = task.error
        self.task = task
        self.code = error.code if error else "unknown_error"
        self.message = error.message if error else ""
        self.retryable, self.advice = advice_on(self.code)
        super().__init__(f"{task.id} {task.status}: {self.code}: {self.message}; {self.advice}")


class TaskCancelled(TaskFailed):
    """Somebody cancelled it."""


class WaitTimedOut(EvolinkError, TimeoutError):
    """The task had not ended when the time to wait was over; `task` is how it was seen last."""

    def __init__(self, task: "Task", seconds: float) -> None:
        super().__init__(f"{task.id} is still {task.status} ({task.progress} %) after {seconds:g} s")
        self.task = task


class DownloadFailed(EvolinkError):
    """The video did not come; what was written of it is gone. `status` is `None` where no answer arrived."""

    def __init__(self, url: str, why: str, status: int | None = None) -> None:
        super().__init__(f"{url} did not come: {why}")
        self.url = url
        self.status = status


class LinkExpired(DownloadFailed):
    """Its link is dead, as links are 24 hours after completion; a query of the task gives no other."""


_ADVICE: Mapping[str, tuple[bool, str]] = MappingProxyType(
    {
        "content_policy_violation": (False, "change the prompt or the image"),
        "invalid_parameters": (False, "correct the parameters"),
        "image_processing_error": (False, "use another image"),
        "image_dimension_mismatch": (False, "resize the image"),
        "request_cancelled": (False, "submit it again"),
        "generation_failed_no_content": (True, "try another prompt"),
        "service_error": (True, "try again after 30 to 60 seconds"),
        "generation_timeout": (True, "try again"),
        "resource_exhausted": (True, "try again after 1 to 5 minutes"),
        "quota_exceeded": (True, "reduce the rate of requests"),
        "service_unavailable": (True, "try again"),
        "resource_not_found": (False, "check the id"),
        "unknown_error": (True, "contact support"),
    }
)
"""Of each documented failure code, whether to try again, and what to do (the error code page)."""


def advice_on(code: str) -> tuple[bool, str]:
    """Whether to try again after a failure, and what to do. The set of codes is open: upstream ones pass through."""
    return _ADVICE.get(code, (False, "see the code's own documentation"))
