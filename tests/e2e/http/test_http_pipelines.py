"""A request means the same however it arrives: on the fast path or on uvicorn's own way, whole or in pieces."""

import re
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.emulator import bearer
from tests.support.raw_connection import RawConnection
from tests.support.server_process import Server

HOST = b"Host: x\r\n"
KEY = b"Authorization: Bearer sk-pipeline\r\n"
BODY = b'{"model": "wan2.6-text-to-video", "prompt": "p"}'
JSON = b"Content-Type: application/json\r\n"


def get(target: bytes, headers: bytes = HOST + KEY, version: bytes = b"1.1", method: bytes = b"GET") -> bytes:
    return method + b" " + target + b" HTTP/" + version + b"\r\n" + headers + b"\r\n"


def post(body: bytes = BODY, headers: bytes = HOST + KEY + JSON) -> bytes:
    head = b"POST /v1/videos/generations HTTP/1.1\r\n" + headers
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(trailers: bytes = b"", headers: bytes = HOST + KEY + JSON, body: bytes = BODY) -> bytes:
    head = b"POST /v1/videos/generations HTTP/1.1\r\n" + headers + b"Transfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:5], body[5:]))
    return head + chunks + b"0\r\n" + trailers + b"\r\n"


QUERY = get(b"/v1/tasks/task-unified-1-aaaaaaaa")
SOUND = [
    QUERY,
    get(b"/v1/credits"),
    get(b"/v1/credits?x=1"),
    get(b"/v1/credits", HOST),
    get(b"/v1/credits", HOST, method=b"HEAD"),
    get(b"/v1/credits", HOST + KEY + b"Upgrade: h2c\r\nConnection: Upgrade\r\n"),
    get(b"/v1/tasks/%74ask"),
    get(b"/nowhere"),
    get(b"http://x/v1/credits"),
    get(b"/v1/credits", b"Host:\r\n" + KEY),
    get(b"/v1/credits", b"Host: \t x \t \r\n" + KEY),
    post(),
    post(b"{"),
    post(b'{"model": 1}'),
    post(b""),
    post(b" " * 70_000 + BODY),
    post(headers=HOST + JSON),
    post(headers=HOST + KEY + JSON + b"X-Mock-Scenario: server_error\r\n"),
    chunked(),
    chunked(b"X-Trailer: y\r\n"),
    chunked(KEY, HOST + JSON),
    get(b"/v1/credits", HOST + KEY + b"Content-Length: 3\r\n") + b"abc",
]
LAST = [
    b"",
    get(b"/v1/credits", KEY),
    get(b"/v1/credits", HOST + HOST + KEY),
    get(b"/v1/credits", HOST + KEY + b"Host: other\r\n"),
    get(b"/v1/credits", b"Host: a b\r\n" + KEY),
    get(b"/v1/credits", b"Host: http://x\r\n" + KEY),
    get(b"/v1/credits", HOST + KEY + b"Connection: close\r\n"),
    get(b"/v1/credits", KEY, b"1.0"),
    get(b"/v1/credits", HOST + KEY, b"9.9"),
    get(b"/v1/credits", HOST + b"A: b\x00\r\n"),
    b"nonsense\r\n\r\n",
    b"GET /v1/cre",
    get(b"/v1/credits")[:-2],
    post()[:-3],
    chunked()[:-9],
    chunked().replace(b"0\r\n\r\n", b"zz\r\n\r\n"),
    chunked(headers=HOST + KEY + JSON + b"Content-Length: 5\r\n"),
]
DIFFERS = re.compile(rb"\r\n(?:date|x-request-id): [^\r]*")


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    options = ("--clock", "manual", "--log-level", "error")
    with Server(*options) as fast, Server(*options, "--access-log") as uvicorn:
        yield [fast, uvicorn]


def responses(server: Server, pieces: list[bytes]) -> bytes:
    """What a connection brings for some pieces, in a world that is reset before."""
    reset = httpx.post(f"{server.url}/__mock/worlds", json={"reset": True}, headers=bearer("sk-pipeline"))
    assert reset.status_code == 200
    with RawConnection(server.address) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # A request that is refused ends the connection.
            for piece in pieces:
                connection.send(piece)
        connection.end_sending()
        return DIFFERS.sub(b"", connection.rest())


def cut(content: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(content) + 1) for place in places} | {len(content)})
    return [content[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


SLOW = post(headers=HOST + KEY + JSON + b"X-Mock-Scenario: create_latency=1ms\r\n")
SOUND.append(SLOW)
NUMBERS = st.integers(0, len(SOUND) - 1)


@settings(max_examples=100)
@given(
    st.lists(NUMBERS, max_size=6),
    st.sampled_from(LAST),
    st.lists(NUMBERS, max_size=2),
    st.lists(st.integers(0, 1_000_000), max_size=6),
)
@example([SOUND.index(SLOW)], b"nonsense\r\n\r\n", [], [])
@example([SOUND.index(SLOW), 0, 2], get(b"/v1/credits", KEY), [0], [])
@example([2, 0], get(b"/v1/credits", KEY), [0], [])
@example([SOUND.index(post())], chunked().replace(b"0\r\n\r\n", b"zz\r\n\r\n"), [], [])
@example([], post()[:-3], [], [])
def test_both_ways_give_the_same_bytes(
    servers: list[Server], sound: list[int], last: bytes, behind: list[int], places: list[int]
) -> None:
    content = b"".join((*(SOUND[number] for number in sound), last, *(SOUND[number] for number in behind)))
    pieces = cut(content, places)
    seen = {responses(server, sent) for server in servers for sent in ([content], pieces)}
    assert len(seen) == 1
    (answered,) = seen
    assert answered.count(b"HTTP/1.1 ") >= len(sound)


@pytest.mark.parametrize("last", [each for each in LAST if b"Host: x\r\nHost" in each or b"Host: other" in each])
def test_a_request_with_two_hosts_is_refused(servers: list[Server], last: bytes) -> None:
    for server in servers:
        (answer,) = [responses(server, [last])]
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"exactly one Host" in answer


def test_a_key_in_a_trailer_does_not_count(servers: list[Server]) -> None:
    for server in servers:
        content = chunked(KEY, HOST + JSON)
        for pieces in ([content], [content[: -len(KEY) - 4], content[-len(KEY) - 4 :]], cut(content, list(range(400)))):
            assert responses(server, pieces).startswith(b"HTTP/1.1 401")
