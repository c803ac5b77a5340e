"""Client of the emulator's control API, whose calls are no part of a trace."""

import json
from typing import Any

from evolink_contracts.reference.errors import NoResponse, ServiceUnusable
from evolink_contracts.target.connection import Connection
from evolink_contracts.target.control_answers import ClockState, RecordedDelivery, clock_state, deliveries
from evolink_contracts.target.diagnosis import control_trouble, describe, keys_trouble
from evolink_contracts.target.transports import Response, Transport
from evolink_contracts.trace.events import decoded

CONTROL_PATH = "/__mock/"


class ControlClient:
    """Calls the control API with a key of a connection. `token` is for an emulator beyond loopback.

    `transport` leads to the emulator itself if the connection goes through a proxy that passes only `/v1`.
    """

    def __init__(self, connection: Connection, token: str = "", transport: Transport | None = None) -> None:
        self.is_apart = transport is not None
        self._connection = connection
        self._transport = transport
        self._token = {"x-mock-token": token} if token else {}

    def call(self, path: str, change: object = None, *, who: str = "a") -> Any:
        """Read, or post a change; the response is a JSON object. Raises `ServiceUnusable` for any other."""
        method = "GET" if change is None else "POST"
        content = None if change is None else json.dumps(change).encode()
        response = self._send(method, path, content, who)
        if response.status != 200:
            raise self._unusable(f"{method} {CONTROL_PATH}{path} answered {describe(response)}")
        found = decoded(response.text)
        if not isinstance(found, dict):
            raise self._unusable(f"{method} {CONTROL_PATH}{path} did not return a JSON object: {describe(response)}")
        return found

    def clock(self, change: object = None, *, who: str = "a") -> ClockState:
        """Read the clock of a key, or change it. Raises `ServiceUnusable` for one that is impossible."""
        found = self.call("clock", change, who=who)
        state = clock_state(found)
        if state is None:
            raise self._unusable(f"{CONTROL_PATH}clock showed an impossible clock: {_shown(found)}")
        return state

    def deliveries(self, query: str = "", *, who: str = "a") -> list[RecordedDelivery]:
        """The callbacks of a key. Raises `ServiceUnusable` for an answer that has none."""
        found = self.call(f"deliveries{query}", who=who)
        rows = deliveries(found)
        if rows is None:
            raise self._unusable(f"{CONTROL_PATH}deliveries{query} showed no deliveries: {_shown(found)}")
        return rows

    def try_call(self, path: str, change: object = None, *, who: str = "a") -> bool:
        """Post a change that may be refused, such as to cancel a task that has ended; whether it was made."""
        content = b"" if change is None else json.dumps(change).encode()
        return self._send("POST", path, content, who).status == 200

    def trouble(self) -> str:
        """Why the service has no control API that can be used; empty if it has one."""
        return control_trouble(self._send("GET", "clock", None, "a"), f"GET {CONTROL_PATH}clock")

    def trouble_of_keys(self) -> str:
        """Why the service does not accept the keys of the connection; empty if it does."""
        return keys_trouble(self._send("GET", "clock", None, "a"), f"GET {CONTROL_PATH}clock")

    def queue(self, scenario: str, who: str) -> None:
        """Set the scenario of the next create of a key."""
        self.call("scenarios", {"scenario": scenario, "operation": "create", "times": 1}, who=who)

    def clear_queue(self, who: str) -> None:
        """Remove the queued scenarios of a key, such as one that a refused create did not use."""
        self._send("DELETE", "scenarios", None, who)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _send(self, method: str, path: str, content: bytes | None, who: str) -> Response:
        headers = {**self._token, **self._connection.authorization(who)}
        if self._transport is None:
            return self._connection.send(method, f"{CONTROL_PATH}{path}", headers, content)
        try:
            return self._transport.send(method, f"{CONTROL_PATH}{path}", headers, content)
        except NoResponse as error:
            raise self._unusable(f"the control API: {error}") from None

    def _unusable(self, why: str) -> ServiceUnusable:
        return ServiceUnusable(why, of_control=self.is_apart)


def _shown(found: object) -> str:
    return json.dumps(found)[:200]
