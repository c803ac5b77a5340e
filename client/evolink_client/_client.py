"""Blocking client: sends the requests that the flows yield."""

from collections.abc import Callable
from functools import partial
from os import PathLike
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

import httpx

from evolink_client._answers import MAX_ANSWER, Answer
from evolink_client._calls import Calls
from evolink_client._clock import Clock, sleep
from evolink_client._config import configure
from evolink_client._create import CreateOptions
from evolink_client._errors import ConnectionFailed
from evolink_client._exchange import FAILURES, HttpOptions, Reading, lost, open_http
from evolink_client._flows import Flow, Outcome, Pause, Request, Retries
from evolink_client._http.body import Body, BodyRefused
from evolink_client._http.deadline import deadline, keep_deadlines
from evolink_client._http.download import Finished, Progress, Target, following, late, lost_at, refusal_of
from evolink_client._http.limits import Downloads
from evolink_client._models import CreditsReport, Seconds, Task
from evolink_client._polling import Polling

if TYPE_CHECKING:
    from evolink_client._inbox import CallbackInbox

Value = TypeVar("Value")


class EvolinkClient:
    """Creates videos and waits for them. Threads may share a client. Close it, or use it as a context manager.

    `api_key` and `base_url` default to the environment variables EVOLINK_API_KEY and EVOLINK_BASE_URL. Every create has
    an `Idempotency-Key`; it is retried only with `retry_creates=True`, and then with the same key. With `checks`, a
    request that the service would certainly reject raises before it is sent. Each request ends within
    `retries.timeout`, and each download within the limits of `downloads`, whatever the server sends; a transport of
    yours is held to that between the parts of a body. `clock` and `sleep` are for tests; a
    callback does not interrupt a custom `sleep`. Raises `NotConfigured`.
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
        sleep: Callable[[Seconds], None] | None = None,
        http: HttpOptions | None = None,
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
        self._http = open_http(httpx.Client, httpx.HTTPTransport, config.base_url, http or {})
        keep_deadlines(self._http)
        self.videos = Videos(self)
        self.tasks = Tasks(self)

    def credits(self) -> CreditsReport:
        """The remaining and used credits: GET /v1/credits."""
        return self._run(self._calls.credits())

    def close(self) -> None:
        """Close the connections; requests in flight fail."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"EvolinkClient(base_url={self._calls.config.base_url!r})"

    def _run(self, flow: Flow[Value], pause: Callable[[Seconds], None] = sleep) -> Value:
        outcome: Outcome = None
        try:
            while True:
                step = flow.send(outcome)
                if isinstance(step, Pause):
                    (self._sleep or pause)(step.seconds)
                    outcome = None
                else:
                    outcome = self._send(step)
        except StopIteration as end:
            value: Value = end.value
            return value

    def _send(self, request: Request) -> Answer | ConnectionFailed:
        reading = Reading(request, self._calls.clock, self._calls.config.base_url)
        try:
            with deadline(request.timeout), self._http.stream(**self._calls.config.asks(request)) as response:
                for piece in Body(response, MAX_ANSWER).pieces():
                    if reading.over(piece):
                        return reading.timed_out()
                return reading.answer(response)
        except BodyRefused as error:
            raise reading.refused(error) from None
        except FAILURES as error:
            return lost(request, error, self._calls.config.base_url)


class Videos:
    """The calls of `client.videos`."""

    def __init__(self, client: EvolinkClient) -> None:
        self._client = client

    def create(
        self,
        prompt: str,
        image_url: str | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[CreateOptions],
    ) -> Task:
        """Create a task: POST /v1/videos/generations. `CreateOptions` lists the other options.

        With your own `idempotency_key`, repeating the call after a crash returns the same task, charged once. Raises
        `InvalidRequest` before anything is sent, otherwise `ApiError`, `ConnectionFailed` or `UnexpectedAnswer`.
        """
        return self._client._run(self._client._calls.create(prompt, image_url, idempotency_key, options))


class Tasks:
    """The calls of `client.tasks`."""

    def __init__(self, client: EvolinkClient) -> None:
        self._client = client

    def get(self, task_id: str) -> Task:
        """GET /v1/tasks/{task_id}. Raises `NotFound` or another `ApiError`, `ConnectionFailed`, `UnexpectedAnswer`."""
        return self._client._run(self._client._calls.get(task_id))

    def wait(
        self,
        task_id: str,
        timeout: Seconds = 600,
        seen: Callable[[Task], None] | None = None,
        callbacks: "CallbackInbox | None" = None,
    ) -> "Video":
        """Wait until the task has ended, and return its video. `seen` is called with every state, including the last.

        With `callbacks`, the wait ends by polling or by a callback, whichever comes first. Raises `TaskFailed` or
        `TaskCancelled` if the task ends without a video, `WaitTimedOut` after `timeout` seconds, and the errors of
        `get` if a query fails; after the first successful query, temporary errors are retried until the time-out.
        """
        client, calls = self._client, self._client._calls
        if callbacks is None:
            return Video(client, client._run(calls.wait(task_id, timeout, seen)))
        woken = Event()
        with callbacks.listening(task_id, woken.set) as listener:
            flow = calls.wait(task_id, timeout, seen, listener.heard)
            return Video(client, client._run(flow, partial(sleep, woken=woken)))


class Video(Finished):
    """A finished video, ready to download."""

    def __init__(self, client: EvolinkClient, task: Task) -> None:
        super().__init__(task)
        self._client = client

    def download(self, path: str | PathLike[str], progress: Progress | None = None) -> int:
        """Write the video to a file, completely or not at all, and return its size in bytes.

        `progress` is called with the bytes so far and the total, which is `None` without a Content-Length. Raises
        `LinkExpired`, `DownloadFailed`, and `OSError` for the file.
        """
        url, limits, asks = self.url, self._client._calls.downloads, self.asks(self._client._calls)
        with Target(path) as target:
            with deadline(limits.timeout) as end:
                try:
                    with following(self._client._http, asks) as response:
                        if response.status_code != 200:
                            raise refusal_of(url, response.status_code)
                        target.expect(response)
                        for piece in Body(response, limits.size).pieces():
                            if end.is_over():
                                raise late(url, limits)
                            target.write(piece, progress)
                except (*FAILURES, BodyRefused) as error:
                    raise late(url, limits) if end.is_over() else lost_at(url, error, limits) from None
            return target.finish(url)
