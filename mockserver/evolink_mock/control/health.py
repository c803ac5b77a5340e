"""Control calls of the process: liveness, readiness, and the base URL of its links."""

import re
from collections.abc import Callable
from typing import Annotated

import msgspec

from evolink_mock.control.endpoint import ControlCall, ControlError, ControlRequest, parse_body
from evolink_mock.worlds.registry import WorldRegistry

_URL = re.compile(r"https?://[^\s\x00-\x1f\x7f/?#@]{1,260}(/[^\s\x00-\x1f\x7f?#]{0,200})?")


class NewUrl(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /__mock/public-url."""

    public_url: Annotated[str | None, msgspec.Meta(description="The base URL of every link, or null")]


class HealthCalls:
    """The calls of `/__mock/health` and `/__mock/ready`, which orchestrators make."""

    def __init__(self, worlds: WorldRegistry, is_shutting_down: Callable[[], bool]) -> None:
        self._worlds = worlds
        self._is_shutting_down = is_shutting_down

    def table(self) -> tuple[ControlCall, ...]:
        return (
            ControlCall("GET", "/health", "whether the process is alive", self._health, of_world=False, of_state=False),
            ControlCall("GET", "/ready", "whether requests are accepted", self._ready, of_world=False, of_state=False),
            ControlCall("GET", "/public-url", "the base URL of links", self._public_url, of_world=False),
            ControlCall(
                "POST",
                "/public-url",
                'set it, or with null let links follow each request: {"public_url": "http://localhost:49153"}',
                self._set_public_url,
                of_world=False,
                body=NewUrl,
            ),
        )

    async def _health(self, request: ControlRequest) -> object:
        failure = self._worlds.storage_failure()
        numbers = {"worlds": len(self._worlds), "worlds_evicted": self._worlds.evicted}
        # With a status that keeps the process: an end would lose what only its memory has.
        return {"status": "degraded", "state": failure, **numbers} if failure else {"status": "ok", **numbers}

    async def _public_url(self, request: ControlRequest) -> object:
        return {"public_url": self._worlds.anonymous.config.public_url.fixed or None}

    async def _set_public_url(self, request: ControlRequest) -> object:
        url = parse_body(request.body, NewUrl).public_url
        if url is not None and not _URL.fullmatch(url):
            raise ControlError(400, "invalid_body", "public_url must be an http or https URL without a query, or null")
        self._worlds.anonymous.config.public_url.fixed = (url or "").rstrip("/")
        return await self._public_url(request)

    async def _ready(self, request: ControlRequest) -> object:
        if self._is_shutting_down():
            raise ControlError(503, "draining", "Shutting down")
        if failure := self._worlds.storage_failure():
            raise ControlError(503, "state_unusable", failure)
        return {"status": "ready"}
