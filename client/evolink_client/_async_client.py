"""The client for asyncio and trio: the same thin shell, awaited."""

from collections.abc import Awaitable, Callable, Mapping
from os import PathLike
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from evolink_client import _flows
from evolink_client._answers import Answer
from evolink_client._clock import Clock, new_key, sleep_async
from evolink_client._config import Config, configure
from evolink_client._create import CreateOptions, check, create_body
from evolink_client._download import Progress, Target, refusal_of
from evolink_client._errors import ConnectionFailed, DownloadFailed
from evolink_client._exchange import Reading, lost
from evolink_client._flows import Flow, Outcome, Pause, Polling, Request, Retries
from evolink_client._models import CreditsReport, Seconds, Task

Value = TypeVar("Value")


class AsyncEvolinkClient:
    """As `EvolinkClient`, with its calls awaited; to be closed by `aclose`, or used as an asynchronous context manager.

    For one event loop. `http` takes options of `httpx.AsyncClient`.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        retries: Retries | None = None,
        polling: Polling | None = None,
        retry_creates: bool = False,
        checks: bool = True,
        clock: Clock | None = None,
        sleep: Callable[[Seconds], Awaitable[None]] = sleep_async,
        http: Mapping[str, Any] | None = None,
    ) -> None:
        self._config: Config = configure(api_key, base_url)
        self._retries = retries or Retries()
        self._polling = polling or Polling()
        self._retry_creates = retry_creates
        self._checks = checks
        self._clock = clock or Clock()
        self._sleep = sleep
        self._http = httpx.AsyncClient(**dict(http or {}))
        self.videos = AsyncVideos(self)
        self.tasks = AsyncTasks(self)

    async def credits(self) -> CreditsReport:
        """Where the credits stand: GET /v1/credits."""
        return await self._run(_flows.credits_report(self._retries, self._clock))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncEvolinkClient(base_url={self._config.base_url!r})"

    async def _run(self, flow: Flow[Value]) -> Value:
        outcome: Outcome = None
        try:
            while True:
                step = flow.send(outcome)
                if isinstance(step, Pause):
                    await self._sleep(step.seconds)
                    outcome = None
                else:
                    outcome = await self._send(step)
        except StopIteration as end:
            value: Value = end.value
            return value

    async def _send(self, request: Request) -> Answer | ConnectionFailed:
        reading = Reading(request, self._clock)
        try:
            async with self._http.stream(**self._config.asks(request)) as response:
                async for chunk in response.aiter_bytes():
                    if reading.over(chunk):
                        return reading.timed_out()
                return reading.answer(response.status_code, response.headers)
        except httpx.HTTPError as error:
            return lost(request, error)


class AsyncVideos:
    """`client.videos`."""

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
        """As `Videos.create`."""
        client = self._client
        body = create_body(prompt, image_url, options)
        if client._checks:
            check(body)
        key = idempotency_key or new_key()
        return await client._run(_flows.create(body, key, client._retries, client._clock, again=client._retry_creates))


class AsyncTasks:
    """`client.tasks`."""

    def __init__(self, client: AsyncEvolinkClient) -> None:
        self._client = client

    async def get(self, task_id: str) -> Task:
        """As `Tasks.get`."""
        return await self._client._run(_flows.get(task_id, self._client._retries, self._client._clock))

    async def wait(
        self, task_id: str, timeout: Seconds = 600, seen: Callable[[Task], None] | None = None
    ) -> "AsyncVideo":
        """As `Tasks.wait`."""
        client = self._client
        flow = _flows.wait(task_id, timeout, client._polling, client._retries, client._clock, seen)
        return AsyncVideo(client, await client._run(flow))


class AsyncVideo:
    """A video that is finished: its task, and its link, which works for 24 hours after completion."""

    def __init__(self, client: AsyncEvolinkClient, task: Task) -> None:
        self._client = client
        self.task = task

    @property
    def url(self) -> str:
        return self.task.results[0] if self.task.results else ""

    async def download(self, path: str | PathLike[str], progress: Progress | None = None) -> int:
        """As `Video.download`."""
        url = self.url
        try:
            with Target(path) as target:
                async with self._client._http.stream("GET", url, follow_redirects=True) as response:
                    if response.status_code != 200:
                        raise refusal_of(url, response.status_code)
                    target.expect(response.headers.get("content-length"))
                    async for chunk in response.aiter_bytes():
                        target.write(chunk, progress)
                    return target.finish(url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DownloadFailed(url, str(error) or type(error).__name__) from None
