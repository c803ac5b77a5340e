"""Receivers that are ASGI applications in the same process."""

from collections.abc import Mapping

import httpx
from starlette.types import ASGIApp

from evolink_mock.clock import wall_micros
from evolink_mock.core.deliveries import Outcome
from evolink_mock.core.routing import take_apart
from evolink_mock.transport import KEPT_ANSWER, USER_AGENT, Posting


class Receivers:
    """Applications by the origin they stand for. Their lifespan is their owner's to run."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._transports = {origin: httpx.ASGITransport(app) for origin, app in apps.items()}

    async def send(self, posting: Posting) -> Outcome:
        began = wall_micros()
        request = httpx.Request(
            "POST",
            posting.way.url,
            headers={"content-type": "application/json", "user-agent": USER_AGENT},
            content=posting.body,
        )
        try:
            response = await self._transports[take_apart(posting.way.url).origin].handle_async_request(request)
            body = await response.aread()
        except Exception as error:  # The receiver's own, whatever it is.
            return Outcome(fault="crashed", detail=repr(error)[:KEPT_ANSWER], latency=wall_micros() - began)
        excerpt = body[: KEPT_ANSWER * 4].decode("utf-8", "replace")[:KEPT_ANSWER]
        return Outcome(response.status_code, excerpt=excerpt, latency=wall_micros() - began)

    async def close(self) -> None:
        """Nothing is open."""
