"""The emulator without a socket, for httpx clients: `httpx.Client(transport=InProcessTransport(app))`."""

import atexit
import logging
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import ExitStack, asynccontextmanager, suppress
from threading import Lock, Thread

import anyio
import anyio.to_thread
import httpx
from anyio.from_thread import BlockingPortal
from starlette.types import ASGIApp, Message

from evolink_mock.clock import monotonic
from evolink_mock.delivery.time_travel import READ_TIMEOUT, ResponseTooLate

if sys.platform == "win32":
    from asyncio import ProactorEventLoop as _SystemEventLoop
else:
    from asyncio import SelectorEventLoop as _SystemEventLoop

log = logging.getLogger("evolink_mock")


class _EventLoop(_SystemEventLoop):
    """An event loop that goes on: where a test has stopped the functions of `time`, and where a receiver exits.

    asyncio lets `SystemExit` and `KeyboardInterrupt` end the loop if they are raised in a task or callback that a
    receiver started. No signal raises them here, in a thread of its own.
    """

    def time(self) -> float:
        return monotonic()

    def run_forever(self) -> None:
        while True:
            try:
                return super().run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                log.warning("a task or callback of a receiver in this process raised %r; the emulator goes on", error)


class _PortalThread:
    """An event loop in a daemon thread, and the portal to it.

    Unlike the context manager of anyio it is no generator. The garbage collector of a process that ends, or of a forked
    child, closes a generator, which then waits for a thread that runs no more.
    """

    def __init__(self) -> None:
        self._started: Future[BlockingPortal] = Future()
        self._thread = Thread(target=self._run, name="evolink-mock", daemon=True)
        self._thread.start()
        self.portal = self._started.result()

    def _run(self) -> None:
        try:
            anyio.run(self._serve, backend="asyncio", backend_options={"loop_factory": _EventLoop})
        except BaseException as error:
            # Raised where the portal is waited for; later, each call of the portal fails.
            if not self._started.done():
                self._started.set_exception(error)

    async def _serve(self) -> None:
        async with BlockingPortal() as portal:
            self._started.set_result(portal)
            await portal.sleep_until_stopped()

    def close(self) -> None:
        with suppress(RuntimeError):  # It has ended by itself.
            self.portal.call(self.portal.stop)
        self._thread.join()


class InProcessTransport(httpx.BaseTransport):
    """Runs an ASGI application's lifespan and requests on an event loop of its own, in a thread of its own.

    `close` ends both, from any thread and as often as it is called; httpx calls it when a client with this transport
    is closed, and the end of the process at the latest. `shared` and `async_shared` make transports that leave them
    running. A forked child cannot use it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._asgi = httpx.ASGITransport(app)
        self._open = True
        self._closing = Lock()
        self._process = os.getpid()
        with ExitStack() as stack:
            thread = _PortalThread()
            stack.callback(thread.close)
            self._portal = thread.portal
            stack.enter_context(self._portal.wrap_async_context_manager(_lifespan(app)))
            self._stack = stack.pop_all()
        atexit.register(self.close)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self._open:
            raise RuntimeError("this emulator is closed: InProcessTransport.close or Mocked.close was called")
        if os.getpid() != self._process:
            raise RuntimeError("this emulator runs in the process that made it; a forked child needs one of its own")
        return self._portal.call(self._handle, request, request.read())

    async def _handle(self, request: httpx.Request, content: bytes) -> httpx.Response:
        # The request's own stream is a synchronous one, read already; the application wants an asynchronous one.
        request.stream = httpx.ByteStream(content)
        # Only for this task: each request has one of its own.
        READ_TIMEOUT.set(request.extensions.get("timeout", {}).get("read"))
        try:
            response = await self._asgi.handle_async_request(request)
        except ResponseTooLate:
            raise httpx.ReadTimeout("no response within the read time-out", request=request) from None
        body = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers, content=body, request=request)

    def shared(self) -> httpx.BaseTransport:
        """A transport to the same application for any number of clients. Its `close` changes nothing."""
        return SharedTransport(self)

    def async_shared(self) -> httpx.AsyncBaseTransport:
        """`shared` for `httpx.AsyncClient`, on any event loop."""
        return AsyncSharedTransport(self)

    def close(self) -> None:
        if os.getpid() != self._process:
            return
        self._open = False
        with self._closing:
            self._stack.close()
        atexit.unregister(self.close)


class SharedTransport(httpx.BaseTransport):
    """Sends by a transport that it does not own: `httpx.BaseTransport.close` does nothing."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)


class AsyncSharedTransport(httpx.AsyncBaseTransport):
    """Sends by a blocking transport that it does not own, in a thread."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        plain = httpx.Request(request.method, request.url, headers=request.headers, content=await request.aread())
        plain.extensions = request.extensions
        answer = await anyio.to_thread.run_sync(self._transport.handle_request, plain)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.read(), request=request)


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
