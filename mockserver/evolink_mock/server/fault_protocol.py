"""uvicorn's HTTP protocol, with the connection in the ASGI scope, for faults below HTTP."""

import socket
import struct
from asyncio import Transport

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from evolink_mock.api.asgi import Response
from evolink_mock.api.endpoint import PRECOMPUTED, PendingResponse
from evolink_mock.api.fault_sender import CONNECTION

_NO_LINGER = struct.pack("ii", 1, 0)


class FaultProtocol(HttpToolsProtocol):
    """Offers each request's connection as the extension `CONNECTION` of its scope."""

    precomputed: Response | PendingResponse | None = None
    """The response to the request being read, where that was carried out already."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        extensions: dict[str, object] = {CONNECTION: _Connection(self.transport)}
        if self.precomputed is not None:
            extensions[PRECOMPUTED], self.precomputed = self.precomputed, None
        self.scope["extensions"] = extensions  # type: ignore[typeddict-item]


class _Connection:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def head(self, response: Response) -> bytes:
        return render(response)

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def reset(self) -> None:
        """End it so that the other side learns of a reset and not of an end."""
        if (opened := self._transport.get_extra_info("socket")) is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    def close(self) -> None:
        self._transport.close()


def render(response: Response) -> bytes:
    """The status line and the headers of a response."""
    head = b"".join([b"%b: %b\r\n" % header for header in response.headers()])
    return b"%b%b\r\n" % (STATUS_LINE[response.result.status], head)
