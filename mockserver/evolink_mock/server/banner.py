"""Start-up message: the address, the clock, the routes of callbacks, and calls to paste."""

from pathlib import Path

from evolink_mock.core.distribution import parse_generation_time, show_distribution
from evolink_mock.settings import Settings

_BODY = (
    '{"model": "wan2.6-image-to-video-flash", "prompt": "A cat playing piano", '
    '"image_urls": ["https://example.com/image1.png"], "duration": 5}'
)


def banner(settings: Settings, certificate: Path | None) -> str:
    """Text for a terminal, without colours, so that every line can be copied."""
    url = settings.public_url or settings.address
    key = "$EVOLINK_API_KEY" if settings.only_keys else "sk-local"
    keys = settings.accepted_keys()
    trust = f"--cacert {certificate} " if certificate else ""
    lines = [
        f"evolink-mock is ready at {url}",
        f"  videos take {_generation_time(settings)}; clock: {_clock(settings)}",
        f"  point your application at it: EVOLINK_BASE_URL={url}",
        f"  callbacks go {_callbacks(settings)}",
        *([f"  accepts only the keys of {keys.source}: {keys.shown()}"] if keys.only else []),
        f"  see every task on a timeline: {url}/__mock/ui",
        *([f"  its certificate authority: {certificate}"] if certificate else []),
        *([f"  control token, for the header X-Mock-Token: {settings.control_token}"] if settings.needs_token else []),
        "",
        "Create a task:",
        f"  curl -s {trust}{url}/v1/videos/generations \\",
        f'    -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\',
        f"    -d '{_BODY}'",
        "Query it (TASK_ID is the id in the response):",
        f'  curl -s {trust}{url}/v1/tasks/TASK_ID -H "Authorization: Bearer {key}"',
        *(_advance(url, trust, key, settings) if settings.clock == "manual" else []),
        "",
        "Ctrl+C stops it.",
    ]
    return "\n".join(lines)


def _advance(url: str, trust: str, key: str, settings: Settings) -> list[str]:
    token = "" if not settings.needs_token else f'-H "X-Mock-Token: {settings.control_token}" '
    return [
        "Advance the clock, which does not move by itself:",
        f"""  curl -s {trust}{url}/__mock/clock -H "Authorization: Bearer {key}" {token}-d '{{"advance": "10s"}}'""",
    ]


def _generation_time(settings: Settings) -> str:
    span = show_distribution(parse_generation_time(settings.generation_time))
    return f"{span} (--generation-time {settings.generation_time})"


def _callbacks(settings: Settings) -> str:
    routes = ", ".join(f"from {origin} to {place}" for origin, place in settings.callback_route.items())
    destinations = [routes] if routes else []
    if settings.forward_to:
        destinations.append(f"to {settings.forward_to}")
    if settings.deliver_public:
        destinations.append("to the public addresses they name")
    return ", else ".join(destinations) or "only to sink.mock: see --callback-route and --forward-to"


def _clock(settings: Settings) -> str:
    return f"scaled, {settings.speed:g} times as fast" if settings.clock == "scaled" else settings.clock
