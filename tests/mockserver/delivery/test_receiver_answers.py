"""Receivers that answer as other clients accept it, on real sockets: at once, in packets, over TLS, and cut off."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

import pytest
import trustme
from aiohttp.abc import ResolveResult

from evolink_mock.core.delivery import AttemptResult
from evolink_mock.delivery import connection_pool
from evolink_mock.delivery.http_connection import Connection
from evolink_mock.delivery.http_transport import HttpTransport
from evolink_mock.delivery.transport import KEPT_ANSWER, AttemptRequest
from evolink_mock.egress import NonBlockingResolver
from tests.mockserver.delivery.test_network_safety import Names
from tests.mockserver.delivery.test_response_reader import REFUSED, TAKEN, response
from tests.support.raw_server import BODY, OK, RawServer, forwarded_request, send
from tests.support.server_process import PATIENCE

APP = "https://app.example.com"
AUTHORITY = trustme.CA()
WHOLE = response("200 OK", "Content-Length: 2", body=b"ok")


def trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def certified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("app.example.com").configure_cert(context)
    return context


@pytest.fixture
def arrived(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set whenever a packet has been read by the transport."""
    event, read = asyncio.Event(), Connection.data_received

    def reading(self: Connection, data: bytes) -> None:
        read(self, data)
        event.set()

    monkeypatch.setattr(Connection, "data_received", reading)
    return event


