"""Bytes that no client library would send, on a real socket."""

import json
import re
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.support.emulator import bearer
from tests.support.server_process import Server

KEY = b"Authorization: Bearer sk-raw\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def access_server() -> Iterator[Server]:
    with Server("--access-log") as server:
        yield server


def talk(server: Server, content: bytes) -> bytes:
    """Send bytes, and read until the other side closes or has answered all it will."""
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def alive(server: Server) -> bool:
    return httpx.get(f"{server.url}/__mock/health").status_code == 200


def post(body: bytes) -> bytes:
    first = b"POST /v1/videos/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return first + KEY + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /v1/credits HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n", b"400"),
        (b"GET /v1/credits HTTP/9.9\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /v1/tasks/" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n" + KEY + b"\r\n", b"400"),
        (b"GET /v1/tasks/task-unified-\xc3\xa9 HTTP/1.1\r\nHost: x\r\n" + KEY + b"\r\n", b"400"),
        (b"GET http://x/v1/credits HTTP/1.1\r\nHost: x\r\n" + KEY + b"\r\n", b"200"),
        (b"GET /v1/credits HTTP/1.1\r\nHost: x\r\n" + b"X-Pad: y\r\n" * 5_000 + KEY + b"\r\n", b"200"),
        (b"GET /v1/credits HTTP/1.1\r\nHost: x\r\n" + b"X-Pad: y\r\n" * 9_000 + KEY + b"\r\n", b"431"),
        (b"GET /v1/credits HTTP/1.1\r\nHost: x\r\n" + KEY + b"X-Pad: " + b"y" * 40_000 + b"\r\n\r\n", b"400"),
        (post(b"{}"), b"400"),
        (post(b"\xff"), b"400"),
    ],
)
def test_strange_requests_get_a_4xx_and_the_emulator_goes_on(server: Server, content: bytes, status: bytes) -> None:
    assert talk(server, content).split(b" ", 2)[1] == status
    assert alive(server)


def test_a_large_body_is_refused_in_full_sentences(server: Server) -> None:
    """The answer arrives, because what is too large is still read before it is refused."""
    answer = talk(server, post(b'{"x":"' + b"x" * 5_000_000 + b'"}'))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413")
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


def test_a_chunked_body_is_bounded_too(server: Server) -> None:
    chunks = (b"%x\r\n" % 65536 + b"x" * 65536 + b"\r\n") * 40 + b"0\r\n\r\n"
    head = b"POST /v1/videos/generations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + KEY + b"\r\n"
    assert talk(server, head + chunks).startswith(b"HTTP/1.1 413")


def task_ids(server: Server) -> list[str]:
    tasks = httpx.get(f"{server.url}/__mock/tasks?limit=1000", headers=bearer("sk-raw")).json()["tasks"]
    return [task["id"] for task in tasks]


def test_a_sender_who_hangs_up_half_way_harms_nobody(server: Server) -> None:
    before = task_ids(server)
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(
            b"POST /v1/videos/generations HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n" + KEY + b"\r\n{"
        )
    assert alive(server)
    assert task_ids(server) == before


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    one = b"GET /v1/tasks/a HTTP/1.1\r\nHost: x\r\n" + KEY + b"\r\n"
    two = b"GET /v1/tasks/task-unified-1-aaaaaaaa HTTP/1.1\r\nHost: x\r\n" + KEY + b"\r\n"
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(one + two)
        answer = b""
        while answer.count(b"HTTP/1.1") < 2 or not answer.endswith(b"}}"):
            answer += connection.recv(65536)
    assert answer.index(b"400 Bad Request") < answer.index(b"404 Not Found")


def test_every_answer_is_json_with_a_request_id_and_one_date(server: Server) -> None:
    for path in ("/v1/credits", "/v1/tasks/x", "/nowhere", "/openapi.json", "/__mock/health", "/__mock/nowhere"):
        response = httpx.get(f"{server.url}{path}")
        assert response.headers["content-type"] == "application/json"
        assert response.headers["x-request-id"].startswith("req_")
        assert len(response.headers.get_list("date")) == 1
        assert "server" not in response.headers
        assert response.json()


CREATE = post(
    b'{"model": "wan2.6-image-to-video-flash", "prompt": "p", "image_urls": ["https://a.example/1.png"], "duration": 5}'
)


def answers(connection: socket.socket, count: int) -> list[bytes]:
    """So many answers, as far as their heads say where they end."""
    content = b""
    found: list[bytes] = []
    while len(found) < count:
        head, mark, rest = content.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0) if mark else 0
        if mark and len(rest) >= length:
            found.append(head + mark + rest[:length])
            content = rest[length:]
            continue
        chunk = connection.recv(1 << 20)
        assert chunk, content
        content += chunk
    return found


def test_a_request_that_arrives_byte_by_byte_is_answered(server: Server) -> None:
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in CREATE:
            connection.sendall(bytes([byte]))
        (answer,) = answers(connection, 1)
    assert answer.startswith(b"HTTP/1.1 200")


def test_many_creates_on_one_connection_at_once_make_as_many_tasks(server: Server) -> None:
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(CREATE * 200)
        ids = {json.loads(answer.partition(b"\r\n\r\n")[2])["id"] for answer in answers(connection, 200)}
    assert len(ids) == 200


