"""HTTP transport: the receiver reads what production would send, to the byte, and nothing else."""

import asyncio
import ssl

import pytest
import trustme

from tests.support.raw_server import BODY, OK, RawServer, forwarded_request, send

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
def test_the_host_header_is_the_host_of_the_callback_url(authority: str, host: str) -> None:
    async def main() -> None:
        async with RawServer() as receiver:
            await send(forwarded_request(f"https://{authority}/hook", receiver.base_url))
            assert receiver.header_values("host") == [[host]]

    asyncio.run(main())


@pytest.mark.parametrize(
    "target",
    [
        *("/", "/hook", "//hook//", "/a/../b/./c", "/..", "/hook?", "/?", "/?a?b=c&d=+&&e=%20%zz%"),
        *("/%2F%2e%2E/%c3%A4", "/;a='b'\"{}|^`<>[]~!$()*,:@", "/http://127.0.0.1/", "/@127.0.0.1:80/"),
    ],
)
def test_path_and_query_arrive_byte_for_byte(target: str) -> None:
    async def main() -> None:
        async with RawServer() as receiver:
            await send(
                forwarded_request(f"{APP}{target}", receiver.base_url),
                forwarded_request(f"{APP}{target}#fragment", receiver.base_url),
            )
            assert receiver.lines == [f"POST {target} HTTP/1.1"] * 2

    asyncio.run(main())


def test_the_body_arrives_unchanged_and_no_needless_header() -> None:
    async def main() -> None:
        async with RawServer() as receiver:
            await send(forwarded_request(APP, receiver.base_url))
            names = {line.partition(":")[0].lower() for line in receiver.heads[0].split("\r\n")[1:] if line}
            assert names - {"connection"} == {"host", "content-type", "content-length", "user-agent", "accept"}
            assert receiver.header_values("content-type") == [["application/json"]]
            assert receiver.bodies == [BODY]

    asyncio.run(main())


def test_cookies_of_a_receiver_are_not_sent_back() -> None:
    async def main() -> None:
        cookies = b"Set-Cookie: a=b; Path=/\r\nSet-Cookie: c=d; Domain=app.example.com\r\n"
        async with RawServer(OK.replace(b"\r\n", b"\r\n" + cookies, 1)) as receiver:
            base_url = receiver.base_url.replace("127.0.0.1", "localhost")
            await send(*[forwarded_request(APP, base_url)] * 3)
            assert receiver.header_values("cookie") == [[], [], []]

    asyncio.run(main())


def test_the_certificate_must_be_for_the_host_of_the_callback_url() -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("app.example.com").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def main() -> None:
        async with RawServer(tls=server) as receiver:
            hosts = ("app.example.com", "app.example.com:8443", "other.example.com", "a.app.example.com", "8.8.8.8")
            results = await send(
                *[forwarded_request(f"https://{host}/", receiver.base_url) for host in hosts], trust=lambda: trusting
            )
            assert [result.status or result.error for result in results] == [200, 200, "tls", "tls", "tls"]
            assert receiver.header_values("host") == [["app.example.com"], ["app.example.com:8443"]]
            (distrusted,) = await send(forwarded_request(APP, receiver.base_url))
            assert distrusted.error == "tls"

    asyncio.run(main())
