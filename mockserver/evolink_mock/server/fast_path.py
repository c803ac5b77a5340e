"""Fast path: complete, plain requests of the API are answered synchronously, without an ASGI task.

A task on the event loop, an ASGI scope and two writes for each response cost more than to validate a create and draw
its plan.
"""

from typing import Any

from evolink_mock.api.asgi import PendingResponse, Response
from evolink_mock.api.endpoint import Endpoint
from evolink_mock.app import Emulator
from evolink_mock.server.fault_protocol import WholeRequestProtocol

_METHODS = {b"GET": "GET", b"POST": "POST"}


def respond(
    app: object, method: bytes, url: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> Response | PendingResponse | None:
    """The response of an `Emulator` to a request that needs no task; `None` for any other. No access log is written."""
    name = _METHODS.get(method)
    found = app.lookup(url.decode("ascii")) if isinstance(app, Emulator) else None
    if name is None or found is None or (body and name == "GET"):
        return None
    endpoint, parameters = found
    if not isinstance(endpoint, Endpoint) or not endpoint.answers_at_once():
        return None
    return endpoint.respond(name, url, b"", headers, body, parameters)


class FastPathProtocol(WholeRequestProtocol):
    """The protocol of a server whose application is an `Emulator`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, respond=respond, **kwargs)