def test_who_reads_late_gets_everything(server: Server) -> None:
    """More than the buffers hold, so that the emulator must wait for the reader, and others meanwhile need not."""
    with socket.create_connection(server.address, timeout=30) as connection:
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 300)
        assert alive(server)
        bodies = {answer.partition(b"\r\n\r\n")[2] for answer in answers(connection, 300)}
    assert len(bodies) == 1


def test_a_sender_who_asks_to_continue_is_told_to(server: Server) -> None:
    head, _, body = CREATE.partition(b"\r\n\r\n")
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_http_1_0_is_answered_and_closed(server: Server) -> None:
    answer = talk(server, CREATE.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer


def ways_to_arrive(request: bytes) -> list[list[bytes]]:
    """Whole; head and body apart; torn in the middle of a header."""
    body_at = request.index(b"\r\n\r\n") + 4
    return [[request], [request[:body_at], request[body_at:]], [request[:40], request[40:]]]


QUERY = b"GET /v1/tasks/task-unified-1-aaaaaaaa HTTP/1.1\r\nHost: x\r\n" + KEY + b"\r\n"


@pytest.fixture(scope="module")
def still() -> Iterator[Server]:
    with Server("--clock", "manual") as server:
        yield server


@pytest.mark.parametrize("request_bytes", [CREATE, QUERY, post(b"{"), post(b"x" * 1_100_000)])
def test_however_a_request_arrives_the_answer_is_the_same_to_the_byte(still: Server, request_bytes: bytes) -> None:
    """What arrives whole takes a shorter way through the emulator, and nobody may see it."""
    seen = set()
    for parts in ways_to_arrive(request_bytes):
        reset = httpx.post(f"{still.url}/__mock/worlds", json={"reset": True}, headers=bearer("sk-raw"))
        assert reset.status_code == 200
        with socket.create_connection(still.address, timeout=10) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for part in parts:
                connection.sendall(part)
                alive(still)  # So that the parts are read one by one.
            (answer,) = answers(connection, 1)
        rows = httpx.get(f"{still.url}/__mock/journal", headers=bearer("sk-raw")).json()["rows"]
        seen.add((answer, json.dumps([row | {"number": 0} for row in rows])))
    assert len(seen) == 1


def test_a_query_with_a_body_is_answered_like_one_without(still: Server) -> None:
    with_body = QUERY.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\nhello")
    with socket.create_connection(still.address, timeout=10) as connection:
        connection.sendall(with_body + QUERY)
        first, second = answers(connection, 2)
    assert first.partition(b"\r\n\r\n")[2] == second.partition(b"\r\n\r\n")[2]


def test_a_chunked_create_in_one_piece_is_one_task(still: Server) -> None:
    head, _, body = CREATE.partition(b"\r\n\r\n")
    head = head.partition(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\n"
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:9], body[9:30], body[30:]))
    with socket.create_connection(still.address, timeout=10) as connection:
        connection.sendall(head + pieces + b"0\r\n\r\n" + QUERY)
        created, queried = answers(connection, 2)
    assert created.startswith(b"HTTP/1.1 200")
    assert queried.startswith(b"HTTP/1.1 404")


def offered(headers: bytes, body: bytes = b'{"model":"wan2.6-text-to-video","prompt":"A cat"}') -> bytes:
    first = b"POST /v1/videos/generations HTTP/1.1\r\nHost: x\r\n" + headers + KEY
    return first + b"Content-Length: %d\r\n\r\n" % len(body) + body


H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"


@pytest.mark.parametrize("access_log", [False, True], ids=["fast-path", "access-log"])
@pytest.mark.parametrize("pieces", [1, 3, 10_000])
@pytest.mark.parametrize(
    "offer", [H2C, b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"connection: x, upgrade\r\nupgrade: TLS/1.0\r\n"]
)
def test_an_offered_upgrade_is_ignored(
    server: Server, access_server: Server, offer: bytes, pieces: int, access_log: bool
) -> None:
    chosen, sent = (access_server if access_log else server), offered(offer) + post(b"{}")
    size = -(-len(sent) // pieces)
    with socket.create_connection(chosen.address, timeout=10) as connection:
        for begin in range(0, len(sent), size):
            connection.sendall(sent[begin : begin + size])
        answers = b""
        while len(statuses := re.findall(rb"HTTP/1.1 (\d+)", answers)) < 2 and (chunk := connection.recv(65536)):
            answers += chunk
    # The connection stays open, and the request behind it is read as one.
    assert statuses == [b"200", b"400"]
    assert b"task-unified-" in answers


def test_many_offers_in_one_packet_cost_one_answer_each(server: Server) -> None:
    sent = (b"GET /v1/credits HTTP/1.1\r\nHost: x\r\n" + H2C + KEY + b"\r\n") * 1_500
    assert talk(server, sent).count(b"HTTP/1.1 200") == 1_500
    assert alive(server)


def test_connect_is_refused(server: Server) -> None:
    assert talk(server, b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n").split(b" ", 2)[1] in (b"400", b"404", b"405")
    assert alive(server)
