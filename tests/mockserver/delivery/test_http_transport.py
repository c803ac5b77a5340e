"""A receiver reads what production would have sent it, to the byte, and nothing besides."""

import asyncio
import ssl

import pytest
import trustme

from tests.support.raw_server import BODY, OK, Ear, send, to_place

APP = "https://app.example.com"


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("app.example.com", "app.example.com"),
        ("APP.example.com.:443", "app.example.com"),
        ("app.example.com:8443", "app.example.com:8443"),
        ("bücher.de:8443", "xn--bcher-kva.de:8443"),
        ("[2606:4700::1111]:8443", "[2606:4700::1111]:8443"),
    ],
)
def test_it_reads_the_host_that_production_would_call(authority: str, host: str) -> None:
    async def body() -> None:
        async with Ear() as ear:
            await send(to_place(f"https://{authority}/hook", ear.place))
            assert ear.said("host") == [[host]]

    asyncio.run(body())


@pytest.mark.parametrize(
    "target",
    [
        *("/", "/hook", "//hook//", "/a/../b/./c", "/..", "/hook?", "/?", "/?a?b=c&d=+&&e=%20%zz%"),
        *("/%2F%2e%2E/%c3%A4", "/;a='b'\"{}|^`<>[]~!$()*,:@", "/http://127.0.0.1/", "/@127.0.0.1:80/"),
    ],
)
def test_it_reads_path_and_query_byte_for_byte(target: str) -> None:
    async def body() -> None:
        async with Ear() as ear:
            await send(to_place(f"{APP}{target}", ear.place), to_place(f"{APP}{target}#fragment", ear.place))
            assert ear.lines == [f"POST {target} HTTP/1.1"] * 2

    asyncio.run(body())


def test_it_reads_the_body_as_it_was_given_and_no_header_that_nothing_asks_for() -> None:
    async def body() -> None:
        async with Ear() as ear:
            await send(to_place(APP, ear.place))
            names = {line.partition(":")[0].lower() for line in ear.heads[0].split("\r\n")[1:] if line}
            assert names - {"connection"} == {"host", "content-type", "content-length", "user-agent", "accept"}
            assert ear.said("content-type") == [["application/json"]]
            assert ear.bodies == [BODY]

    asyncio.run(body())


def test_it_reads_no_cookie_that_it_set_before() -> None:
    async def body() -> None:
        cookies = b"Set-Cookie: a=b; Path=/\r\nSet-Cookie: c=d; Domain=app.example.com\r\n"
        async with Ear(OK.replace(b"\r\n", b"\r\n" + cookies, 1)) as ear:
            place = ear.place.replace("127.0.0.1", "localhost")
            await send(*[to_place(APP, place)] * 3)
            assert ear.said("cookie") == [[], [], []]

    asyncio.run(body())


def test_over_tls_it_must_be_whom_production_would_call_and_is_that_for_nobody_else() -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("app.example.com").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def body() -> None:
        async with Ear(tls=server) as ear:
            hosts = ("app.example.com", "app.example.com:8443", "other.example.com", "a.app.example.com", "8.8.8.8")
            outcomes = await send(*[to_place(f"https://{host}/", ear.place) for host in hosts], trust=lambda: trusting)
            assert [outcome.status or outcome.error for outcome in outcomes] == [200, 200, "tls", "tls", "tls"]
            assert ear.said("host") == [["app.example.com"], ["app.example.com:8443"]]
            (distrusted,) = await send(to_place(APP, ear.place))
            assert distrusted.error == "tls"

    asyncio.run(body())
