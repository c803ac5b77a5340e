"""What a client sends without end, or leaves unfinished or unread, costs the emulator a bounded amount of memory."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.support.raw_connection import RawConnection
from tests.support.server_process import Server

MIB = 1 << 20
CREATE = {"model": "wan2.6-text-to-video", "prompt": "p"}
AUTHORIZATION = b"Authorization: Bearer sk-bounds\r\n"
CREDITS = b"GET /v1/credits HTTP/1.1\r\nHost: x\r\n" + AUTHORIZATION + b"\r\n"
POST = b"POST /v1/videos/generations HTTP/1.1\r\nHost: x\r\n" + AUTHORIZATION
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
DEADLINES = ("--set", "head_timeout=1", "--set", "body_timeout=1", "--set", "keep_alive=3600")


@pytest.fixture(scope="module", params=[(), ("--access-log",)], ids=["fast-path", "uvicorn"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server("--log-level", "error", *request.param) as server:
        yield server


@pytest.fixture(scope="module", params=[(), ("--access-log",)], ids=["fast-path", "uvicorn"])
def impatient(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(*DEADLINES, *request.param) as server:
        yield server


def resident(server: Server) -> int:
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def alive(server: Server) -> bool:
    return httpx.get(f"{server.url}/__mock/health").status_code == 200


@pytest.mark.parametrize(
    ("begin", "endless", "status"),
    [
        (CREDITS[:-2], b"X-Line: y\r\n" * 1000, b"431"),
        (CREDITS[:-2] + b"X-Value: ", b"y" * 10_000, b"431"),
        (CREDITS[:-2], b"y" * 10_000, b"431"),
        (b"GET /v1/credits?", b"y" * 10_000, b"414"),
        (b"", b"\r\n" * 5000, b"431"),
        (CHUNKED + b"1;x=", b"y" * 10_000, b"431"),
        (CHUNKED + b"1\r\n{\r\n0\r\n", b"X-Trailer: y\r\n" * 1000, b"431"),
        (CHUNKED + b"1\r\n{\r\n0\r\nX-Trailer: ", b"y" * 10_000, b"431"),
    ],
    ids=["lines", "value", "name", "url", "blank-lines", "chunk-extension", "trailers", "trailer"],
)
def test_what_has_no_end_is_refused_at_64_kib(server: Server, begin: bytes, endless: bytes, status: bytes) -> None:
    before = resident(server)
    with RawConnection(server.address) as connection:
        connection.send(begin)
        connection.send_endlessly(endless, 20 * MIB)
        response = connection.response()
    assert response.split(b" ", 2)[1] == status
    assert b"connection: close" in response
    assert "at most 65536 bytes" in json.loads(response.partition(b"\r\n\r\n")[2])["error"]["message"]
    assert resident(server) - before < 10 * MIB
    assert alive(server)


@pytest.mark.parametrize("size", [60_000, 65_000, 66_500, 90_000])
@pytest.mark.parametrize("piece", [1000, 4096, 200_000])
def test_the_bound_of_a_head_does_not_depend_on_its_pieces(server: Server, size: int, piece: int) -> None:
    head = b"GET /v1/credits?" + b"y" * (size - 100) + b" HTTP/1.1\r\nHost: x\r\n" + AUTHORIZATION + b"\r\n"
    with RawConnection(server.address) as connection:
        for begin in range(0, len(head), piece):
            connection.send(head[begin : begin + piece])
        status = connection.response().split(b" ", 2)[1]
    assert status == (b"200" if size < 65_536 else status)
    assert (status in (b"414", b"431")) == (size > 65_536)


@pytest.mark.parametrize("request_line", [b"GET /v1/credits?x", b"GET /v1/credits", b"GET /openapi.json"])
def test_pipelined_requests_whose_responses_nobody_reads_are_not_read_either(
    server: Server, request_line: bytes
) -> None:
    before = resident(server)
    one = request_line + b" HTTP/1.1\r\nHost: x\r\n" + AUTHORIZATION + b"\r\n"
    with ExitStack() as stack:
        for _ in range(5):
            connection = stack.enter_context(RawConnection(server.address))
            connection.socket.settimeout(0.5)
            with pytest.raises(TimeoutError):
                connection.send(one * (15 * MIB // len(one)))
        assert alive(server)
        assert resident(server) - before < 24 * MIB


def test_each_of_many_pipelined_requests_is_answered_once_they_are_read(server: Server) -> None:
    one = CREDITS.replace(b"credits", b"credits?x")
    with RawConnection(server.address) as connection:
        connection.send(one * 3000)
        connection.end_sending()
        assert connection.rest().count(b"HTTP/1.1 200 OK") == 3000


def test_a_silent_connection_is_closed(impatient: Server) -> None:
    with RawConnection(impatient.address) as connection:
        assert connection.rest() == b""


@pytest.mark.parametrize(
    ("sent", "setting"),
    [
        (b"G", "head_timeout"),
        (CREDITS[:-2], "head_timeout"),
        (POST + b"Content-Length: 9\r\n\r\n{", "body_timeout"),
        (CHUNKED + b"1\r\n{\r\n", "body_timeout"),
    ],
    ids=["method", "head", "body", "chunked"],
)
@pytest.mark.parametrize("before", [b"", CREDITS], ids=["first", "behind-another"])
def test_half_a_request_is_refused_when_its_time_is_over(
    impatient: Server, sent: bytes, setting: str, before: bytes
) -> None:
    with RawConnection(impatient.address) as connection:
        connection.send(before + sent)
        if before:
            assert connection.response().startswith(b"HTTP/1.1 200")
        response = connection.rest()
    assert response.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"retry-after" not in response
    message = json.loads(response.partition(b"\r\n\r\n")[2])["error"]["message"]
    assert "within 1 s" in message
    assert setting in message


def test_a_body_that_drips_does_not_extend_its_deadline(impatient: Server) -> None:
    with RawConnection(impatient.address) as connection:
        connection.send(POST + b"Content-Length: 1000000\r\n\r\n")
        connection.socket.settimeout(0.05)
        while True:
            connection.send(b" ")
            try:
                if chunk := connection.socket.recv(1 << 16):
                    break
            except TimeoutError:
                continue
    assert chunk.startswith(b"HTTP/1.1 408")


def test_a_response_that_takes_longer_than_the_deadlines_arrives(impatient: Server) -> None:
    """They are for what the client still has to send; its own waiting is not bounded by them."""
    url = f"{impatient.url}/__mock/events?after=1000&wait=2s"
    headers = {"authorization": "Bearer sk-bounds"}
    httpx.post(f"{impatient.url}/v1/videos/generations", headers=headers, json={})
    assert httpx.get(url, headers=headers).status_code == 200


@pytest.mark.parametrize("sent", [b"", b"GET /v1", POST + b"Content-Length: 9\r\n\r\n{"], ids=["none", "head", "body"])
def test_half_requests_do_not_hold_up_the_stop(sent: bytes) -> None:
    with Server() as server, RawConnection(server.address) as connection:
        connection.send(sent)
        assert alive(server)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(8) == -signal.SIGTERM or server.process.returncode == 0


def test_a_connection_beyond_the_limit_is_refused_in_words() -> None:
    with Server("--set", "connection_limit=3") as server, ExitStack() as stack:
        for _ in range(3):
            connection = stack.enter_context(RawConnection(server.address))
            connection.send(CREDITS)
            assert connection.response().startswith(b"HTTP/1.1 200")
        with RawConnection(server.address) as beyond:
            beyond.send(CREDITS)
            response = beyond.rest()
        assert response.startswith(b"HTTP/1.1 503")
        assert b"at most 3 connections" in response
        connection.send(CREDITS)
        assert connection.response().startswith(b"HTTP/1.1 200")


def test_connections_that_have_ended_do_not_count() -> None:
    with Server("--set", "connection_limit=3") as server:
        for _ in range(20):
            with RawConnection(server.address) as connection:
                connection.send(CREDITS)
                connection.end_sending()
                assert connection.rest().startswith(b"HTTP/1.1 200")


def test_a_slow_response_behind_a_quick_one_outlives_the_keep_alive() -> None:
    body = json.dumps({"model": "wan2.6-text-to-video", "prompt": "p [[mock: create_latency=3s]]"}).encode()
    create = POST + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for options in ((), ("--access-log",)):
        with Server("--set", "keep_alive=1", *options) as server, RawConnection(server.address) as connection:
            connection.send(CREDITS + create)
            assert connection.response().startswith(b"HTTP/1.1 200")
            assert b"task-unified-" in connection.response()
            assert connection.rest() == b""


@pytest.mark.parametrize("path", ["events", "journal", "inbox", "deliveries", "events?after=0"])
def test_a_client_that_has_ended_its_sending_side_gets_the_response_of_a_long_poll(server: Server, path: str) -> None:
    """At once, since it looks like a client that has left; the requests behind it are answered too."""
    wait = f"{path}{'&' if '?' in path else '?'}wait=60s"
    key = b"Authorization: Bearer sk-half-closed-poll\r\n"
    poll = b"GET /__mock/%b HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % (wait.encode(), key)
    with RawConnection(server.address) as connection:
        connection.send(poll + CREDITS)
        connection.end_sending()
        answers = connection.rest()
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert b"last" in answers


def test_a_client_that_has_ended_its_sending_side_gets_a_slow_response(server: Server) -> None:
    body = json.dumps({"model": "wan2.6-text-to-video", "prompt": "p [[mock: create_latency=1s]]"}).encode()
    create = POST + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with RawConnection(server.address) as connection:
        connection.send(create + CREDITS)
        connection.end_sending()
        answers = connection.rest()
    assert b"task-unified-" in answers
    assert answers.count(b"HTTP/1.1 200 OK") == 2


def test_long_polls_end_with_their_clients() -> None:
    with Server("--set", "connection_limit=20") as server:
        for _ in range(60):
            with RawConnection(server.address) as connection:
                connection.send(
                    b"GET /__mock/events?wait=60s HTTP/1.1\r\nHost: localhost\r\n" + AUTHORIZATION + b"\r\n"
                )
        assert alive(server)
        with RawConnection(server.address) as connection:
            connection.send(b"GET /__mock/events?wait=60s HTTP/1.1\r\nHost: localhost\r\n" + AUTHORIZATION + b"\r\n")
            httpx.post(
                f"{server.url}/v1/videos/generations", headers={"authorization": "Bearer sk-bounds"}, json=CREATE
            )
            assert connection.response().startswith(b"HTTP/1.1 200")


def test_an_abandoned_connection_is_not_held_open(server: Server) -> None:
    """A client that closes looks like one that ended its sending side, until something is sent to it."""
    with RawConnection(server.address) as connection:
        connection.send(b"GET /v1/credits HTTP/1.1\r\nHost: x\r\nX-")
    with RawConnection(server.address) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.send(POST + b"Content-Length: 9\r\n\r\n{")
    assert alive(server)
