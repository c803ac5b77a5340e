"""Receiver of callbacks in a test: answers as set, keeps what came, and waits for what is to come."""

import json
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Scope, Send

if TYPE_CHECKING:
    from evolink_mock.testing.handle import EmulatorHandle

ORIGIN = "https://callbacks.example.com"


class Callbacks:
    """A receiver of callbacks: give its `url` as `callback_url`. `received` are the bodies, in order."""

    url = f"{ORIGIN}/evolink"

    def __init__(self, handle: "EmulatorHandle") -> None:
        self._handle = handle
        self._answers: list[int] = []
        self.received: list[dict[str, Any]] = []

    def answer(self, *statuses: int) -> None:
        """The statuses of the next attempts; 200 from then on."""
        self._answers.extend(statuses)

    def wait_for(self, task_id: str | None = None, count: int = 1) -> dict[str, Any]:
        """The `count`-th callback, of one task or of any, once the clock has moved as far as that takes.

        Raises `AssertionError`, with the reason, if no further callback is going to come.
        """
        __tracebackhide__ = True
        while True:
            matching = [body for body in self.received if task_id in (None, body.get("id"))]
            if len(matching) >= count:
                return matching[count - 1]
            clock = self._handle.control("clock")
            if clock["next_event"] is None and not clock["attempts_in_flight"]:
                of = "" if task_id is None else f" of {task_id}"
                came = f"{len(matching)} of {count} callbacks{of} came, and no more will come"
                raise AssertionError(f"{came}: {_reason(self._handle, task_id)}")
            self._handle.control("clock", {"until": "next-event"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.received.append(json.loads(body))
        status = self._answers.pop(0) if self._answers else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


def _reason(handle: "EmulatorHandle", task_id: str | None) -> str:
    """The reason why no further callback comes, task by task."""
    tasks = [task["id"] for task in handle.tasks]
    if task_id is not None and task_id not in tasks:
        return f"there is no such task of {handle.key}" + (f"; there are {', '.join(tasks[-5:])}" if tasks else "")
    if not tasks:
        return "no task was created"
    wanted = tasks[-5:] if task_id is None else [task_id]
    return "; ".join(_reason_of(handle, each) for each in wanted)


def _reason_of(handle: "EmulatorHandle", task_id: str) -> str:
    task = handle.control(f"tasks/{task_id}")
    if task["callback"] is None:
        return f"{task_id} was created without callback_url"
    rows = handle.control(f"deliveries?task={task_id}")["deliveries"]
    if not rows:
        return f"{task_id} is still {task['status']}, and never ends"
    texts = (f"callback {row['number']} to {row['url']} is {row['status']}: {row['verdict']}" for row in rows)
    return f"{task_id} is {task['status']}, and {', '.join(texts)}"
