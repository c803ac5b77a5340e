"""Asynchronous client for asyncio and trio: sends the requests that the flows yield, and awaits the responses."""

from collections.abc import Awaitable, Callable
from functools import partial
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

import anyio
import httpx

from evolink_client._answers import MAX_ANSWER, Answer
from evolink_client._calls import Calls
from evolink_client._clock import Clock, from_any_thread, sleep_async
from evolink_client._config import configure
from evolink_client._create import CreateOptions
from evolink_client._errors import ConnectionFailed
from evolink_client._exchange import FAILURES, AsyncHttpOptions, Reading, lost, open_http
from evolink_client._flows import Flow, Outcome, Pause, Request, Retries
from evolink_client._http.body import Body, BodyRefused
from evolink_client._http.download import Finished, Progress, Target, async_following, late, lost_at, refusal_of
from evolink_client._http.limits import Downloads
from evolink_client._models import CreditsReport, Seconds, Task
from evolink_client._polling import Polling

if TYPE_CHECKING:
    from evolink_client._inbox import CallbackInbox

Value = TypeVar("Value")


class AsyncEvolinkClient:
    """`EvolinkClient` with awaitable calls. Close it with `aclose`, or use it as an asynchronous context manager.

    A client belongs to one event loop, of asyncio or trio.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        retries: Retries | None = None,
        polling: Polling | None = None,
        downloads: Downloads | None = None,
        retry_creates: bool = False,
        checks: bool = True,
        clock: Clock | None = None,
        sleep: Callable[[Seconds], Awaitable[None]] | None = None,
        http: AsyncHttpOptions | None = None,
    ) -> None:
        config = configure(api_key, base_url)
        self._calls = Calls(
            config,
            retries or Retries(),
            polling or Polling(),
            downloads or Downloads(),
            retry_creates,
            checks,
            clock or Clock(),
        )
        self._sleep = sleep
        self._http = open_http(httpx.AsyncClient, httpx.AsyncHTTPTransport, config.base_url, http or {})
        self.videos = AsyncVideos(self)
        self.tasks = AsyncTasks(self)

    async def credits(self) -> CreditsReport:
        """The remaining and used credits: GET /v1/credits."""
        return await self._run(self._calls.credits())

    async def aclose(self) -> None:
        """Like `EvolinkClient.close`."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncEvolinkClient(base_url={self._calls.config.base_url!r})"

    async def _run(self, flow: Flow[Value], pause: Callable[[Seconds], Awaitable[None]] = sleep_async) -> Value:
        outcome: Outcome = None
        try:
            while True:
                step = flow.send(outcome)
                if isinstance(step, Pause):
                    await (self._sleep or pause)(step.seconds)
                    outcome = None
                else:
                    outcome = await self._send(step)
        except StopIteration as end:
            value: Value = end.value
            return value

    async def _send(self, request: Request) -> Answer | ConnectionFailed:
        reading = Reading(request, self._calls.clock, self._calls.config.base_url)
        with anyio.move_on_after(request.timeout):
            try:
                async with self._http.stream(**self._calls.config.asks(request)) as response:
                    async for piece in Body(response, MAX_ANSWER).async_pieces():
                        if reading.over(piece):
                            return reading.timed_out()
                    return reading.answer(response)
            except BodyRefused as error:
                raise reading.refused(error) from None
            except FAILURES as error:
                return lost(request, error, self._calls.config.base_url)
        return reading.timed_out()


class AsyncVideos:
    """The calls of `client.videos`."""

    def __init__(self, client: AsyncEvolinkClient) -> None:
        self._client = client

    async def create(
        self,
        prompt: str,
        image_url: str | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[CreateOptions],
    ) -> Task:
        """Like `Videos.create`."""
        return await self._client._run(self._client._calls.create(prompt, image_url, idempotency_key, options))


class AsyncTasks:
    """The calls of `client.tasks`."""

    def __init__(self, client: AsyncEvolinkClient) -> None:
        self._client = client

    async def get(self, task_id: str) -> Task:
        """Like `Tasks.get`."""
        return await self._client._run(self._client._calls.get(task_id))

    async def wait(
        self,
        task_id: str,
        timeout: Seconds = 600,
        seen: Callable[[Task], None] | None = None,
        callbacks: "CallbackInbox | None" = None,
    ) -> "AsyncVideo":
        """Like `Tasks.wait`."""
        client, calls = self._client, self._client._calls
        if callbacks is None:
            return AsyncVideo(client, await client._run(calls.wait(task_id, timeout, seen)))
        woken = anyio.Event()
        with callbacks.listening(task_id, from_any_thread(woken.set)) as listener:
            flow = calls.wait(task_id, timeout, seen, listener.heard)
            return AsyncVideo(client, await client._run(flow, partial(sleep_async, woken=woken)))


class AsyncVideo(Finished):
    """A finished video, ready to download."""

    def __init__(self, client: AsyncEvolinkClient, task: Task) -> None:
        super().__init__(task)
        self._client = client

    async def download(self, path: str | PathLike[str], progress: Progress | None = None) -> int:
        """Like `Video.download`."""
        url, limits, asks = self.url, self._client._calls.downloads, self.asks(self._client._calls)
        with Target(path) as target:
            with anyio.move_on_after(limits.timeout) as scope:
                try:
                    async with async_following(self._client._http, asks) as response:
                        if response.status_code != 200:
                            raise refusal_of(url, response.status_code)
                        target.expect(response)
                        async for piece in Body(response, limits.size).async_pieces():
                            target.write(piece, progress)
                except (*FAILURES, BodyRefused) as error:
                    raise lost_at(url, error, limits) from None
            if scope.cancelled_caught:
                raise late(url, limits)
            return target.finish(url)
