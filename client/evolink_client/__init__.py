"""The typed client of EvoLink's asynchronous video API: create a video, wait for it, download it."""

from evolink_client._async_client import AsyncEvolinkClient, AsyncVideo
from evolink_client._client import EvolinkClient, Video
from evolink_client._create import CreateOptions
from evolink_client._errors import (
    ApiError,
    AuthenticationFailed,
    BadRequest,
    Conflict,
    ConnectionFailed,
    DownloadFailed,
    EvolinkError,
    InsufficientQuota,
    InvalidRequest,
    LinkExpired,
    NotConfigured,
    NotFound,
    PermissionDenied,
    RateLimited,
    RequestTimedOut,
    ServerError,
    TaskCancelled,
    TaskFailed,
    UnexpectedAnswer,
    WaitTimedOut,
)
from evolink_client._flows import Polling, Retries
from evolink_client._models import Balance, CreditsReport, Task, TaskError, Usage

__all__ = [
    "ApiError",
    "AsyncEvolinkClient",
    "AsyncVideo",
    "AuthenticationFailed",
    "BadRequest",
    "Balance",
    "Conflict",
    "ConnectionFailed",
    "CreateOptions",
    "CreditsReport",
    "DownloadFailed",
    "EvolinkClient",
    "EvolinkError",
    "InsufficientQuota",
    "InvalidRequest",
    "LinkExpired",
    "NotConfigured",
    "NotFound",
    "PermissionDenied",
    "Polling",
    "RateLimited",
    "RequestTimedOut",
    "Retries",
    "ServerError",
    "Task",
    "TaskCancelled",
    "TaskError",
    "TaskFailed",
    "UnexpectedAnswer",
    "Usage",
    "Video",
    "WaitTimedOut",
]
