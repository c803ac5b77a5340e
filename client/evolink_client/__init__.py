"""Typed client for EvoLink's asynchronous video API: create a video, wait for it, download it."""

from typing import TYPE_CHECKING, Any

from evolink_client._client import EvolinkClient, Video
from evolink_client._clock import Clock
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
    InvalidCallback,
    InvalidRequest,
    Later,
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
from evolink_client._exchange import AsyncHttpOptions, HttpOptions
from evolink_client._flows import Retries
from evolink_client._http.limits import Downloads
from evolink_client._models import Balance, CreditsReport, Task, TaskError, Usage
from evolink_client._polling import Polling

if TYPE_CHECKING:
    from evolink_client._async_client import AsyncEvolinkClient, AsyncVideo
    from evolink_client._inbox import CallbackInbox
    from evolink_client.callbacks import CallbackRouter, parse_callback

__all__ = [
    "ApiError",
    "AsyncEvolinkClient",
    "AsyncHttpOptions",
    "AsyncVideo",
    "AuthenticationFailed",
    "BadRequest",
    "Balance",
    "CallbackInbox",
    "CallbackRouter",
    "Clock",
    "Conflict",
    "ConnectionFailed",
    "CreateOptions",
    "CreditsReport",
    "DownloadFailed",
    "Downloads",
    "EvolinkClient",
    "EvolinkError",
    "HttpOptions",
    "InsufficientQuota",
    "InvalidCallback",
    "InvalidRequest",
    "Later",
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
    "parse_callback",
]

_HOMES = {
    "AsyncEvolinkClient": "_async_client",
    "AsyncVideo": "_async_client",
    "CallbackInbox": "_inbox",
    "CallbackRouter": "callbacks",
    "parse_callback": "callbacks",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that importing the package costs little more than importing httpx.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"evolink_client.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'evolink_client' has no attribute {name!r}")
