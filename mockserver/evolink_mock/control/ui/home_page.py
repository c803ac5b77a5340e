"""Start page at `/`: for browsers links, the clock and calls to paste; for other clients an index as JSON."""

import json
import re
from functools import cached_property
from pathlib import Path
from shlex import quote
from string import Template

from starlette.types import ASGIApp, Receive, Scope, Send

from evolink_mock.api.asgi import response_of, send_response
from evolink_mock.api.headers import by_name
from evolink_mock.api.responses import Result
from evolink_mock.control.pages import HTML, SECURITY_HEADERS
from evolink_mock.core.distribution import parse_generation_time, show_distribution
from evolink_mock.settings import Settings
from evolink_mock.worlds.world import World

_TEMPLATE = Path(__file__).parent / "templates" / "home.html"
_BODY = '{"model": "wan2.6-text-to-video", "prompt": "A cat playing piano"}'
_DOCUMENTS = (
    ("__mock/", "Control API", "every call, with what it does"),
    ("__mock/fidelity", "Fidelity", "each behaviour with its basis and source, and each open question"),
    ("__mock/scenarios/words", "Scenario words", "the faults, delays and outcomes that can be asked for"),
    ("__mock/scenarios/schema", "Scenario files", "their JSON Schema"),
)
_LINKS = {
    "openapi": "openapi.json",
    "timeline": "__mock/ui",
    "control": "__mock/",
    "fidelity": "__mock/fidelity",
    "scenario_words": "__mock/scenarios/words",
}
_QUALITY = re.compile(r"q=([01]?(?:\.\d{0,3})?)")


_VARY = (b"vary", b"Accept")


class HomePage:
    """Serves the page to browsers and the index to other clients, and leaves other methods to `otherwise`."""

    def __init__(self, settings: Settings, url: str, anonymous: World, otherwise: ASGIApp) -> None:
        self._settings = settings
        self._url = url
        self._anonymous = anonymous
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await self._otherwise(scope, receive, send)
            return
        accept = by_name(scope["headers"]).get(b"accept", b"").decode("latin-1")
        if prefers_html(accept):
            result = Result(200, self._body, (*SECURITY_HEADERS, _VARY), HTML)
        else:
            result = Result(200, self._index, (_VARY,))
        await send_response(send, response_of(result, self._anonymous), scope["method"])

    @cached_property
    def _body(self) -> bytes:
        from html import escape

        settings = self._settings
        known = {
            "version": escape(_version()),
            "create": escape(
                self._curl("/v1/videos/generations", "-H 'Content-Type: application/json'", f"-d '{_BODY}'")
            ),
            "query": escape(self._curl("/v1/tasks/TASK_ID")),
            "trust": _CERTIFICATE if settings.tls else "",
            "clock": escape(_describe_clock(settings)),
            "generation_time": escape(show_distribution(parse_generation_time(settings.generation_time))),
            "advance": escape(self._advance()),
            "documents": "\n".join(self._document(*each) for each in _DOCUMENTS),
            "token": _HOW_TO_CALL if settings.needs_token else "",
        }
        return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(known).encode()

    @cached_property
    def _index(self) -> bytes:
        index = {
            "service": "evolink-mock",
            "version": _version(),
            "links": {name: f"{self._url}/{path}" for name, path in _LINKS.items()},
        }
        # Indented and with an end of line, since people read it in a terminal.
        return json.dumps(index, indent=2).encode() + b"\n"

    def _curl(self, path: str, *more: str) -> str:
        trust = "--cacert CA.pem " if self._settings.tls else ""
        key = "$EVOLINK_API_KEY" if self._settings.only_keys else "sk-local"
        words = [f"curl -s {trust}{quote(self._url + path)}", f'-H "Authorization: Bearer {key}"', *more]
        return " \\\n  ".join(words)

    def _advance(self) -> str:
        token = () if not self._settings.needs_token else ('-H "X-Mock-Token: $EVOLINK_MOCK_CONTROL_TOKEN"',)
        return self._curl("/__mock/clock", *token, """-d '{"advance": "7s"}'""")

    def _document(self, path: str, name: str, about: str) -> str:
        """A link; without one, the path alone, where the call needs a header that a browser does not send."""
        shown = f'<a href="{path}">{name}</a>' if not self._settings.needs_token else f"{name} (<code>/{path}</code>)"
        return f"<li>{shown}: {about}</li>"


_CERTIFICATE = "<p>CA.pem is the certificate authority that the start-up message names.</p>"
_HOW_TO_CALL = (
    "<p>Calls under <code>/__mock</code> need the header <code>X-Mock-Token</code> with the control token of this "
    "emulator, which was given to it or printed at its start.</p>"
)


def prefers_html(accept: str) -> bool:
    """Whether an `Accept` header (RFC 9110, 12.5.1) asks for HTML by name, rather than for JSON or for anything."""
    quality: dict[str, float] = {}
    for offer in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in offer.split(";"))
        quality[kind] = _parse_quality(parameters)
    html = max(quality.get("text/html", 0), quality.get("application/xhtml+xml", 0))
    return html > quality.get("application/json", 0) and html >= quality.get("*/*", 0)


def _parse_quality(parameters: list[str]) -> float:
    """The weight of an offer, 1 if it has none, 0 if it is malformed."""
    for parameter in parameters:
        if parameter.startswith("q="):
            match = _QUALITY.fullmatch(parameter)
            return float(match[1]) if match and match[1] not in ("", ".") else 0
    return 1


def _version() -> str:
    # Imported late, like `html`: together they would take a fiftieth of the time to the first answer.
    from importlib.metadata import version

    return version("evolink-devkit")


def _describe_clock(settings: Settings) -> str:
    match settings.clock:
        case "real":
            return "real, in step with the machine's clock."
        case "scaled":
            return f"scaled, {settings.speed:g} times as fast as real time."
        case "manual":
            return "manual, it stands still until a call moves it."
        case "auto":
            return "auto, it jumps to the next event when an unfinished task is polled."
