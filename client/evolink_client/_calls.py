"""API calls as flows, built from the options that the blocking and the asynchronous client share."""

from collections.abc import Callable
from dataclasses import dataclass

from evolink_client import _flows, _polling
from evolink_client._clock import Clock, new_key
from evolink_client._config import Config
from evolink_client._create import CreateOptions, check, check_key, create_body, encode
from evolink_client._flows import Flow, Retries
from evolink_client._http.limits import Downloads
from evolink_client._models import CreditsReport, Seconds, Task
from evolink_client._polling import Polling


@dataclass(frozen=True)
class Calls:
    """The options of a client, and one method for each API call."""

    config: Config
    retries: Retries
    polling: Polling
    downloads: Downloads
    retry_creates: bool
    checks: bool
    clock: Clock

    def create(self, prompt: str, image_url: str | None, key: str | None, options: CreateOptions) -> Flow[Task]:
        """Create a task. Raises `InvalidRequest` before the flow starts."""
        body = create_body(prompt, image_url, options)
        if self.checks:
            check(body)
        if key is not None:
            check_key(key, form=self.checks)
        return _flows.create(encode(body), key or new_key(), self.retries, self.clock, again=self.retry_creates)

    def get(self, task_id: str) -> Flow[Task]:
        return _flows.get(task_id, self.retries, self.clock)

    def wait(
        self,
        task_id: str,
        timeout: Seconds,
        seen: Callable[[Task], None] | None,
        heard: Callable[[], Task | None] | None = None,
    ) -> Flow[Task]:
        return _polling.wait(task_id, timeout, self.polling, self.retries, self.clock, seen, heard)

    def credits(self) -> Flow[CreditsReport]:
        return _flows.credits_report(self.retries, self.clock)
