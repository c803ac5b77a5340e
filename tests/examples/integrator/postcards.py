"""An application that turns pictures into video postcards; what an integrator might write."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from evolink_client import CallbackInbox, EvolinkClient, TaskFailed, parse_callback

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


@dataclass
class Postcards:
    """Orders by their task; `client` makes the videos."""

    client: EvolinkClient
    orders: dict[str, str] = field(default_factory=dict)
    inbox: CallbackInbox = field(default_factory=CallbackInbox)

    def order(self, picture: str, callback_url: str) -> str:
        """The number of an order."""
        task = self.client.videos.create("A postcard that moves", picture, duration=5, callback_url=callback_url)
        self.orders[task.id] = "waiting"
        return task.id

    def called_back(self, body: bytes) -> None:
        """What the web framework calls for each callback."""
        task = parse_callback(body)
        self.inbox.put(task)
        self.orders[task.id] = task.results[0] if task.succeeded else "failed"

    def order_again_if_worth_it(self, order: str, picture: str, callback_url: str) -> str | None:
        """Another order where one failed for a passing reason."""
        try:
            self.client.tasks.wait(order, callbacks=self.inbox)
        except TaskFailed as failed:
            return self.order(picture, callback_url) if failed.retryable else None
        return None


def webhook(postcards: Postcards) -> "WSGIApplication":
    """The endpoint that takes callbacks, as a WSGI application; Flask and Django make the same."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        postcards.called_back(environ["wsgi.input"].read())
        start_response("204 No Content", [])
        return []

    return application


def fetch_rate(url: str) -> int:
    """Something else that the application asks over HTTP."""
    return int(httpx.get(url).json()["rate"])
