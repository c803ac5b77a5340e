"""Sends a faulty response: raw bytes and resets on a socket, the equivalent httpx errors in process."""

from typing import Protocol

from starlette.types import Receive, Scope, Send

from evolink_mock.api.asgi import Response, send_response
from evolink_mock.api.responses import Result
from evolink_mock.clock import sleep_wall
from evolink_mock.core.duration import SECOND
from evolink_mock.scenarios.wire_faults import WIRE_FAULTS, dripped, wire_script

CONNECTION = "evolink_mock.connection"
"""The ASGI extension by which a server hands out the connection of a request."""


class Connection(Protocol):
    """The connection that a response is sent on."""

    def head(self, response: Response) -> bytes:
        """The status line and the headers, rendered."""

    def write(self, data: bytes) -> None: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...


async def send_with_fault(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    """Send a response with its fault, if it has one."""
    result = response.result
    if result.fault == "drip":
        await _drip(send, response)
    elif result.fault is None or not WIRE_FAULTS[result.fault].parts:
        await send_response(send, response, scope["method"])
    elif (connection := scope.get("extensions", {}).get(CONNECTION)) is not None:
        await _on_the_wire(connection, result, response)
        # uvicorn logs an error when an application returns without a response, unless the client has disconnected.
        while (await receive())["type"] != "http.disconnect":
            pass
    else:
        _raise_lost(result.fault)
        await send_response(send, response, scope["method"])


async def _drip(send: Send, response: Response) -> None:
    pieces, pause = dripped(response.result.body, response.result.drip_time)
    await send({"type": "http.response.start", "status": response.result.status, "headers": response.headers()})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await sleep_wall(pause / SECOND)
    await send({"type": "http.response.body"})


async def _on_the_wire(connection: Connection, result: Result, response: Response) -> None:
    assert result.fault is not None
    head = connection.head(response) if result.status else b""
    for act in wire_script(result.fault, head, result.body):
        match act:
            case bytes():
                connection.write(act)
            case int():
                await sleep_wall(act / SECOND)
            case "reset":
                connection.reset()
            case "close":
                connection.close()


def _raise_lost(fault: str) -> None:
    """Raise httpx's error for a fault that loses the response; return where the response arrives.

    An application without `CONNECTION` in its scope is mounted in an httpx client, which waits for httpx's errors.
    """
    # Imported late, since a server never comes here.
    import httpx

    parts = WIRE_FAULTS[fault].parts
    if "reset" in parts:
        raise httpx.ReadError("connection reset by the emulator, as its scenario says")
    if parts == ("close",):
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
