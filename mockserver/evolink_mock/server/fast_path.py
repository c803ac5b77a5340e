"""Fast path: complete, plain requests of the API are answered synchronously, without an ASGI task.

A task on the event loop, an ASGI scope and two writes for each response cost more than to validate a create and draw
its plan.
"""

from evolink_mock.api.asgi import Response
from evolink_mock.api.endpoint import Endpoint, PendingResponse
from evolink_mock.app import Emulator
from evolink_mock.server.fault_protocol import WholeRequestProtocol

_METHODS = {b"GET": "GET", b"POST": "POST"}


class FastPathProtocol(WholeRequestProtocol):
    """For an `Emulator` as the application, and without an access log: the fast path writes none."""

    def respond(
        self, app: object, method: bytes, url: bytes, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> Response | PendingResponse | None:
        name = _METHODS.get(method)
        found = app.lookup(url.decode("ascii")) if isinstance(app, Emulator) else None
        if name is None or found is None or (body and name == "GET"):
            return None
        endpoint, parameters = found
        if not isinstance(endpoint, Endpoint) or not endpoint.answers_at_once():
            return None
        return endpoint.respond(name, url, b"", headers, body, parameters)
