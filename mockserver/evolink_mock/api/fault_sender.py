"""What a scenario does to an answer on its way: on the connection itself, or, in process, as httpx would have it."""

import sys
from typing import Protocol

from starlette.types import Receive, Scope, Send

from evolink_mock.api.endpoint import Response, send_response
from evolink_mock.api.responses import Result
from evolink_mock.clock import sleep_wall
from evolink_mock.core.duration import SECOND
from evolink_mock.scenarios.wire_faults import WIRE_FAULTS, dripped, wire_script

CONNECTION = "evolink_mock.connection"
"""The ASGI extension by which a server hands out the connection of a request."""


class Connection(Protocol):
    """The bytes below an answer."""

    def head(self, reply: Response) -> bytes:
        """What comes before the body."""

    def write(self, data: bytes) -> None: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...


async def send_with_fault(scope: Scope, receive: Receive, send: Send, reply: Response) -> None:
    """Send a reply as its fault has it."""
    answer = reply.result
    if answer.fault == "drip":
        await _drip(send, reply)
    elif answer.fault is None or not WIRE_FAULTS[answer.fault].parts:
        await send_response(send, reply, scope["method"])
    elif (connection := scope.get("extensions", {}).get(CONNECTION)) is not None:
        await _on_the_wire(connection, answer, reply)
        # The server takes a return without an answer for a mistake, unless it knows that nobody is there any more.
        while (await receive())["type"] != "http.disconnect":
            pass
    else:
        await _in_process(answer)
        await send_response(send, reply, scope["method"])


async def _drip(send: Send, reply: Response) -> None:
    pieces, pause = dripped(reply.result.body, reply.result.drip_time)
    await send({"type": "http.response.start", "status": reply.result.status, "headers": reply.headers()})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await sleep_wall(pause / SECOND)
    await send({"type": "http.response.body"})


async def _on_the_wire(connection: Connection, answer: Result, reply: Response) -> None:
    assert answer.fault is not None
    head = connection.head(reply) if answer.status else b""
    for act in wire_script(answer.fault, head, answer.body):
        match act:
            case bytes():
                connection.write(act)
            case int():
                await sleep_wall(act / SECOND)
            case "reset":
                connection.reset()
            case "close":
                connection.close()


async def _in_process(answer: Result) -> None:
    """Raise what httpx does where the answer does not arrive."""
    assert answer.fault is not None
    parts = WIRE_FAULTS[answer.fault].parts
    if "reset" in parts:
        raise _lost("ReadError", "connection reset by the emulator, as the scenario says")
    if parts == ("close",):
        raise _lost("RemoteProtocolError", "Server disconnected without sending a response.")


def _lost(name: str, message: str) -> Exception:
    # Whoever mounts the emulator in httpx has imported it; nobody else waits for its errors.
    httpx = sys.modules.get("httpx")
    return ConnectionResetError(message) if httpx is None else getattr(httpx, name)(message)
