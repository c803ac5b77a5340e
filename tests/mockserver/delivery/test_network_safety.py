"""SSRF guard: no callback URL and no receiver makes the emulator connect to an address that production would not."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from evolink_mock.core.callback_routes import CallbackRoutes, Destination
from evolink_mock.core.delivery import AttemptResult
from evolink_mock.egress import PublicResolver
from tests.mockserver.core.test_url_spellings import CALLED, INTERNAL, REFUSED
from tests.support.raw_server import RawServer, forwarded_request, public_request, routed_request, send

PUBLIC = "93.184.216.34"
APP = "https://app.example.com"


class Names(AbstractResolver):
    """Resolves every name to the first answer, then to the next, and from then on to the last."""

    def __init__(self, *answers: list[str]) -> None:
        self.requested: list[str] = []
        self._answers = answers

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = self._answers[min(len(self.requested), len(self._answers) - 1)]
        self.requested.append(host)
        return [_found(host, address, port) for address in found]

    async def close(self) -> None:
        """Nothing is open."""

    def public(self) -> AbstractResolver:
        return PublicResolver(self)


def _found(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a connection was tried to; only those of this machine can be reached."""
    tried: list[str] = []
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            tried.append(address[0])
            if address[0] not in ("127.0.0.1", "::1"):
                raise ConnectionRefusedError(111, "no test leaves this machine")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    return tried


def test_the_table_of_urls_is_long_and_has_every_form() -> None:
    assert len({url for _, url in REFUSED} | set(CALLED)) >= 200
    assert {"IPv6", "mapped", "inside IPv6", "decimal", "octal", "hexadecimal", "short", "mixed"} <= INTERNAL.keys()
    assert {rule for rule, _ in REFUSED} >= {"credentials", "port", "host", "internal", "scheme", "characters"}
    assert any("#" in url for url in CALLED)
    assert any("\xfc" in url for url in CALLED)


INSIDE = ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"]
INSIDE += ["fd12:3456::1", "fe80::1%eth0", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "::"]


@pytest.mark.parametrize("around", [[], [PUBLIC], [PUBLIC, "2606:4700::1111"]], ids=len)
@pytest.mark.parametrize("address", INSIDE)
def test_a_name_with_an_internal_address_is_blocked(address: str, around: list[str], dialled: list[str]) -> None:
    async def main() -> None:
        async with RawServer() as server:
            for answer in ([*around, address], [address, *around]):
                names = Names(answer)
                (result,) = await send(public_request(f"{APP}:{server.port}/hook"), resolver=names.public)
                assert (result.status, result.error) == (None, "blocked")
                assert names.requested == ["app.example.com"]
            assert (dialled, server.connections) == ([], 0)

    asyncio.run(main())


def test_a_name_that_becomes_internal_between_two_attempts_is_blocked(dialled: list[str]) -> None:
    async def main() -> None:
        async with RawServer() as server:
            names = Names([PUBLIC], ["127.0.0.1"])
            results = await send(*[public_request(f"{APP}:{server.port}/")] * 3, resolver=names.public)
            assert [result.error for result in results] == ["refused", "blocked", "blocked"]
            assert (dialled, server.connections) == ([PUBLIC], 0)

    asyncio.run(main())


def test_the_checked_addresses_are_the_ones_connected_to(dialled: list[str]) -> None:
    names = Names([PUBLIC, "1.1.1.1"], ["127.0.0.1"])
    (result,) = asyncio.run(send(public_request(APP), resolver=names.public))
    assert result.error == "refused"
    assert set(dialled) == {PUBLIC, "1.1.1.1"}
    assert len(names.requested) == 1


def test_names_are_resolved_by_the_system(dialled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, port: int, *_: object, **__: object) -> list[tuple[Any, ...]]:
        assert host == "app.example.com"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    async def main() -> None:
        async with RawServer() as server:
            monkeypatch.setattr(socket, "getaddrinfo", resolve)
            (result,) = await send(public_request(f"{APP}:{server.port}/"), resolver=PublicResolver)
            assert result.error == "blocked"
            assert (dialled, server.connections) == ([], 0)

    asyncio.run(main())


