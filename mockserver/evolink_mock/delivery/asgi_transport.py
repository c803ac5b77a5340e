"""Receivers that are ASGI applications in the same process."""

import asyncio
from collections.abc import Mapping

import httpx
from starlette.types import ASGIApp

from evolink_mock.clock import wall_micros
from evolink_mock.core.callback_routes import parse_callback_url
from evolink_mock.core.delivery import AttemptResult
from evolink_mock.delivery.transport import AttemptRequest, excerpt


class AsgiTransport:
    """Applications by the origin they stand for. Their lifespan is their owner's to run."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._transports = {origin: httpx.ASGITransport(app) for origin, app in apps.items()}

    async def send(self, posting: AttemptRequest) -> AttemptResult:
        began = wall_micros()
        request = httpx.Request(
            "POST",
            posting.destination.url,
            headers=posting.headers,
            content=posting.body,
        )
        try:
            response = await self._transports[parse_callback_url(posting.destination.url).origin].handle_async_request(
                request
            )
            body = await response.aread()
        except (Exception, asyncio.CancelledError) as error:  # The receiver's own, whatever it is.
            me = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and me is not None and me.cancelling():
                raise
            detail = excerpt(repr(error).encode(), posting)
            return AttemptResult(error="crashed", detail=detail, latency=wall_micros() - began)
        return AttemptResult(response.status_code, excerpt=excerpt(body, posting), latency=wall_micros() - began)

    async def close(self) -> None:
        """Nothing is open."""
