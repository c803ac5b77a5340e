"""Response reader: the status line decides, and however the bytes are split, the result is the same."""

from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolink_mock.delivery.response_reader import MAX_HEAD, MAX_REST, ResponseReader


class Read(NamedTuple):
    """The result of a response whose connection stays open."""

    status: int | str | None
    body: bytes = b""
    complete: bool = False
    reusable: bool = False


def fed(*parts: bytes) -> ResponseReader:
    reader = ResponseReader()
    for part in parts:
        reader.feed(part)
    return reader


def read(*parts: bytes) -> Read:
    reader = fed(*parts)
    if reader.not_http:
        return Read("not_http", reader.beginning)
    return Read(reader.status, reader.body, reader.complete, reader.reusable)


def response(status: str, *fields: str, body: bytes = b"", end: str = "\r\n", version: str = "1.1") -> bytes:
    return "".join(f"{line}{end}" for line in (f"HTTP/{version} {status}", *fields, "")).encode() + body


OK = Read(200, b"ok", True, True)
ONCE = OK._replace(reusable=False)
EMPTY = Read(204, b"", True)
"""Not used again: a body may follow that has no place there."""
OPEN = Read(200, b"ok")
"""Its end would be the end of the connection."""
CHUNKS = b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n"

TAKEN: dict[str, tuple[bytes, Read]] = {
    "plain": (response("200 OK", "Content-Length: 2", body=b"ok"), OK),
    "chunked": (response("200 OK", "Transfer-Encoding: chunked", body=CHUNKS), OK),
    "chunk extensions and trailers": (
        response("200 OK", "Transfer-Encoding: CHUNKED", body=b"2;a=b\r\nok\r\n000;z\r\nX: y\r\n\r\n"),
        OK,
    ),
    "chunks, LF alone": (response("200 OK", "Transfer-Encoding: chunked", body=b"2\nok\n0\n\n"), OK),
    "no content": (response("204 No Content"), EMPTY),
    "not modified, with a length": (response("304 Not Modified", "Content-Length: 9"), EMPTY._replace(status=304)),
    # Case 4 and its siblings.
    "204 with a length and a body": (
        response("204 No Content", "Content-Length: 15", body=b'{"status":"ok"}'),
        EMPTY,
    ),
    "204 with a length and no body": (response("204 No", "Content-Length: 2"), EMPTY),
    "204 with a length of 0": (response("204 No", "Content-Length: 0"), EMPTY._replace(reusable=True)),
    "204 with a last chunk": (
        response("204 No Content", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        EMPTY,
    ),
    "204, closing, with a body": (
        response("204 No Content", "Connection: close", body=b"ok"),
        EMPTY,
    ),
    "304 with a body": (response("304 No", body=b"ok"), EMPTY._replace(status=304)),
    "a long header": (
        response("200 OK", f"Content-Security-Policy: {'x' * 8_200}", "Content-Length: 2", body=b"ok"),
        OK,
    ),
    "many headers": (response("200 OK", *["X: y"] * 1_000, "Content-Length: 2", body=b"ok"), OK),
    "a long reason": (response(f"200 {'x' * 60_000}", "Content-Length: 2", body=b"ok"), OK),
    "equal lengths": (response("200 OK", *["Content-Length: 2"] * 2, body=b"ok"), ONCE),
    "equal lengths in a list": (response("200 OK", "Content-Length: 2, 2", body=b"ok"), ONCE),
    "contradicting lengths": (response("200 OK", "Content-Length: 9", "Content-Length: 2", body=b"ok"), ONCE),
    "both lengths": (
        response("200 OK", "Content-Length: 9", "Transfer-Encoding: chunked", body=CHUNKS),
        ONCE,
    ),
    "identity": (response("200 OK", "Transfer-Encoding: identity", "Content-Length: 2", body=b"ok"), ONCE),
    "an unknown coding": (response("200 OK", "Transfer-Encoding: br", "Content-Length: 2", body=b"ok"), OPEN),
    "a negative length": (response("200 OK", "Content-Length: -2", body=b"ok"), OPEN),
    "a length in words": (response("200 OK", "Content-Length: two", body=b"ok"), OPEN),
    "an empty length": (response("200 OK", "Content-Length:", body=b"ok"), OPEN),
    "a length of 5,000 digits": (response("200 OK", f"Content-Length: {'9' * 5_000}", body=b"ok"), OPEN),
    "a body that is too short": (response("200 OK", "Content-Length: 3", body=b"ok"), OPEN),
    "a body that is too long": (response("200 OK", "Content-Length: 2", body=b"oklahoma"), ONCE),
    "another response behind it": (response("200 OK", "Content-Length: 2", body=b"okHTTP/1.1 500 No\r\n\r\n"), ONCE),
    "no length": (response("200 OK", body=b"ok"), OPEN),
    "chunks that break off": (response("200 OK", "Transfer-Encoding: chunked", body=b"2\r\nok\r\n5\r\n"), OPEN),
    "a chunk size that is none": (response("200 OK", "Transfer-Encoding: chunked", body=b"2\r\nok\r\nzz\r\n"), OPEN),
    "a chunk without its end": (response("200 OK", "Transfer-Encoding: chunked", body=b"2\r\nokay\r\n"), OPEN),
    "closing": (response("200 OK", "Connection: Keep-Alive, Close", "Content-Length: 2", body=b"ok"), ONCE),
    "HTTP/1.0": (response("200 OK", "Content-Length: 2", body=b"ok", version="1.0"), ONCE),
    "no reason": (response("200", "Content-Length: 2", body=b"ok"), OK),
    "no reason, a space": (response("200 ", "Content-Length: 2", body=b"ok"), OK),
    "two spaces": (response(" 200 OK", "Content-Length: 2", body=b"ok"), OK),
    "any bytes in reason and headers": (
        b"HTTP/1.1 200 \xff\x00\xc3\xa9\r\nX: \x01\xfe\r\n: y\r\nno colon\r\nContent-Length: 2\r\n\r\nok",
        OK,
    ),
    "LF alone": (response("200 OK", "Content-Length: 2", body=b"ok", end="\n"), OK),
    "folded": (b"HTTP/1.1 200 OK\r\nX: a\r\n Content-Length: 9\r\nContent-Length:\r\n\t2\r\n\r\nok", OK),
    "a space before the colon": (response("200 OK", "Content-Length : 2", body=b"ok"), OK),
    "empty lines before it": (b"\r\n\n\r\n" + response("200 OK", "Content-Length: 2", body=b"ok"), ONCE),
    "interim responses before it": (
        response("100 Continue") + response("103 Early Hints", "Link: </a>", "Content-Length: 9") + response("204 No"),
        EMPTY,
    ),
    "switching protocols": (response("101 Switching", "Upgrade: h2c", body=b"\0\0"), Read(101, b"", True, False)),
    # The head is not whole.
    "a status line": (b"HTTP/1.1 200 OK\r\n", Read(200)),
    "a status line, LF alone": (b"HTTP/1.1 299\n", Read(299)),
    "a head that breaks off": (b"HTTP/1.1 200 OK\r\nContent-Le", Read(200)),
    "a head over the limit": (response("200 OK", f"X: {'x' * MAX_HEAD}", body=b"ok"), Read(200)),
    "headers over the limit": (response("200 OK", *["X: y"] * (MAX_HEAD // 4), body=b"ok"), Read(200)),
    # The body is over the limit.
    "a long body": (
        response("200 OK", f"Content-Length: {MAX_REST + 1}", body=b"x" * (MAX_REST + 1)),
        Read(200, b"x" * MAX_REST),
    ),
    "a body of the limit": (
        response("200 OK", f"Content-Length: {MAX_REST}", body=b"x" * MAX_REST),
        Read(200, b"x" * MAX_REST, True, True),
    ),
    "a body without end": (response("200 OK", body=b"x" * 2 * MAX_REST), Read(200, b"x" * MAX_REST)),
    "a chunk without end": (
        response("200 OK", "Transfer-Encoding: chunked", body=b"fffffff\r\n" + b"x" * 2 * MAX_REST),
        Read(200, b"x" * (MAX_REST - 9)),
    ),
    "an extension without end": (
        response("200 OK", "Transfer-Encoding: chunked", body=b"2;" + b"x" * 2 * MAX_REST),
        Read(200),
    ),
    "trailers without end": (
        response("200 OK", "Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n" + b"X: y\r\n" * (MAX_REST // 4)),
        OPEN,
    ),
    "another status": (response("503 No", "Content-Length: 2", body=b"ok"), OK._replace(status=503)),
}

REFUSED = {
    "mail": (b"220 mail.example.com ESMTP ready\r\n", b"220 mail.example.com ESMTP ready"),
    "TLS": (b"\x15\x03\x01\x00\x02\x02\x46", b"\x15\x03\x01\x00\x02\x02\x46"),
    "a page": (b"<html>\n</html>", b"<html>"),
    "lower case": (b"http/1.1 200 OK\r\n\r\n", b"http/1.1 200 OK"),
    "another protocol": (b"ICY 200 OK\r\n\r\n", b"ICY 200 OK"),
    "another version": (b"HTTP/2 200\r\n\r\n", b"HTTP/2 200"),
    "no version": (b"HTTP/1. 200\r\n\r\n", b"HTTP/1. 200"),
    "no status": (b"HTTP/1.1\r\n\r\n", b"HTTP/1.1"),
    "a short status": (b"HTTP/1.1 20\r\n\r\n", b"HTTP/1.1 20"),
    "a long status": (b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 2000 OK"),
    "a word": (b"HTTP/1.1 fine\r\n\r\n", b"HTTP/1.1 fine"),
    "a body alone": (b'{"a":1}' * 100, (b'{"a":1}' * 10)[:64]),
    "a reason without end": (b"HTTP/1.1 200 " + b"x" * MAX_HEAD, b"HTTP/1.1 200 " + b"x" * 51),
    "nothing after an interim response": (response("100 Continue") + b"220 ready\r\n", b"220 ready"),
    "interim responses without end": (response("100 Continue") * (MAX_HEAD // 16), None),
    "an interim response without end": (response("103 Early", *["X: y"] * (MAX_HEAD // 4)), b""),
    "empty lines without end": (b"\r\n" * (MAX_HEAD // 2), b""),
}
STREAMS = {name: stream for name, (stream, _) in {**TAKEN, **REFUSED}.items()}


@pytest.mark.parametrize("name", TAKEN)
def test_the_status_line_decides(name: str) -> None:
    stream, expected = TAKEN[name]
    assert read(stream) == expected


@pytest.mark.parametrize("name", REFUSED)
def test_an_answer_that_is_not_http_is_recognised(name: str) -> None:
    stream, beginning = REFUSED[name]
    found = read(stream)
    assert found.status == "not_http"
    assert beginning is None or found.body == beginning


@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=15)
@given(data=st.data())
def test_a_split_changes_nothing(name: str, data: st.DataObject) -> None:
    stream = STREAMS[name]
    places = data.draw(st.sets(st.integers(0, len(stream)), max_size=8))
    cuts = sorted({0, *places, len(stream)})
    assert read(*(stream[start:end] for start, end in pairwise(cuts))) == read(stream)


@pytest.mark.parametrize("name", [name for name, stream in STREAMS.items() if len(stream) < 2_000])
def test_single_bytes_change_nothing(name: str) -> None:
    stream = STREAMS[name]
    assert read(*(bytes([byte]) for byte in stream)) == read(stream)


PIECES = [b"HTTP/1.1 200 OK", b"HTTP/1.1 204", b"HTTP/1.1 100", b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b";"]
PIECES += [b"Content-Length", b"Transfer-Encoding", b"Connection", b"chunked", b"close", b"0", b"2", b"a", b"\xff\0"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join), st.lists(st.integers(0, 200), max_size=6))
def test_a_split_of_any_bytes_changes_nothing(stream: bytes, places: list[int]) -> None:
    cuts = sorted({0, *(min(place, len(stream)) for place in places), len(stream)})
    assert read(*(stream[start:end] for start, end in pairwise(cuts))) == read(stream)


@given(st.binary(max_size=200))
def test_whatever_follows_a_status_line_it_counts(rest: bytes) -> None:
    assert read(b"HTTP/1.1 200 OK\r\n" + rest).status == 200
    assert read(b"HTTP/1.1 503\n", rest).status == 503


@pytest.mark.parametrize("stream", [b"2", b"HTTP/1.1 2x", b"HTTP/1.10000", b"\x15", b"HTTP/2", b"HTTX"])
def test_it_is_known_before_its_line_is_whole_that_an_answer_is_not_http(stream: bytes) -> None:
    reader = fed(stream)
    assert reader.decided
    assert not reader.finished


@pytest.mark.parametrize("length", range(len("HTTP/1.1 200 Fine and well\r")))
def test_a_status_line_decides_nothing_before_it_is_whole(length: int) -> None:
    reader = fed(b"HTTP/1.1 200 Fine and well\r"[:length])
    reader.end()
    assert (reader.decided, reader.began) == (False, length > 0)


@pytest.mark.parametrize("stream", [b"", b"\r\n\n", response("100 Continue")])
def test_an_interim_response_is_no_answer(stream: bytes) -> None:
    reader = fed(stream)
    reader.end()
    assert (reader.decided, reader.began) == (False, False)


def test_bytes_after_a_response_end_its_connection() -> None:
    for stream in (TAKEN["plain"][0], TAKEN["chunked"][0], TAKEN["204 with a length of 0"][0]):
        assert fed(stream).reusable
        assert not fed(stream, b"x").reusable