def test_every_spelling_of_an_internal_address_is_blocked_without_an_earlier_check(dialled: list[str]) -> None:
    async def main() -> None:
        async with RawServer() as server:
            hosts = [host for spellings in INTERNAL.values() for host in spellings.split()]
            here = [f"https://{host}:{server.port}/" for host in hosts if ":" not in host or host.endswith("]")]
            urls = [*here, *(url for rule, url in REFUSED if rule in ("internal", "credentials"))]
            names = Names([PUBLIC])
            results = await send(*map(public_request, urls), resolver=names.public)
            assert [url for url, result in zip(urls, results, strict=True) if result.error != "blocked"] == []
            assert (names.requested, dialled, server.connections) == ([], [], 0)

    asyncio.run(main())


def test_the_address_connected_to_is_checked_and_not_the_host_header(dialled: list[str]) -> None:
    async def main() -> None:
        async with RawServer() as server:
            here = f"https://127.0.0.1:{server.port}"
            destination = Destination("public", here, f"{here}/", "app.example.com", "app.example.com")
            (result,) = await send(
                public_request(APP)._replace(destination=destination), resolver=Names([PUBLIC]).public
            )
            assert (result.error, dialled, server.connections) == ("blocked", [], 0)

    asyncio.run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "localhost", "sub.localhost"])
def test_the_resolver_blocks_internal_hosts_whatever_they_resolve_to(host: str) -> None:
    with pytest.raises(OSError, match="internal"):
        asyncio.run(PublicResolver(Names([PUBLIC])).resolve(host))


def attempted(url: str) -> AttemptResult:
    """The result of a public delivery where every name is public and no address accepts connections."""
    request = routed_request(CallbackRoutes({}, deliver_public=True), url)
    return asyncio.run(send(request, resolver=Names([PUBLIC]).public))[0]


@pytest.mark.parametrize("url", CALLED, ids=lambda url: ascii(url)[1:50])
def test_every_accepted_url_is_attempted(url: str, dialled: list[str]) -> None:
    assert attempted(url).error == "refused"
    assert dialled != []


def test_a_name_that_is_too_long_for_dns_does_not_resolve() -> None:
    request = routed_request(CallbackRoutes({}, deliver_public=True), f"https://{'a' * 64}.com/")
    (result,) = asyncio.run(send(request, resolver=PublicResolver))
    assert result.error == "dns"


def test_the_detail_of_an_error_is_specific_and_repeatable(dialled: list[str]) -> None:
    (blocked,) = asyncio.run(send(public_request(APP), resolver=Names(["10.1.2.3"]).public))
    assert "app.example.com resolves to 10.1.2.3" in blocked.detail
    assert "object at 0x" not in blocked.detail
    assert attempted(APP).detail == attempted(APP).detail


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    async def main() -> None:
        async with RawServer() as other:
            location = f"HTTP/1.1 {status} Moved\r\nLocation: {other.base_url}/hook\r\nContent-Length: 0\r\n\r\n"
            async with RawServer(location.encode()) as server:
                results = await send(*[forwarded_request(f"{APP}/hook", server.base_url)] * 2)
            assert [result.status for result in results] == [status, status]
            assert (len(server.heads), other.connections) == (2, 0)

    asyncio.run(main())


@pytest.mark.parametrize("spelling", [str.upper, str.lower])
def test_proxies_and_passwords_of_the_environment_are_ignored(
    spelling: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dialled: list[str]
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\ndefault login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    async def main() -> None:
        async with RawServer() as proxy, RawServer() as server:
            for name in ("http_proxy", "https_proxy", "all_proxy"):
                monkeypatch.setenv(spelling(name), proxy.base_url)
            (routed,) = await send(forwarded_request(APP, server.base_url))
            (public,) = await send(public_request(APP), resolver=Names([PUBLIC]).public)
            assert (routed.status, public.error) == (200, "refused")
            assert (server.header_values("authorization"), proxy.connections) == ([[]], 0)
            assert dialled == ["127.0.0.1", PUBLIC]

    asyncio.run(main())
