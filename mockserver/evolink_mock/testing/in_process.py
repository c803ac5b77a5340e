"""The emulator without a socket, for synchronous httpx clients: `httpx.Client(transport=InProcessTransport(app))`."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import anyio
import httpx
from anyio.from_thread import start_blocking_portal
from starlette.types import ASGIApp, Message


class InProcessTransport(httpx.BaseTransport):
    """Runs an ASGI application's lifespan and requests on an event loop of its own, in a thread of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._asgi = httpx.ASGITransport(app)
        self._stack = ExitStack()
        self._portal = self._stack.enter_context(start_blocking_portal("asyncio"))
        self._stack.enter_context(self._portal.wrap_async_context_manager(_lifespan(app)))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._portal.call(self._handle, request, request.read())

    async def _handle(self, request: httpx.Request, content: bytes) -> httpx.Response:
        # The request's own stream is a synchronous one, read already; the application wants an asynchronous one.
        request.stream = httpx.ByteStream(content)
        response = await self._asgi.handle_async_request(request)
        body = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers, content=body, request=request)

    def close(self) -> None:
        self._stack.close()


@asynccontextmanager
async def _lifespan(app: ASGIApp) -> AsyncIterator[None]:
    """The ASGI lifespan protocol as a context manager."""
    to_app, app_receives = anyio.create_memory_object_stream[Message](1)
    app_sends, from_app = anyio.create_memory_object_stream[Message](1)

    async def run() -> None:
        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, app_receives.receive, app_sends.send)

    async def say(word: str) -> None:
        await to_app.send({"type": f"lifespan.{word}"})
        message = await from_app.receive()
        if message["type"] != f"lifespan.{word}.complete":
            raise RuntimeError(f"the application's {word} failed: {message.get('message', '')}")

    with to_app, app_receives, app_sends, from_app:
        async with anyio.create_task_group() as group:
            group.start_soon(run)
            await say("startup")
            yield
            await say("shutdown")
