"""Callback inbox: keeps the ended tasks that callbacks reported, and wakes the waits for them."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from evolink_client._models import Task


class Listener:
    """A wait for the end of one task, woken by `wake`."""

    def __init__(self, wake: Callable[[], None], end: Task | None) -> None:
        self.wake = wake
        self.end = end

    def heard(self) -> Task | None:
        return self.end


class CallbackInbox:
    """Lets a `wait` end as soon as the callback arrives: `wait(task_id, callbacks=inbox)`.

    Give `put` to a `CallbackRouter` as its handler, or call it with the result of `parse_callback`. The newest `most`
    ended tasks are kept, since a callback may arrive before the wait for it begins. Threads, event loops and any number
    of waits may share an inbox.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._lock = Lock()
        self._ends: OrderedDict[str, Task] = OrderedDict()
        self._listeners: dict[str, list[Listener]] = {}

    def put(self, task: Task) -> None:
        """Keep an ended task. The first one for a task id counts; a task that has not ended is dropped."""
        if not task.ended:
            return
        with self._lock:
            if task.id in self._ends:
                return
            self._ends[task.id] = task
            if len(self._ends) > self._most:
                self._ends.popitem(last=False)
            # Within the lock, so that no wait is woken that has left, and whose event loop may be closed.
            for listener in self._listeners.get(task.id, ()):
                listener.end = task
                listener.wake()

    @contextmanager
    def listening(self, task_id: str, wake: Callable[[], None]) -> Iterator[Listener]:
        """Register a listener while the block runs. `wake` is called in the thread of `put`, and must not block."""
        with self._lock:
            listener = Listener(wake, self._ends.get(task_id))
            self._listeners.setdefault(task_id, []).append(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners[task_id].remove(listener)
                if not self._listeners[task_id]:
                    del self._listeners[task_id]
