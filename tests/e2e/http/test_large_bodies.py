"""Large bodies: nothing of one before its key, uploads up to the documented size, and readers that share one file."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from evolink_contracts.spec.files import MAX_BYTES
from tests.support.emulator import bearer
from tests.support.media.media_samples import jpeg
from tests.support.raw_connection import RawConnection
from tests.support.server_process import Server

MIB = 1 << 20
UPLOAD = "/api/v1/files/upload"
BOUNDARY = b"frontier"
PART = b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
END = b"\r\n--frontier--\r\n"
FORM = {"content-type": "multipart/form-data; boundary=frontier"}
CREDITS = b"GET /v1/credits HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-large\r\n\r\n"


@pytest.fixture(scope="module", params=[(), ("--access-log",)], ids=["fast-path", "uvicorn"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server("--log-level", "error", *request.param) as server:
        yield server


def resident(server: Server) -> int:
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def image(size: int) -> bytes:
    """A JPEG of a given size."""
    start = jpeg()
    return start + b"\0" * (size - len(start))


def head(path: str, length: int, headers: bytes = b"") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n".encode() + headers + b"\r\n"


def upload(server: Server, content: bytes, key: str = "sk-large") -> httpx.Response:
    url = f"{server.url}{UPLOAD}/stream"
    return httpx.post(url, content=PART + content + END, headers={**FORM, **bearer(key)}, timeout=60)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{UPLOAD}/stream", b"401"),
        (f"{UPLOAD}/base64", b"401"),
        (f"{UPLOAD}/url", b"401"),
        ("/v1/videos/generations", b"401"),
        ("/v1/tasks/task-unified-1-aaaaaaaa", b"405"),
        ("/nowhere", b"404"),
    ],
)
def test_a_body_without_a_key_is_refused_by_its_head(server: Server, path: str, status: bytes) -> None:
    before = resident(server)
    with RawConnection(server.address) as connection:
        connection.send(head(path, 62 * MIB))
        assert connection.response().split(b" ", 2)[1] == status
        for _ in range(62):
            connection.send(b"x" * MIB)
        # It was dropped, and the connection goes on.
        connection.send(CREDITS)
        assert connection.response().startswith(b"HTTP/1.1 200")
    assert resident(server) - before < 8 * MIB


@pytest.mark.parametrize("path", [f"{UPLOAD}/stream", f"{UPLOAD}/base64", "/v1/videos/generations"])
def test_a_body_that_is_too_large_is_refused_before_it_is_sent(server: Server, path: str) -> None:
    with RawConnection(server.address) as connection:
        connection.send(head(path, 1000 * MIB, b"Authorization: Bearer sk-large\r\n"))
        assert connection.response().startswith(b"HTTP/1.1 413")


def test_a_chunked_body_that_is_too_large_is_refused_before_its_end(server: Server) -> None:
    with RawConnection(server.address) as connection:
        start = f"POST {UPLOAD}/stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n".encode()
        connection.send(start + b"Authorization: Bearer sk-large\r\n\r\n")
        connection.send_endlessly(b"%x\r\n%b\r\n" % (MIB, b"x" * MIB), 200 * MIB)
        response = connection.response()
        assert response.startswith(b"HTTP/1.1 413")
        assert b"at most 100MB" in response


@pytest.mark.parametrize("size", [65 * MIB, MAX_BYTES])
def test_an_upload_up_to_the_documented_size_is_taken_whole(server: Server, size: int) -> None:
    answer = upload(server, image(size)).json()
    assert answer["success"], answer
    assert answer["data"]["file_size"] == size


@pytest.mark.slow
def test_an_upload_in_base64_up_to_the_documented_size_is_taken_whole(server: Server) -> None:
    body = json.dumps({"base64_data": base64.b64encode(image(MAX_BYTES)).decode()})
    answer = httpx.post(f"{server.url}{UPLOAD}/base64", content=body, headers=bearer("sk-large"), timeout=60).json()
    assert answer["success"], answer
    assert answer["data"]["file_size"] == MAX_BYTES


@pytest.mark.slow
def test_an_upload_beyond_the_documented_size_is_refused_in_words(server: Server) -> None:
    answer = upload(server, image(MAX_BYTES + 1))
    assert answer.status_code == 413
    assert "at most 100MB" in answer.json()["msg"]


def test_readers_of_one_file_share_it(server: Server) -> None:
    path = upload(server, image(50 * MIB)).json()["data"]["file_url"].removeprefix(server.url)
    before = resident(server)
    with ExitStack() as stack:
        readers = [stack.enter_context(RawConnection(server.address)) for _ in range(20)]
        for reader in readers:
            reader.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            # So that the response has begun.
            assert reader.socket.recv(15) == b"HTTP/1.1 200 OK"
        assert httpx.get(f"{server.url}/__mock/health").status_code == 200
        assert resident(server) - before < 32 * MIB


def test_a_part_of_a_file_is_the_same_as_of_its_content(server: Server) -> None:
    content = image(3 * MIB)
    url = upload(server, content).json()["data"]["file_url"]
    assert httpx.get(url).content == content
    for first, last in ((0, 0), (5, 600_000), (3 * MIB - 1, 3 * MIB - 1)):
        part = httpx.get(url, headers={"range": f"bytes={first}-{last}"})
        assert (part.status_code, part.content) == (206, content[first : last + 1])
        assert part.headers["content-range"] == f"bytes {first}-{last}/{3 * MIB}"


def test_bodies_that_arrive_together_are_bounded(server: Server) -> None:
    before = resident(server)
    with ExitStack() as stack:
        for _ in range(6):
            sender = stack.enter_context(RawConnection(server.address))
            sender.send(head(f"{UPLOAD}/stream", 100 * MIB, b"Authorization: Bearer sk-large\r\n"))
            for _ in range(95):
                sender.send(b"x" * MIB)
        answer = sender.response()
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"at most 512 MiB together" in answer
        assert upload(server, image(1000)).json()["success"]
        assert resident(server) - before < 600 * MIB


def test_a_form_of_many_parts_is_refused_before_they_are_parsed(server: Server) -> None:
    body = b"".join([b"--frontier\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n"] * 200_000) + END
    url = f"{server.url}{UPLOAD}/stream"
    answer = httpx.post(url, content=body, headers={**FORM, **bearer("sk-large")}, timeout=60)
    assert answer.status_code == 400
    assert "at most 100" in answer.json()["msg"]
