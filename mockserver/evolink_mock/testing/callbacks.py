"""Receiver of callbacks in a test: answers as set, keeps what came, and waits for what is to come."""

import json
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Scope, Send

if TYPE_CHECKING:
    from evolink_mock.testing.handle import EmulatorHandle

ORIGIN = "https://callbacks.example.com"
_PATIENCE = "60s"
"""Wall time for an attempt that is under way. The policy's limit, 10 s, ends it long before."""


class Callbacks:
    """A receiver of callbacks: give its `url` as `callback_url`. `received` are the bodies, in order."""

    url = f"{ORIGIN}/evolink"

    def __init__(self, handle: "EmulatorHandle") -> None:
        self._handle = handle
        self._answers: list[int] = []
        self.received: list[Any] = []

    def answer(self, *statuses: int) -> None:
        """The statuses of the next attempts; 200 from then on."""
        self._answers.extend(statuses)

    def wait_for(self, task_id: str | None = None, count: int = 1) -> Any:
        """The `count`-th callback, of one task or of any, once the clock has moved as far as that takes.

        A body that was resent belongs to the task that its `id` names. Raises `AssertionError`, with the reason, if no
        further callback is going to come.
        """
        __tracebackhide__ = True
        while len(found := self._received_of(task_id)) < count:
            ending = self._move_clock()
            if ending and len(found := self._received_of(task_id)) < count:
                of = "" if task_id is None else f" of {task_id}"
                came = f"{len(found)} of {count} callbacks{of} came, and {ending}"
                raise AssertionError(f"{came}: {_reason(self._handle, task_id)}")
        return found[count - 1]

    def _received_of(self, task_id: str | None) -> list[Any]:
        return [body for body in self.received if task_id in (None, _task_of(body))]

    def _move_clock(self) -> str:
        """Let the next event happen, or an attempt end; otherwise the reason why nothing will."""
        before = self._handle.control("clock")
        if before["next_event"] is not None:
            after = self._handle.control("clock", {"until": "next-event"})
            stands = after["attempts_in_flight"] and after["now"] == before["now"]
        elif before["attempts_in_flight"]:
            stands = not self._attempt_ends()
        else:
            return "no more will come"
        return "an attempt is under way and never ends" if stands else ""

    def _attempt_ends(self) -> bool:
        """Wait for the end of an attempt that is under way; whether one ends."""
        last = self._handle.control("events?limit=1")["last"]
        if not self._handle.control("clock")["attempts_in_flight"]:
            return True
        return bool(self._handle.control(f"events?after={last}&wait={_PATIENCE}")["rows"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.received.append(json.loads(body))
        status = self._answers.pop(0) if self._answers else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


def _task_of(body: object) -> object:
    """The task that a body names; a resend may have sent any JSON."""
    return body.get("id") if isinstance(body, dict) else None


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
    return f"{task_id} is {task['status']}, and {', '.join(map(_delivery_text, rows))}"


def _delivery_text(row: dict[str, Any]) -> str:
    detail = row["attempts"][-1]["detail"] if row["attempts"] else ""
    text = f"callback {row['number']} to {row['url']} is {row['status']}: {row['verdict']}"
    return f"{text} ({detail})" if detail and detail not in text else text
