"""What many tests share: the documented request, and an emulator held by its API and its control API."""

from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import httpx

from evolink_mock import InProcessTransport, Settings, create_app

MODEL = "wan2.6-image-to-video-flash"
KEY = "sk-local"
DOCUMENTED: dict[str, Any] = {
    "model": MODEL,
    "prompt": "A cat playing piano",
    "image_urls": ["https://example.com/image1.png"],
    "duration": 5,
}
"""The documented example, with the image that its own text requires."""

MANUAL = Settings(clock="manual", generation_time="10s", result_video="plain")
"""Videos are plain, since it takes a second to encode any other; tests of their content ask for the best."""


def settings(**given: Any) -> Settings:
    """A manual clock and plain videos of 10 s, unless said otherwise; open questions of the API go in by name too."""
    from evolink_contracts.spec.sources import CONFLICTS

    choices = {name: given.pop(name) for name in CONFLICTS.keys() & given}
    return replace(MANUAL, **given, choices=replace(MANUAL.choices, **choices))


def bearer(key: str = KEY) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


class Emulator:
    """A client of one emulator, speaking with one key."""

    def __init__(self, client: httpx.Client, key: str = KEY) -> None:
        self.client = client
        self.key = key

    @classmethod
    def in_process(cls, **given: Any) -> Self:
        transport = InProcessTransport(create_app(settings(**given)))
        # Without a time-out: tests let latencies of any length pass.
        return cls(httpx.Client(transport=transport, base_url="http://emulator.test", timeout=None))

    def as_key(self, key: str) -> "Emulator":
        """The same emulator as another customer sees it."""
        return Emulator(self.client, key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        return self.client.request(method, path, headers={**bearer(self.key), **(headers or {})}, **more)

    def post(self, body: object, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Create with exactly this JSON."""
        return self.request("POST", "/v1/videos/generations", headers, json=body)

    def post_raw(self, content: bytes, content_type: str | None = "application/json") -> httpx.Response:
        """Create with exactly these bytes."""
        headers = {} if content_type is None else {"content-type": content_type}
        return self.request("POST", "/v1/videos/generations", headers, content=content)

    def create(self, scenario: str | None = None, **fields: Any) -> str:
        """Create the documented task, with some fields changed; its id."""
        response = self.post(DOCUMENTED | fields, {"X-Mock-Scenario": scenario} if scenario else None)
        assert response.status_code == 200, response.text
        return str(response.json()["id"])

    def query(self, task: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.request("GET", f"/v1/tasks/{task}", headers)

    def control(self, path: str, change: object = None, **more: Any) -> Any:
        """A control call that must succeed: GET, or POST where there is something to say."""
        method = "GET" if change is None else "POST"
        body: dict[str, Any] = {} if change is None else {"json": change}
        response = self.request(method, f"/__mock/{path}", **body, **more)
        assert response.status_code == 200, response.text
        return response.json()

    def advance(self, by: str) -> None:
        self.control("clock", {"advance": by})
