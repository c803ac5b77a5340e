"""uvicorn's HTTP protocol, which hands out the connection to whoever has to spoil an answer on its way."""

import socket
import struct
from asyncio import Transport

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from evolink_mock.api.endpoint import REPLY, Response
from evolink_mock.api.fault_sender import CONNECTION

_NO_LINGER = struct.pack("ii", 1, 0)


class FaultProtocol(HttpToolsProtocol):
    """For an application that looks for `CONNECTION` among the extensions of a request's scope."""

    precomputed: Response | None = None
    """Of a request that is carried out already."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        extensions: dict[str, object] = {CONNECTION: _Connection(self.transport)}
        if self.precomputed is not None:
            extensions[REPLY], self.precomputed = self.precomputed, None
        self.scope["extensions"] = extensions  # type: ignore[typeddict-item]


class _Connection:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def head(self, reply: Response) -> bytes:
        return render(reply)

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def reset(self) -> None:
        """End it so that the other side learns of a reset and not of an end."""
        if (opened := self._transport.get_extra_info("socket")) is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    def close(self) -> None:
        self._transport.close()


def render(reply: Response) -> bytes:
    """The head of a reply, as it stands before the body."""
    head = b"".join([b"%b: %b\r\n" % header for header in reply.headers()])
    return b"%b%b\r\n" % (STATUS_LINE[reply.result.status], head)
