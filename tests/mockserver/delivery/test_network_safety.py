"""No callback URL and no receiver makes the emulator connect to where production would connect to nothing."""

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
from tests.support.raw_server import Ear, along, send, to_place, to_public

PUBLIC = "93.184.216.34"
APP = "https://app.example.com"


class Names(AbstractResolver):
    """Resolves every name to the first answer, then to the next; the last goes on for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = answers

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = self._answers[min(len(self.asked), len(self._answers) - 1)]
        self.asked.append(host)
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
    """The addresses that somebody tried to connect to; none but this machine's own can be reached."""
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
def test_a_name_with_an_address_inside_gets_nothing(address: str, around: list[str], dialled: list[str]) -> None:
    async def body() -> None:
        async with Ear() as ear:
            for answer in ([*around, address], [address, *around]):
                names = Names(answer)
                (outcome,) = await send(to_public(f"{APP}:{ear.port}/hook"), resolver=names.public)
                assert (outcome.status, outcome.error) == (None, "blocked")
                assert names.asked == ["app.example.com"]
            assert (dialled, ear.connections) == ([], 0)

    asyncio.run(body())


def test_a_name_that_moves_inside_between_two_attempts_gets_nothing_more(dialled: list[str]) -> None:
    async def body() -> None:
        async with Ear() as ear:
            names = Names([PUBLIC], ["127.0.0.1"])
            outcomes = await send(*[to_public(f"{APP}:{ear.port}/")] * 3, resolver=names.public)
            assert [outcome.error for outcome in outcomes] == ["refused", "blocked", "blocked"]
            assert (dialled, ear.connections) == ([PUBLIC], 0)

    asyncio.run(body())


def test_what_was_judged_is_what_is_connected_to(dialled: list[str]) -> None:
    names = Names([PUBLIC, "1.1.1.1"], ["127.0.0.1"])
    (outcome,) = asyncio.run(send(to_public(APP), resolver=names.public))
    assert outcome.error == "refused"
    assert set(dialled) == {PUBLIC, "1.1.1.1"}
    assert len(names.asked) == 1


def test_the_names_are_those_of_this_machine(dialled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, port: int, *_: object, **__: object) -> list[tuple[Any, ...]]:
        assert host == "app.example.com"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    async def body() -> None:
        async with Ear() as ear:
            monkeypatch.setattr(socket, "getaddrinfo", resolve)
            (outcome,) = await send(to_public(f"{APP}:{ear.port}/"), resolver=PublicResolver)
            assert outcome.error == "blocked"
            assert (dialled, ear.connections) == ([], 0)

    asyncio.run(body())


def test_no_internal_spelling_is_connected_to_even_if_nobody_judged_it_before(dialled: list[str]) -> None:
    async def body() -> None:
        async with Ear() as ear:
            hosts = [host for spellings in INTERNAL.values() for host in spellings.split()]
            here = [f"https://{host}:{ear.port}/" for host in hosts if ":" not in host or host.endswith("]")]
            urls = [*here, *(url for rule, url in REFUSED if rule in ("internal", "credentials"))]
            names = Names([PUBLIC])
            outcomes = await send(*map(to_public, urls), resolver=names.public)
            assert [url for url, outcome in zip(urls, outcomes, strict=True) if outcome.error != "blocked"] == []
            assert (names.asked, dialled, ear.connections) == ([], [], 0)

    asyncio.run(body())


def test_what_is_judged_is_where_the_bytes_go_and_not_what_the_host_header_says(dialled: list[str]) -> None:
    async def body() -> None:
        async with Ear() as ear:
            here = f"https://127.0.0.1:{ear.port}"
            way = Destination("public", here, f"{here}/", "app.example.com", "app.example.com")
            (outcome,) = await send(to_public(APP)._replace(destination=way), resolver=Names([PUBLIC]).public)
            assert (outcome.error, dialled, ear.connections) == ("blocked", [], 0)

    asyncio.run(body())


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "localhost", "sub.localhost"])
def test_the_resolver_lets_no_internal_host_pass_whatever_it_resolves_to(host: str) -> None:
    with pytest.raises(OSError, match="internal"):
        asyncio.run(PublicResolver(Names([PUBLIC])).resolve(host))


def attempted(url: str) -> AttemptResult:
    """What becomes of a callback that is let out, where every name is public and nobody there listens."""
    posting = along(CallbackRoutes({}, deliver_public=True), url)
    return asyncio.run(send(posting, resolver=Names([PUBLIC]).public))[0]


@pytest.mark.parametrize("url", CALLED, ids=lambda url: ascii(url)[1:50])
def test_every_url_that_the_verdict_accepts_is_tried(url: str, dialled: list[str]) -> None:
    assert attempted(url).error == "refused"
    assert dialled != []


def test_a_name_that_no_resolver_can_ask_for_does_not_resolve() -> None:
    posting = along(CallbackRoutes({}, deliver_public=True), f"https://{'a' * 64}.com/")
    (outcome,) = asyncio.run(send(posting, resolver=PublicResolver))
    assert outcome.error == "dns"


def test_the_record_of_a_fault_says_what_was_wrong_and_the_same_each_time(dialled: list[str]) -> None:
    (blocked,) = asyncio.run(send(to_public(APP), resolver=Names(["10.1.2.3"]).public))
    assert "app.example.com resolves to 10.1.2.3" in blocked.detail
    assert "object at 0x" not in blocked.detail
    assert attempted(APP).detail == attempted(APP).detail


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    async def body() -> None:
        async with Ear() as other:
            location = f"HTTP/1.1 {status} Moved\r\nLocation: {other.place}/hook\r\nContent-Length: 0\r\n\r\n"
            async with Ear(location.encode()) as ear:
                outcomes = await send(*[to_place(f"{APP}/hook", ear.place)] * 2)
            assert [outcome.status for outcome in outcomes] == [status, status]
            assert (len(ear.heads), other.connections) == (2, 0)

    asyncio.run(body())


@pytest.mark.parametrize("spelling", [str.upper, str.lower])
def test_proxies_and_passwords_of_the_environment_are_not_used(
    spelling: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dialled: list[str]
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\ndefault login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    async def body() -> None:
        async with Ear() as proxy, Ear() as ear:
            for name in ("http_proxy", "https_proxy", "all_proxy"):
                monkeypatch.setenv(spelling(name), proxy.place)
            (routed,) = await send(to_place(APP, ear.place))
            (public,) = await send(to_public(APP), resolver=Names([PUBLIC]).public)
            assert (routed.status, public.error) == (200, "refused")
            assert (ear.said("authorization"), proxy.connections) == ([[]], 0)
            assert dialled == ["127.0.0.1", PUBLIC]

    asyncio.run(body())
