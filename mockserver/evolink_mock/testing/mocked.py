"""An emulator as a test holds it: its clients, its clock, its scenarios, its callbacks, the story of each task."""

import json
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

import anyio.to_thread
import httpx
from starlette.types import Receive, Scope, Send

from evolink_mock.app import create_app
from evolink_mock.settings import Settings
from evolink_mock.testing.in_process import InProcessTransport

URL = "https://api.evolink.ai"
"""Where it stands for the real service."""
ORIGIN = "https://callbacks.example.com"
KEY = "sk-test"


class AsyncTransport(httpx.AsyncBaseTransport):
    """The same emulator for `httpx.AsyncClient`, on whichever event loop."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        plain = httpx.Request(request.method, request.url, headers=request.headers, content=await request.aread())
        answer = await anyio.to_thread.run_sync(self._transport.handle_request, plain)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.read(), request=request)


class Callbacks:
    """A receiver of callbacks: give its `url` as `callback_url`. `received` are the bodies, in order."""

    url = f"{ORIGIN}/evolink"

    def __init__(self, mocked: "Mocked") -> None:
        self._mocked = mocked
        self._answers: list[int] = []
        self.received: list[dict[str, Any]] = []

    def answer(self, *statuses: int) -> None:
        """The statuses of the next attempts; 200 from then on."""
        self._answers.extend(statuses)

    def wait_for(self, task_id: str | None = None, count: int = 1) -> dict[str, Any]:
        """The `count`-th callback, of one task or of any, once the clock has moved as far as that takes.

        Raises `AssertionError` where none is going to come.
        """
        while True:
            matching = [body for body in self.received if task_id in (None, body.get("id"))]
            if len(matching) >= count:
                return matching[count - 1]
            clock = self._mocked.control("clock")
            if clock["next_event"] is None and not clock["attempts_in_flight"]:
                of = "" if task_id is None else f" of {task_id}"
                raise AssertionError(
                    f"{len(matching)} callbacks{of} came, and nothing more will; {count} were waited for"
                )
            self._mocked.control("clock", {"until": "next-event"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.received.append(json.loads(body))
        status = self._answers.pop(0) if self._answers else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


class Mocked:
    """An emulator in this process, on a clock that moves when it is told to, answering for https://api.evolink.ai.

    `transport` and `async_transport` are for httpx clients of yours, `client` is one with the key. `settings` are those
    of `evolink_mock.Settings`. To be closed, or used as a context manager.
    """

    url = URL
    key = KEY

    def __init__(self, scenario: str | None = None, seed: int = 0, **settings: Any) -> None:
        given = {"clock": "manual", "generation_time": "10s", "public_url": URL, "seed": seed, **settings}
        self.callbacks = Callbacks(self)
        self.transport = InProcessTransport(create_app(Settings(**given), receivers={ORIGIN: self.callbacks}))
        self.async_transport = AsyncTransport(self.transport)
        headers = {"authorization": f"Bearer {self.key}"}
        self.client = httpx.Client(transport=self.transport, base_url=URL, headers=headers)
        if scenario is not None:
            self.control("scenarios/default", {"scenario": scenario})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End its event loop and thread."""
        self.client.close()

    def advance(self, by: str) -> None:
        """Let time pass, such as `"7s"` or `"24h"`, with everything that falls due meanwhile."""
        self.control("clock", {"advance": by})

    def scenario(self, text: str) -> None:
        """The scenario of the next request, such as `"fail=service_error"`; see `GET /__mock/scenarios/words`."""
        self.control("scenarios", {"scenario": text})

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """All tasks, newest first."""
        return list(self.control("tasks")["tasks"])

    def mount(self, router: Any) -> None:
        """Let a respx router answer https://api.evolink.ai by this emulator, for every httpx client in the process."""
        router.route(url__startswith=URL).mock(side_effect=self.transport.handle_request)

    def control(self, path: str, change: Mapping[str, object] | None = None) -> Any:
        """A call of the control API. Raises `AssertionError` where it is refused."""
        ask = partial(self.client.get) if change is None else partial(self.client.post, json=change)
        answer = ask(f"/__mock/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def explain(self) -> str:
        """The explanation of each task, in order of time, and the instant of the clock."""
        lines = []
        for task in reversed(self.tasks):
            told = self.control(f"tasks/{task['id']}/explain")
            lines.append(f"{task['id']}: {task['status']}")
            lines += [f"  +{line['after']} {line['about']}: {line['says']}" for line in told["story"]]
        clock = self.control("clock")
        return "\n".join([*lines, f"the clock shows {clock['now']:.3f}; what happens next is at {clock['next_event']}"])
