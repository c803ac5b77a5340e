"""uvicorn's HTTP protocol, without a task for requests that need none.

uvicorn starts a task for each request before its body has come. A call of the API never waits once its body is there,
and is run on the spot: that saves a tenth of its time. Whatever does wait goes on in a task as ever.
"""

from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_WAITING_CALLS = "/__mock/"
"""Below here calls may wait for something to happen, which needs a task from the first step on."""


class EagerProtocol(HttpToolsProtocol):
    """Holds a request back until its body is complete, or until the data at hand is used up."""

    _held: tuple[Any, Any] | None = None
    _at_headers = False

    def on_headers_complete(self) -> None:
        self._at_headers = True
        super().on_headers_complete()
        self._at_headers = False

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if self._at_headers and not cycle.scope["path"].startswith(_WAITING_CALLS):
            self._held = (cycle, app)
        else:
            super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._held is not None:
            (cycle, app), self._held = self._held, None
            self._run(cycle.run_asgi(app))

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._held is not None:
            (cycle, app), self._held = self._held, None
            super()._start_asgi_task(cycle, app)

    def _run(self, answering: Coroutine[Any, Any, None]) -> None:
        try:
            awaited = answering.send(None)
        except StopIteration:
            return
        task = self.loop.create_task(_continued(answering, awaited))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)


@coroutine
def _continued(answering: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """The rest of a coroutine that has begun already and waits for something."""
    yield awaited
    yield from answering.__await__()
