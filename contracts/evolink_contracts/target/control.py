"""Client of the emulator's control API, whose calls are no part of a trace."""

import json
from typing import Any

from evolink_contracts.reference.errors import ServiceUnusable
from evolink_contracts.target.connection import Connection
from evolink_contracts.target.transports import Response
from evolink_contracts.trace.events import decoded

CONTROL_PATH = "/__mock/"


class ControlClient:
    """Calls the control API with a key of a connection. `token` is for an emulator beyond loopback."""

    def __init__(self, connection: Connection, token: str = "") -> None:
        self._connection = connection
        self._token = {"x-mock-token": token} if token else {}

    def call(self, path: str, change: object = None, *, who: str = "a") -> Any:
        """Read, or post a change; the response is a JSON object. Raises `ServiceUnusable` for any other."""
        method = "GET" if change is None else "POST"
        content = None if change is None else json.dumps(change).encode()
        response = self._send(method, path, content, who)
        if response.status != 200:
            raise ServiceUnusable(f"{method} {CONTROL_PATH}{path} answered {response.status}: {response.text[:200]}")
        found = decoded(response.text)
        if not isinstance(found, dict):
            raise ServiceUnusable(
                f"{method} {CONTROL_PATH}{path} answered what is no JSON object: {response.text[:200]}"
            )
        return found

    def try_call(self, path: str, change: object = None, *, who: str = "a") -> bool:
        """Post a change that may be refused, such as to cancel a task that has ended; whether it was made."""
        content = b"" if change is None else json.dumps(change).encode()
        return self._send("POST", path, content, who).status == 200

    def is_available(self) -> bool:
        """Whether the service has a control API. Some services answer 200 to anything, but only an emulator shows the
        state of its clock.
        """
        response = self._send("GET", "clock", None, "a")
        clock = decoded(response.text) if response.status == 200 else None
        return isinstance(clock, dict) and {"now", "mode", "next_event", "attempts_in_flight"} <= clock.keys()

    def _send(self, method: str, path: str, content: bytes | None, who: str) -> Response:
        headers = {**self._token, **self._connection.authorization(who)}
        return self._connection.send(method, f"{CONTROL_PATH}{path}", headers, content)
