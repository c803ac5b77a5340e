"""The client that blocks: a thin shell that sends what the flows ask for."""

from collections.abc import Callable, Mapping
from os import PathLike
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from evolink_client._answers import Answer
from evolink_client._calls import Calls
from evolink_client._clock import Clock, sleep
from evolink_client._config import configure
from evolink_client._create import CreateOptions
from evolink_client._download import Finished, Progress, Target, refusal_of
from evolink_client._errors import ConnectionFailed, DownloadFailed
from evolink_client._exchange import Reading, lost
from evolink_client._flows import Flow, Outcome, Pause, Polling, Request, Retries
from evolink_client._models import CreditsReport, Seconds, Task

Value = TypeVar("Value")


class EvolinkClient:
    """Creates videos and waits for them. Safe to share between threads; to be closed, or used as a context manager.

    `api_key` and `base_url` come from EVOLINK_API_KEY and EVOLINK_BASE_URL where they are not given. A create is sent
    again only with `retry_creates=True`, and then with the same `Idempotency-Key`, which every create has. `checks`
    refuses beforehand what the service refuses in any case. `http` takes options of `httpx.Client`, such as `limits`,
    `proxy` or `transport`. Raises `NotConfigured`.
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
        sleep: Callable[[Seconds], None] = sleep,
        http: Mapping[str, Any] | None = None,
    ) -> None:
        config = configure(api_key, base_url)
        self._calls = Calls(config, retries or Retries(), polling or Polling(), retry_creates, checks, clock or Clock())
        self._sleep = sleep
        self._http = httpx.Client(**dict(http or {}))
        self.videos = Videos(self)
        self.tasks = Tasks(self)

    def credits(self) -> CreditsReport:
        """Where the credits stand: GET /v1/credits."""
        return self._run(self._calls.credits())

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"EvolinkClient(base_url={self._calls.config.base_url!r})"

    def _run(self, flow: Flow[Value]) -> Value:
        outcome: Outcome = None
        try:
            while True:
                step = flow.send(outcome)
                if isinstance(step, Pause):
                    self._sleep(step.seconds)
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
                    if reading.over(chunk):
                        return reading.timed_out()
                return reading.answer(response.status_code, response.headers)
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

    def wait(self, task_id: str, timeout: Seconds = 600, seen: Callable[[Task], None] | None = None) -> "Video":
        """The finished video. `seen` is called with every state on the way.

        Raises `TaskFailed` or `TaskCancelled` where none comes of it, `WaitTimedOut` after `timeout` seconds.
        """
        flow = self._client._calls.wait(task_id, timeout, seen)
        return Video(self._client, self._client._run(flow))


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
            # Without the key: the link is its own permission, and its host is another's.
            with Target(path) as target, self._client._http.stream("GET", url, follow_redirects=True) as response:
                if response.status_code != 200:
                    raise refusal_of(url, response.status_code)
                target.expect(response.headers.get("content-length"))
                for chunk in response.iter_bytes():
                    target.write(chunk, progress)
                return target.finish(url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DownloadFailed(url, str(error) or type(error).__name__) from None
