"""The client that blocks: a thin shell that sends what the flows ask for."""

from collections.abc import Callable
from functools import partial
from os import PathLike
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

import httpx

from evolink_client._answers import Answer
from evolink_client._calls import Calls
from evolink_client._clock import Clock, sleep
from evolink_client._config import configure
from evolink_client._create import CreateOptions
from evolink_client._download import Finished, Progress, Target, refusal_of
from evolink_client._errors import ConnectionFailed, DownloadFailed
from evolink_client._exchange import HttpOptions, Reading, lost
from evolink_client._flows import Flow, Outcome, Pause, Request, Retries
from evolink_client._models import CreditsReport, Seconds, Task
from evolink_client._polling import Polling

if TYPE_CHECKING:
    from evolink_client._inbox import CallbackInbox

Value = TypeVar("Value")


class EvolinkClient:
    """Creates videos and waits for them. Safe to share between threads; to be closed, or used as a context manager.

    `api_key` and `base_url` come from EVOLINK_API_KEY and EVOLINK_BASE_URL where they are not given. A create is sent
    again only with `retry_creates=True`, and then with the same `Idempotency-Key`, which every create has. `checks`
    refuses beforehand what the service refuses in any case. `clock` and `sleep` are for tests; a callback does not wake
    a `sleep` of your own. Raises `NotConfigured`.
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
        sleep: Callable[[Seconds], None] | None = None,
        http: HttpOptions | None = None,
    ) -> None:
        config = configure(api_key, base_url)
        self._calls = Calls(config, retries or Retries(), polling or Polling(), retry_creates, checks, clock or Clock())
        self._sleep = sleep
        self._http = httpx.Client(**(http or {}))
        self.videos = Videos(self)
        self.tasks = Tasks(self)

    def credits(self) -> CreditsReport:
        """Where the credits stand: GET /v1/credits."""
        return self._run(self._calls.credits())

    def close(self) -> None:
        """Close its connections; what is still waiting for an answer fails."""
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
        reading = Reading(request, self._calls.clock)
        try:
            with self._http.stream(**self._calls.config.asks(request)) as response:
                for chunk in response.iter_bytes():
                    if reading.over(response, chunk):
                        return reading.timed_out()
                return reading.answer(response)
        except httpx.HTTPError as error:
            return lost(request, error)


class Videos:
    """`client.videos`."""

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
        """POST /v1/videos/generations; see `CreateOptions` for the rest.

        With an `idempotency_key` of your own, the same call after a crash gives the same task, charged once. Raises
        `InvalidRequest` before anything is sent, else `ApiError`, `ConnectionFailed` or `UnexpectedAnswer`.
        """
        return self._client._run(self._client._calls.create(prompt, image_url, idempotency_key, options))


class Tasks:
    """`client.tasks`."""

    def __init__(self, client: EvolinkClient) -> None:
        self._client = client

    def get(self, task_id: str) -> Task:
        """GET /v1/tasks/{task_id}. Raises `NotFound` and other `ApiError`s, `ConnectionFailed`, `UnexpectedAnswer`."""
        return self._client._run(self._client._calls.get(task_id))

    def wait(
        self,
        task_id: str,
        timeout: Seconds = 600,
        seen: Callable[[Task], None] | None = None,
        callbacks: "CallbackInbox | None" = None,
    ) -> "Video":
        """The finished video. `seen` is called with every state on the way, the end included.

        With `callbacks` it is found by polling or told by a callback, whichever comes first. Raises `TaskFailed` or
        `TaskCancelled` where none comes of it, `WaitTimedOut` after `timeout` seconds, and as `get` does where the
        task cannot be looked at, though trouble that may pass is outlasted once the task was seen.
        """
        client, calls = self._client, self._client._calls
        if callbacks is None:
            return Video(client, client._run(calls.wait(task_id, timeout, seen)))
        woken = Event()
        with callbacks.listening(task_id, woken.set) as listener:
            flow = calls.wait(task_id, timeout, seen, listener.heard)
            return Video(client, client._run(flow, partial(sleep, woken=woken)))


class Video(Finished):
    """A video that is finished, to be downloaded."""

    def __init__(self, client: EvolinkClient, task: Task) -> None:
        super().__init__(task)
        self._client = client

    def download(self, path: str | PathLike[str], progress: Progress | None = None) -> int:
        """Write the video to a file, whole or not at all; its size in bytes.

        `progress` is called with the bytes so far and their total, which is `None` where nobody says it. Raises
        `LinkExpired`, `DownloadFailed`, and `OSError` for the file.
        """
        url = self.url
        try:
            with Target(path) as target, self._client._http.stream(**self.asks(self._client._calls)) as response:
                if response.status_code != 200:
                    raise refusal_of(url, response.status_code)
                target.expect(response.headers.get("content-length"))
                for chunk in response.iter_bytes():
                    target.write(chunk, progress)
                return target.finish(url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DownloadFailed(url, str(error) or type(error).__name__) from None
