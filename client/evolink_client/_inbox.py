"""Ends of tasks that callbacks told of, kept for those in this process who wait for them."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from evolink_client._models import Task


class Listener:
    """Somebody who waits for the end of one task, and is woken when it is there."""

    def __init__(self, wake: Callable[[], None], end: Task | None) -> None:
        self.wake = wake
        self.end = end

    def heard(self) -> Task | None:
        return self.end


class CallbackInbox:
    """Lets a `wait` end as soon as the callback is there: `wait(task_id, callbacks=inbox)`.

    Its `put` is what a `CallbackRouter` hands each end to, or what you call with what `parse_callback` has read. The
    newest `most` ends are kept, since a callback may come before anybody waits for it. Safe to share between threads
    and event loops, and by any number of waits.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._lock = Lock()
        self._ends: OrderedDict[str, Task] = OrderedDict()
        self._listeners: dict[str, list[Listener]] = {}

    def put(self, task: Task) -> None:
        """Take an end. Of two for the same task the first counts; a state that is no end is dropped."""
        if not task.ended:
            return
        with self._lock:
            if task.id in self._ends:
                return
            self._ends[task.id] = task
            if len(self._ends) > self._most:
                self._ends.popitem(last=False)
            # Within the lock, so that nobody is woken who has left, and whose event loop may be gone.
            for listener in self._listeners.get(task.id, ()):
                listener.end = task
                listener.wake()

    @contextmanager
    def listening(self, task_id: str, wake: Callable[[], None]) -> Iterator[Listener]:
        """A listener for as long as it waits; `wake` is called in the thread that calls `put`, and must not block."""
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
