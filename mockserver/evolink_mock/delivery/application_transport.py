"""Transport to receivers that are applications in the same process."""

import asyncio

import httpx

from evolink_mock.clock import wall_micros
from evolink_mock.core.callback_routes import parse_callback_url
from evolink_mock.core.delivery import AttemptResult
from evolink_mock.delivery.receivers import Receivers
from evolink_mock.delivery.transport import AttemptRequest, excerpt


class ApplicationTransport:
    """Sends to the application that takes the callbacks of an origin. Its owner runs its lifespan."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers

    async def send(self, request: AttemptRequest) -> AttemptResult:
        began = wall_micros()
        url = request.destination.url
        transport = self._receivers.transport(parse_callback_url(url).origin)
        try:
            response = await transport.handle_async_request(
                httpx.Request("POST", url, headers=request.headers, content=request.body)
            )
            body = await response.aread()
        except (Exception, asyncio.CancelledError) as error:  # Whatever the application raises.
            me = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and me is not None and me.cancelling():
                raise
            detail = excerpt(repr(error).encode(), request)
            return AttemptResult(error="crashed", detail=detail, latency=wall_micros() - began)
        return AttemptResult(response.status_code, excerpt=excerpt(body, request), latency=wall_micros() - began)

    async def close(self) -> None:
        """Nothing is open."""
