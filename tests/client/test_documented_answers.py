"""Each documented answer, letter by letter, through the whole client at the real service's address."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx

from evolink_client import (
    ApiError,
    AuthenticationFailed,
    BadRequest,
    Conflict,
    EvolinkClient,
    InsufficientQuota,
    NotFound,
    PermissionDenied,
    RateLimited,
    Retries,
    ServerError,
    TaskFailed,
    UnexpectedAnswer,
    parse_callback,
)

BASE = "https://api.evolink.ai"
CREATE = f"{BASE}/v1/videos/generations"
ID = "task-unified-1757169743-7cvnl5zw"
TASK = f"{BASE}/v1/tasks/{ID}"
CREDITS = f"{BASE}/v1/credits"
IMAGE = "https://example.com/image1.png"

CREATED: dict[str, Any] = {
    "created": 1757169743,
    "id": ID,
    "model": "wan2.6-image-to-video-flash",
    "object": "video.generation.task",
    "progress": 0,
    "status": "pending",
    "task_info": {"can_cancel": True, "estimated_time": 120},
    "type": "video",
    "usage": {"billing_rule": "per_call", "credits_reserved": 5, "user_group": "default"},
}
PROCESSING = {
    "id": "task-unified-1756817821-4x3rx6ny",
    "object": "video.generation.task",
    "created": 1756817821,
    "model": "wan2.6-image-to-video-flash",
    "status": "processing",
    "progress": 65,
    "type": "video",
    "task_info": {"can_cancel": True, "estimated_time": 165, "video_duration": 5},
}
COMPLETED = {
    "created": 1757156493,
    "id": "task-unified-1757156493-imcg5zqt",
    "model": "wan2.6-image-to-video-flash",
    "object": "video.generation.task",
    "progress": 100,
    "results": ["https://media.evolink.ai/v.mp4"],
    "status": "completed",
    "task_info": {"can_cancel": False},
    "type": "video",
}
FAILED = {
    "id": "task-unified-1772618027-cmeisy8h",
    "object": "image.generation.task",
    "status": "failed",
    "model": "gemini-3.1-flash-image-preview",
    "progress": 0,
    "error": {
        "code": "content_policy_violation",
        "message": "Content policy violation.\nYour request was blocked by safety filters...",
    },
}
VENDORS = COMPLETED | {
    "duration": 41.5,
    "usage": {"credits_used": 6.12, "cost": {"credits": 6.12, "usd": 0.09, "cny": 0.61}},
    "result_data": [{"video_url": "https://files.evolink.ai/v.mp4"}],
}
REPORT = {
    "data": {
        "token": {"remaining_credits": 99416.4429, "unlimited_credits": False, "used_credits": 583.5571},
        "user": {"remaining_credits": 1095.3996, "used_credits": 135.9048},
    },
    "message": "",
    "success": True,
}


@pytest.fixture
def client() -> EvolinkClient:
    return EvolinkClient("sk-evo-secret", BASE, retries=Retries(attempts=1), sleep=lambda _: None)


@respx.mock
def test_a_create_is_sent_and_answered_as_documented(client: EvolinkClient) -> None:
    route = respx.post(CREATE).respond(json=CREATED, headers={"X-Request-Id": "req_1"})
    task = client.videos.create(
        "A cat playing piano",
        IMAGE,
        duration=5,
        quality="720p",
        prompt_extend=True,
        shot_type="multi",
        audio_url="https://example.com/a.mp3",
        generate_audio=False,
        callback_url="https://your-domain.com/webhooks/video-task-completed",
    )
    assert (task.id, task.status, task.progress, task.created, task.model) == (
        ID,
        "pending",
        0,
        1757169743,
        CREATED["model"],
    )
    assert (task.can_cancel, task.estimated_time, task.request_id, task.replayed) == (True, 120.0, "req_1", False)
    assert task.usage is not None
    assert (task.usage.billing_rule, task.usage.credits_reserved, task.usage.user_group) == ("per_call", 5.0, "default")
    (call,) = route.calls
    assert call.request.read() == (
        b'{"model": "wan2.6-image-to-video-flash", "prompt": "A cat playing piano", '
        b'"image_urls": ["https://example.com/image1.png"], "model_params": {"shot_type": "multi"}, "duration": 5, '
        b'"quality": "720p", "prompt_extend": true, "audio_url": "https://example.com/a.mp3", "generate_audio": false, '
        b'"callback_url": "https://your-domain.com/webhooks/video-task-completed"}'
    )
    headers = call.request.headers
    assert (headers["authorization"], headers["content-type"]) == ("Bearer sk-evo-secret", "application/json")
    assert len(headers["idempotency-key"]) <= 96


@respx.mock
def test_a_replayed_create_says_so(client: EvolinkClient) -> None:
    respx.post(CREATE).respond(json=CREATED, headers={"Idempotency-Replayed": "true", "X-Oneapi-Request-Id": "old"})
    task = client.videos.create("A cat", IMAGE)
    assert (task.replayed, task.request_id) == (True, "old")


@respx.mock
@pytest.mark.parametrize("body", [CREATED, PROCESSING, COMPLETED, FAILED, VENDORS])
def test_a_query_and_a_callback_are_the_same_task(client: EvolinkClient, body: dict[str, Any]) -> None:
    respx.get(TASK).respond(json=body)
    task = client.tasks.get(ID)
    assert (task.id, task.status, task.progress) == (body["id"], body["status"], body["progress"])
    assert task.results == tuple(body.get("results", ()))
    assert task.created == body.get("created", 0)
    assert task == parse_callback(httpx.Response(200, json=body).content)


@respx.mock
def test_what_the_vendors_client_reads_beyond_the_pages_is_kept(client: EvolinkClient) -> None:
    respx.get(TASK).respond(json=VENDORS)
    task = client.tasks.get(ID)
    assert task.extra["duration"] == 41.5
    assert task.usage is not None
    assert task.usage.extra["cost"]["usd"] == 0.09
    assert task.results == ("https://media.evolink.ai/v.mp4",)


@respx.mock
def test_a_wait_polls_through_the_documented_states(client: EvolinkClient) -> None:
    respx.get(TASK).mock(side_effect=[httpx.Response(200, json=body) for body in (CREATED, PROCESSING, COMPLETED)])
    assert client.tasks.wait(ID).url == "https://media.evolink.ai/v.mp4"
    respx.get(TASK).respond(json=FAILED)
    with pytest.raises(TaskFailed) as failed:
        client.tasks.wait(ID)
    assert (failed.value.code, failed.value.retryable) == ("content_policy_violation", False)
    assert failed.value.message.startswith("Content policy violation.\nYour request was blocked")


@respx.mock
def test_the_credits_are_read(client: EvolinkClient) -> None:
    respx.get(CREDITS).respond(json=REPORT)
    report = client.credits()
    assert (report.token.remaining_credits, report.token.used_credits) == (99416.4429, 583.5571)
    assert (report.user.remaining_credits, report.user.used_credits) == (1095.3996, 135.9048)
    assert not report.token.unlimited


@respx.mock
@pytest.mark.parametrize("missing", ["token", "user", "remaining_credits", "used_credits"])
def test_credits_that_are_not_all_there_are_no_zero(client: EvolinkClient, missing: str) -> None:
    data: Any = {
        owner: {name: value for name, value in balance.items() if name != missing}
        for owner, balance in REPORT["data"].items()  # type: ignore[attr-defined]
        if owner != missing
    }
    respx.get(CREDITS).respond(json={"data": data, "success": True})
    with pytest.raises(UnexpectedAnswer, match=r"missing|has no token and user"):
        client.credits()


def refused(
    url: str, status: int, kind: type[ApiError], code: object, message: str, type_: str, **more: object
) -> tuple[str, int, type[ApiError], dict[str, Any]]:
    """A documented refusal, and the error that it is."""
    return url, status, kind, {"code": code, "message": message, "type": type_, **more}


REFUSALS = [
    refused(CREATE, 400, BadRequest, "invalid_request", "Invalid request parameters", "invalid_request_error"),
    refused(CREATE, 401, AuthenticationFailed, "unauthorized", "Invalid or expired token", "authentication_error"),
    refused(
        CREATE,
        402,
        InsufficientQuota,
        "insufficient_quota",
        "Insufficient quota. Please top up your account.",
        "insufficient_quota",
    ),
    refused(
        CREATE,
        403,
        PermissionDenied,
        "model_access_denied",
        "Token does not have access to model: wan2.6-image-to-video-flash",
        "invalid_request_error",
    ),
    refused(
        CREATE, 429, RateLimited, "rate_limit_exceeded", "Too many requests, please try again later", "rate_limit_error"
    ),
    refused(CREATE, 500, ServerError, "internal_error", "Internal server error", "api_error"),
    refused(
        CREATE, 400, BadRequest, "no_available_channel", "No available channel for the requested model", "api_error"
    ),
    refused(CREATE, 409, Conflict, "idempotency_conflict", "another request", "invalid_request_error"),
    refused(
        CREATE,
        402,
        InsufficientQuota,
        "insufficient_quota",
        "Insufficient account balance. (request id: req_q)",
        "insufficient_quota",
        action_url="/dashboard/credits",
        account_balance_credits=1.2,
        estimated_credits=6.4,
        request_id="req_q",
    ),
    refused(
        TASK,
        400,
        BadRequest,
        "invalid_task_id",
        "Invalid task ID format, must start with 'task-unified-'",
        "invalid_request_error",
        param="task_id",
    ),
    refused(TASK, 401, AuthenticationFailed, "unauthorized", "Authentication required", "authentication_error"),
    refused(
        TASK,
        402,
        InsufficientQuota,
        "quota_exceeded",
        "Insufficient quota. Please top up your account.",
        "insufficient_quota",
    ),
    refused(
        TASK,
        403,
        PermissionDenied,
        "permission_denied",
        "You don't have permission to access this task",
        "invalid_request_error",
    ),
    refused(TASK, 404, NotFound, "task_not_found", "The requested task could not be found", "invalid_request_error"),
    refused(TASK, 429, RateLimited, "rate_limit_exceeded", "Rate limit exceeded", "evo_api_error"),
    refused(TASK, 500, ServerError, "internal_error", "Failed to retrieve task status", "api_error"),
    refused(CREDITS, 400, BadRequest, 400, "Invalid request", "invalid_request_error"),
    refused(CREDITS, 401, AuthenticationFailed, 401, "Invalid or expired token", "authentication_error"),
    refused(CREDITS, 403, PermissionDenied, 403, "Access denied", "permission_error"),
    refused(
        CREDITS,
        429,
        RateLimited,
        429,
        "Rate limit exceeded",
        "rate_limit_error",
        fallback_suggestion="retry after 60 seconds",
    ),
    refused(CREDITS, 500, ServerError, 500, "Internal server error", "internal_server_error"),
    refused(CREDITS, 502, ServerError, 502, "Upstream AI service unavailable", "upstream_error"),
    refused(
        CREDITS,
        503,
        ServerError,
        503,
        "Service unavailable",
        "service_unavailable_error",
        fallback_suggestion="retry after 30 seconds",
    ),
]


@respx.mock
@pytest.mark.parametrize(("url", "status", "kind", "error"), REFUSALS, ids=lambda value: str(value)[:24])
def test_each_refusal_is_read_whole(
    client: EvolinkClient, url: str, status: int, kind: type[ApiError], error: dict[str, Any]
) -> None:
    respx.route(url=url).respond(status, json={"error": error}, headers={"Retry-After": "7"})
    calls: dict[str, Callable[[], object]] = {
        CREATE: lambda: client.videos.create("A cat", IMAGE),
        TASK: lambda: client.tasks.get(ID),
        CREDITS: client.credits,
    }
    with pytest.raises(ApiError) as raised:
        calls[url]()
    found = raised.value
    assert type(found) is kind
    assert (found.status, found.code, found.message) == (status, str(error["code"]), error["message"])
    assert (found.type, found.param, found.request_id) == (error["type"], error.get("param"), error.get("request_id"))
    assert found.retry_after == 7.0
    named = {"code", "message", "type", "param", "request_id"}
    assert found.extra == {name: value for name, value in error.items() if name not in named}
    assert "sk-evo-secret" not in repr(found)
