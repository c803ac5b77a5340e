"""What would become of a callback URL: in production, and here; and then it is tried."""

import asyncio
import socket
from typing import Any

import msgspec

from evolink_contracts.spec.models import MODELS
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS, CallbackPolicy
from evolink_mock.core.bodies import task_body
from evolink_mock.core.callback_routes import SINK, CallbackRoutes, Destination, parse_callback_url
from evolink_mock.core.delivery import AttemptResult, describe, timed_out
from evolink_mock.core.duration import SECOND
from evolink_mock.core.task import Plan, State, Task
from evolink_mock.core.url_policy import check_callback_url
from evolink_mock.delivery.attempts import attempt_headers
from evolink_mock.delivery.transport import AttemptRequest
from evolink_mock.delivery.transports import make_transports
from evolink_mock.settings import Settings

_MODEL = next(iter(MODELS))
_TASK = "task-unified-1757169743-example1"


def diagnose(url: str, settings: Settings, *, dry: bool, policy: CallbackPolicy = EVOLINK_CALLBACKS) -> dict[str, Any]:
    """The findings about a URL, as JSON-ready values; `ok` is whether a callback would arrive here."""
    objection = check_callback_url(url, scope=settings.choices.internal_addresses, max_length=policy.max_url_length)
    found: dict[str, Any] = {
        "url": url,
        "ok": False,
        "production": {"accepts": objection is None, "says": _production(url, objection and objection.message)},
    }
    if objection is not None:
        return found
    routing = CallbackRoutes(settings.callback_route, settings.forward_to, settings.deliver_public)
    way = routing.destination(url)
    found["here"] = {"goes_to": way and way.url, "says": _here(way) if way else routing.hint(url)}
    if way is None or dry:
        found["ok"] = way is not None
        return found
    outcome = asyncio.run(_try(way, settings, policy))
    found["ok"] = outcome.status is not None and outcome.status in policy.success
    found["attempt"] = {
        "status": outcome.status,
        "error": outcome.error,
        "detail": outcome.detail or None,
        "latency_ms": outcome.latency / 1000,
        "response": outcome.excerpt,
        "says": _attempt(outcome, policy),
    }
    return found


def _production(url: str, objection: str | None) -> str:
    if objection is not None:
        return f"refuses it at create with a 400: callback_url {objection}"
    host = parse_callback_url(url).host
    if host == SINK:
        return "would accept it, and find nobody there: this host exists in the emulator alone"
    try:
        answers = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return f"accepts it, but from here {host} does not resolve: unless it does elsewhere, no attempt would arrive"
    addresses = sorted({str(answer[4][0]) for answer in answers})
    inside = check_callback_url(url, addresses)
    if inside is not None:
        return f"accepts the name, but it resolves to {', '.join(addresses)}, which is internal: nothing would be sent"
    return f"accepts it and calls {', '.join(addresses)}"


def _here(way: Destination) -> str:
    match way.kind:
        case "network":
            tls = f", where the certificate must be for {way.server_name}" if way.url.startswith("https:") else ""
            return f"a route takes it to {way.url}, with Host: {way.authority}{tls}"
        case "public":
            return f"--deliver-public sends it to {way.url} itself"
        case "sink":
            return "the emulator's own sink takes it; GET /__mock/inbox shows what arrived"
        case "receiver":
            return "an application in this process takes it"


def _attempt(outcome: AttemptResult, policy: CallbackPolicy) -> str:
    words = f"the receiver {describe(outcome)}" + (f" ({outcome.detail})" if outcome.detail else "")
    if outcome.status is not None and outcome.status in policy.success:
        return f"{words}: delivered"
    gaps = ", ".join(f"{gap:g}" for gap in policy.gaps)
    return f"{words}: a failure, tried again {gaps} s after each, {policy.max_attempts} attempts in all"


def _sample(settings: Settings) -> bytes:
    task = Task(1_757_169_743 * SECOND, _MODEL, Plan(0, 0, None, 0, 0, 0), b"{}", "default")
    links = ("https://example.com/video.mp4",)
    body = task_body(_TASK, task, State("completed", 100, None, 0), links, settings.choices)
    return msgspec.json.encode(body)


async def _try(way: Destination, settings: Settings, policy: CallbackPolicy) -> AttemptResult:
    transports = make_transports(settings, {})
    posting = AttemptRequest(way, attempt_headers(), _sample(settings), _TASK, 1, None)
    try:
        async with asyncio.timeout(policy.timeout):
            return await transports[way.kind].send(posting)
    except TimeoutError:
        return timed_out(policy)
    finally:
        for transport in set(transports.values()):
            await transport.close()
