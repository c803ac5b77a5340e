"""Diagnosis of a callback URL: whether production would call it, where it leads here, and a real attempt."""

import asyncio
import socket
from typing import Any

import msgspec

from evolink_contracts.spec.models import MODELS
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS, CallbackPolicy
from evolink_contracts.spec.wire import TASK_ID_PREFIX
from evolink_mock.clock import DEFAULT_START
from evolink_mock.core.bodies import task_body
from evolink_mock.core.callback_routes import SINK, CallbackRoutes, Destination, parse_callback_url
from evolink_mock.core.delivery import AttemptResult, attempt_headers, describe, timed_out
from evolink_mock.core.duration import SECOND
from evolink_mock.core.task import Plan, State, Task
from evolink_mock.core.url_policy import check_callback_url
from evolink_mock.delivery.sink import mistake
from evolink_mock.delivery.transport import AttemptRequest
from evolink_mock.delivery.transports import make_transports
from evolink_mock.settings import Settings

_MODEL = next(iter(MODELS))
_TASK_ID = f"{TASK_ID_PREFIX}{DEFAULT_START // SECOND}-example1"


def diagnose(url: str, settings: Settings, *, dry: bool, policy: CallbackPolicy = EVOLINK_CALLBACKS) -> dict[str, Any]:
    """The findings about a URL, as JSON-ready values; `ok` is whether a callback would arrive here."""
    violation = check_callback_url(url, scope=settings.choices.internal_addresses, max_length=policy.max_url_length)
    found: dict[str, Any] = {
        "url": url,
        "ok": False,
        "production": {"accepts": violation is None, "says": _production(url, violation and violation.message)},
    }
    if violation is not None:
        return found
    routes = CallbackRoutes(settings.callback_route, settings.forward_to, settings.deliver_public)
    destination = routes.destination(url)
    says = _here(destination) if destination else routes.hint(url)
    found["here"] = {"goes_to": destination and destination.url, "says": says}
    if destination is None or dry:
        found["ok"] = destination is not None and not _mistake(destination)
        return found
    result = asyncio.run(_try(destination, settings, policy))
    found["ok"] = result.status is not None and result.status in policy.success and not _mistake(destination)
    found["attempt"] = {
        "status": result.status,
        "error": result.error,
        "detail": result.detail or None,
        "latency_ms": result.latency / 1000,
        "response": result.excerpt,
        "says": _attempt(result, policy),
    }
    return found


def _production(url: str, violation: str | None) -> str:
    if violation is not None:
        return f"refuses it at create with a 400: callback_url {violation}"
    host = parse_callback_url(url).host
    if host == SINK:
        return "accepts it, and reaches no receiver: this host exists only in the emulator"
    try:
        answers = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return (
            f"accepts it; {host} does not resolve from here, which does not matter to a callback route, but in "
            "production it must resolve to a public address"
        )
    addresses = sorted({str(answer[4][0]) for answer in answers})
    internal = check_callback_url(url, addresses)
    if internal is not None:
        return f"accepts the name, but it resolves to {', '.join(addresses)}, which is internal: nothing is sent"
    return f"accepts it and sends callbacks to {', '.join(addresses)}"


def _here(destination: Destination) -> str:
    match destination.kind:
        case "network":
            tls = (
                f", where the certificate must be for {destination.server_name}"
                if destination.url.startswith("https:") and not destination.insecure
                else ""
            )
            tls = ", whose certificate is not verified" if destination.insecure else tls
            return f"a route sends it to {destination.url}, with Host: {destination.authority}{tls}"
        case "public":
            return f"--deliver-public sends it to {destination.url} itself"
        case "sink":
            wrong = _mistake(destination)
            return f"the emulator's own sink takes it; {wrong or 'GET /__mock/inbox shows what arrived'}"
        case "receiver":
            return "an application in this process receives it"


def _mistake(destination: Destination) -> str:
    return mistake(destination.url) if destination.kind == "sink" else ""


def _attempt(result: AttemptResult, policy: CallbackPolicy) -> str:
    words = f"the receiver {describe(result)}" + (f" ({result.detail})" if result.detail else "")
    if result.status is not None and result.status in policy.success:
        return f"{words}: delivered"
    gaps = ", ".join(f"{gap:g}" for gap in policy.gaps)
    return f"{words}: a failure, tried again {gaps} s after each, {policy.max_attempts} attempts in all"


def _sample(settings: Settings) -> bytes:
    task = Task(DEFAULT_START, _MODEL, Plan(0, 0, None, 0, 0, 0), b"{}", "default")
    links = ("https://example.com/video.mp4",)
    body = task_body(_TASK_ID, task, State("completed", 100, None, 0), links, settings.choices)
    return msgspec.json.encode(body)


async def _try(destination: Destination, settings: Settings, policy: CallbackPolicy) -> AttemptResult:
    transports = make_transports(settings)
    request = AttemptRequest(destination, attempt_headers(), _sample(settings), _TASK_ID, 1, None)
    try:
        async with asyncio.timeout(policy.timeout):
            return await transports[destination.kind].send(request)
    except TimeoutError:
        return timed_out(policy)
    finally:
        for transport in set(transports.values()):
            await transport.close()