class Answering:
    """Answers each connection with packets, each sent when the one before was read, and then closes it.

    `end` is "hold" to keep it open, or "reset" to end it by RST.
    """

    def __init__(self, arrived: asyncio.Event, end: str = "close") -> None:
        self.packets: tuple[bytes, ...] = ()
        self.connections = 0
        self._arrived = arrived
        self._end = end
        self._serving: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def finish(self) -> None:
        """Wait until the client has closed all connections."""
        await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(len(BODY))
            closed = asyncio.create_task(reader.read())
            for packet in self.packets:
                self._arrived.clear()
                writer.write(packet)
                read = asyncio.create_task(self._arrived.wait())
                await asyncio.wait({read, closed}, return_when=asyncio.FIRST_COMPLETED)
                read.cancel()
            if self._end == "reset":
                options = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, options)
                writer.transport.abort()
            elif self._end == "hold":
                await closed
            closed.cancel()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def serving(answering: Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[AttemptRequest]:
    """A request to a server."""
    server = await asyncio.start_server(answering.accept, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    yield forwarded_request(f"{APP}/hook", f"{'https' if tls else 'http'}://127.0.0.1:{port}")
    await answering.finish()
    server.close()


@asynccontextmanager
async def transporting(trusting: ssl.SSLContext | None = None) -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(lambda: trusting or trust())
    try:
        async with asyncio.timeout(PATIENCE):
            yield transport
    finally:
        await transport.close()


def packets(stream: bytes) -> tuple[bytes, ...]:
    """A response in packets: the status line in two, the next ends with its head, and the body in two."""
    line, head = stream.find(b"\n") + 1, stream.find(b"\r\n\r\n") + 4
    cuts = sorted({0, line // 2, line, max(head, line), (max(head, line) + len(stream)) // 2, len(stream)})
    return tuple(stream[start:end] for start, end in pairwise(cuts))


def shown(result: AttemptResult) -> tuple[object, ...]:
    return result.status, result.error, result.detail, result.excerpt


@pytest.mark.parametrize("split", [False, True], ids=["at once", "in packets"])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_a_status_line_is_an_answer_whatever_follows_it(secure: bool, split: bool, arrived: asyncio.Event) -> None:
    async def main() -> dict[str, tuple[object, ...]]:
        answering, found = Answering(arrived), {}
        tls = certified() if secure else None
        async with serving(answering, tls) as request, transporting(trust()) as transport:
            for name, (stream, _) in TAKEN.items():
                answering.packets = packets(stream) if split else (stream,)
                found[name] = shown(await transport.send(request))
        return found

    expected = {
        name: (read.status, None, "", read.body.decode("utf-8", "replace")[:KEPT_ANSWER])
        for name, (_, read) in TAKEN.items()
    }
    assert asyncio.run(main()) == expected


def test_an_answer_that_is_not_http_says_how_it_begins(arrived: asyncio.Event) -> None:
    async def main() -> dict[str, AttemptResult]:
        answering, found = Answering(arrived), {}
        async with serving(answering) as request, transporting() as transport:
            for name, (stream, _) in REFUSED.items():
                answering.packets = (stream,)
                found[name] = await transport.send(request)
        return found

    found = asyncio.run(main())
    assert {name: (result.status, result.error) for name, result in found.items()} == dict.fromkeys(
        REFUSED, (None, "not_http")
    )
    assert "b'220 mail.example.com ESMTP ready'" in found["mail"].detail
    assert "within 64 KiB" in found["empty lines without end"].detail
    assert "it speaks HTTPS" in found["TLS"].detail


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_a_reset_after_the_status_line_changes_nothing(secure: bool, arrived: asyncio.Event) -> None:
    streams = (b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", WHOLE, response("204 No"))

    async def main() -> list[int | None]:
        answering, found = Answering(arrived, "reset"), []
        async with serving(answering, certified() if secure else None) as request, transporting(trust()) as transport:
            for stream in streams:
                answering.packets = (stream,)
                found.append((await transport.send(request)).status)
        return found

    assert asyncio.run(main()) == [200, 200, 200, 204]


@pytest.mark.parametrize(
    ("sent", "end", "error"),
    [(b"", "close", "empty"), (b"HTTP/1.1 200 O", "close", "truncated"), (b"HTTP/1.1 200 O", "reset", "reset")],
)
def test_without_a_whole_status_line_there_is_no_status(
    sent: bytes, end: str, error: str, arrived: asyncio.Event
) -> None:
    async def main() -> AttemptResult:
        answering = Answering(arrived, end)
        answering.packets = (sent,) if sent else ()
        async with serving(answering) as request, transporting() as transport:
            return await transport.send(request)

    result = asyncio.run(main())
    assert (result.status, result.error) == (None, error)


def test_a_receiver_that_never_ends_its_response_costs_little(arrived: asyncio.Event) -> None:
    streams = {
        b"HTTP/1.1 200 OK\r\n": "",
        b"HTTP/1.1 201 OK\r\nX: ": "",
        b"HTTP/1.1 202 OK\r\n\r\nhello": "hello",
        b"HTTP/1.1 203 OK\r\nContent-Length: 9\r\n\r\nhello": "hello",
        b"HTTP/1.1 206 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello": "hello",
    }

    async def attempt(stream: bytes) -> str:
        answering = Answering(arrived, "hold")
        answering.packets = (stream,)
        async with serving(answering) as request, transporting() as transport:
            result = await transport.send(request)
        assert result.status == int(stream[9:12])
        return result.excerpt

    async def main() -> list[str]:
        return await asyncio.gather(*map(attempt, streams))

    assert asyncio.run(main()) == list(streams.values())


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["headers", "body"])
def test_a_response_without_end_is_cut_off(head: bytes) -> None:
    async def main() -> AttemptResult:
        cut = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(head)
            with suppress(OSError):
                while True:
                    writer.write(b"X: y\r\n" * 10_000)
                    await writer.drain()
            writer.close()
            cut.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with transporting() as transport:
            result = await transport.send(forwarded_request(APP, f"http://127.0.0.1:{port}"))
            await cut.wait()
        server.close()
        return result

    assert asyncio.run(main()).status == 200


@pytest.mark.parametrize("line", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK"])
def test_a_time_limit_ends_the_reading_of_a_response_that_has_a_status(line: bytes, arrived: asyncio.Event) -> None:
    async def main() -> AttemptResult | None:
        answering = Answering(arrived, "hold")
        answering.packets = (line,)
        async with serving(answering) as request, transporting() as transport:
            sending = asyncio.create_task(transport.send(request))
            await arrived.wait()
            sending.cancel()
            try:
                return await sending
            except asyncio.CancelledError:
                return None

    result = asyncio.run(main())
    assert (result and result.status) == (200 if line.endswith(b"\n") else None)


@pytest.mark.parametrize("name", [name for name, (_, read) in TAKEN.items() if read.complete])
def test_a_connection_is_used_again_after_an_orderly_response_alone(name: str) -> None:
    stream, read = TAKEN[name]

    async def main() -> None:
        async with RawServer(stream) as receiver:
            request = forwarded_request(APP, receiver.base_url)._replace(keep_open=True)
            results = await send(*[request] * 3)
            assert [result.status for result in results] == [read.status] * 3
            assert receiver.connections == (1 if read.reusable else 3)

    asyncio.run(main())


def test_without_further_attempts_no_connection_is_used_again() -> None:
    async def main() -> None:
        async with RawServer() as receiver:
            await send(*[forwarded_request(APP, receiver.base_url)] * 3)
            assert (receiver.connections, receiver.header_values("connection")) == (3, [["close"]] * 3)

    asyncio.run(main())


def test_bytes_that_follow_a_response_later_end_its_connection(arrived: asyncio.Event) -> None:
    async def main() -> None:
        answering = Answering(arrived, "hold")
        answering.packets = (WHOLE, b"late")
        async with serving(answering) as request, transporting() as transport:
            for _ in range(3):
                assert (await transport.send(request._replace(keep_open=True))).status == 200
                arrived.clear()
                await arrived.wait()
            assert answering.connections == 3

    asyncio.run(main())


def test_each_address_of_a_name_is_tried() -> None:
    async def main() -> None:
        async with RawServer() as receiver:
            there = receiver.base_url.replace("127.0.0.1", "receiver.test")
            for addresses in (["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.3"]):
                names = Names(addresses)
                (result,) = await send(forwarded_request(APP, there), resolver=lambda names=names: names)  # type: ignore[misc]
                assert (result.status or result.error) == (200 if "127.0.0.1" in addresses else "refused")

    asyncio.run(main())


def test_an_address_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = connection_pool._connect_to

    async def reaching(address: ResolveResult) -> socket.socket:
        if address["host"] == "192.0.2.1":
            await asyncio.Event().wait()
        return await connect(address)

    monkeypatch.setattr(connection_pool, "_connect_to", reaching)

    async def main() -> None:
        async with RawServer() as receiver:
            there = receiver.base_url.replace("127.0.0.1", "receiver.test")
            names = Names(["192.0.2.1", "127.0.0.1"])
            (result,) = await send(forwarded_request(APP, there), resolver=lambda: names)
            assert result.status == 200

    asyncio.run(main())


def test_a_name_is_looked_up_once_for_attempts_in_quick_succession(monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[str] = []
    resolve = NonBlockingResolver.resolve

    async def counting(
        self: NonBlockingResolver, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        requested.append(host)
        return await resolve(self, host, port, family)

    monkeypatch.setattr(NonBlockingResolver, "resolve", counting)

    async def main() -> None:
        async with RawServer(OK) as receiver:
            there = receiver.base_url.replace("127.0.0.1", "localhost")
            await send(*[forwarded_request(APP, there)] * 3)
        assert requested == ["localhost"]

    asyncio.run(main())


def test_a_header_that_a_request_cannot_hold_is_an_error() -> None:
    async def main() -> None:
        async with RawServer() as receiver, transporting() as transport:
            request = forwarded_request(APP, receiver.base_url)
            with pytest.raises(ValueError, match="line break"):
                await transport.send(request._replace(headers={"X": "a\r\nY: b"}))
            assert receiver.connections == 0

    asyncio.run(main())


@pytest.mark.parametrize(
    "late", [b"ok", b'{"status": "ok"}\r\n', b"HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n"]
)
@pytest.mark.parametrize("head", ["204 No Content", "304 Not Modified"])
def test_a_body_that_follows_an_empty_response_late_is_no_response_to_the_next_request(late: bytes, head: str) -> None:
    answers = f"HTTP/1.1 {head}\r\n\r\n".encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            for before in (b"", late, late):
                await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(len(BODY))
                writer.write(before + answers)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def main() -> None:
        serving = set[asyncio.Task[None]]()
        server = await asyncio.start_server(
            lambda reader, writer: serving.add(asyncio.create_task(answer(reader, writer))), "127.0.0.1", 0
        )
        place = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        request = forwarded_request(f"{APP}/hook", place)._replace(keep_open=True)
        async with server, transporting() as transport:
            results = [await transport.send(request) for _ in range(3)]
            await transport.close()
            await asyncio.gather(*serving)
        assert [result.status for result in results] == [int(head[:3])] * 3

    asyncio.run(main())
