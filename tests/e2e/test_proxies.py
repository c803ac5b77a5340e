"""Proxies of the environment: none is used for this machine, and one that cannot be used is a sentence."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from evolink_client import AsyncEvolinkClient, EvolinkClient, EvolinkError, NotConfigured
from evolink_client.cli import main as client
from evolink_contracts.cli.main import main as kit
from evolink_contracts.reference.errors import ServiceUnusable
from evolink_contracts.target.transports import HttpTransport
from evolink_mock.cli import main as mock
from tests.support.commands import ran
from tests.support.emulator import DOCUMENTED, KEY, bearer
from tests.support.server_process import Server

NAMES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
REFUSED = ("socks://user:secret@127.0.0.1:9/", "ftp://127.0.0.1:9", "http://[::1", "http://user:sec/ret@127.0.0.1:9")
USELESS = ("http://127.0.0.1:9", "127.0.0.1:9", "socks5://127.0.0.1:9", *REFUSED)
NO_PROXIES = ("fd00::/8", "[::1]", "::1/128")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--clock", "auto") as server:
        yield server


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def environments() -> list[dict[str, str]]:
    return [
        *(dict.fromkeys(NAMES, proxy) for proxy in USELESS),
        *({name: "socks5://127.0.0.1:9"} for name in NAMES),
        *({"http_proxy": "http://127.0.0.1:9", "NO_PROXY": exception} for exception in NO_PROXIES),
        {"ALL_PROXY": "socks5://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost"},
    ]


@pytest.mark.parametrize("environ", environments(), ids=str)
def test_nothing_asks_a_proxy_for_this_machine(
    server: Server, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with EvolinkClient(KEY, server.url) as blocking:
        blocking.credits()

    async def ask() -> None:
        async with AsyncEvolinkClient(KEY, server.url) as waiting:
            await waiting.credits()

    asyncio.run(ask())
    transport = HttpTransport(server.url)
    assert transport.send("GET", "/__mock/ready", {}, None).status == 200
    transport.close()
    done = ran(mock, "health", "--url", server.url)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "socks://127.0.0.1:9"])
def test_each_command_reaches_this_machine_past_any_proxy(server: Server, proxy: str) -> None:
    with httpx.Client(trust_env=False) as direct:
        answer = direct.post(f"{server.url}/v1/videos/generations", json=DOCUMENTED, headers=bearer())
    environ = dict.fromkeys(NAMES, proxy) | {"EVOLINK_API_KEY": KEY}
    explained = ran(mock, "explain", answer.json()["id"], "--url", server.url, **environ)
    assert explained.returncode == 0, explained
    asked = ran(client, "--base-url", server.url, "credits", **environ)
    assert asked.returncode == 0, asked
    checked = ran(kit, "run", "--base-url", server.url, "--only", "VC-001", **environ)
    assert checked.returncode in (0, 3), checked
    assert "got no answer" not in checked.stderr
    sent = ran(kit, "receiver", "--target", f"{server.url}/nothing", **environ)
    assert (sent.returncode, "404" in sent.stdout) == (1, True), sent


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", *REFUSED])
def test_a_proxy_that_cannot_be_used_for_another_machine_is_one_line(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, environ = "http://emulator.test:1", {"ALL_PROXY": proxy, "EVOLINK_API_KEY": KEY}
    for done, code in (
        (ran(mock, "explain", "task-x", "--url", url, **environ), 1),
        (ran(client, "--base-url", url, "credits", **environ), 2),
        (ran(kit, "run", "--base-url", url, **environ), 3),
        (ran(kit, "receiver", "--target", url, **environ), 3),
    ):
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), done
        assert "ALL_PROXY" in done.stderr
        assert "sec" not in done.stderr
    monkeypatch.setenv("ALL_PROXY", proxy)
    for kind in (EvolinkClient, AsyncEvolinkClient):
        with pytest.raises(EvolinkError, match="ALL_PROXY"):
            kind(KEY, url)
    with pytest.raises(ServiceUnusable, match="ALL_PROXY"):
        HttpTransport(url)


def test_a_client_is_told_of_options_that_httpx_refuses(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotConfigured, match="a proxy"):
        EvolinkClient(KEY, server.url, http={"proxy": "socks://127.0.0.1:9"})
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    for url in (server.url, "https://api.evolink.ai"):
        with pytest.raises(NotConfigured, match="SSL_CERT_FILE"):
            EvolinkClient(KEY, url)
    done = ran(client, "credits", EVOLINK_API_KEY=KEY, SSL_CERT_FILE="/nowhere/ca.pem")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done


def test_a_proxy_that_is_asked_for_is_used_for_this_machine_too(server: Server) -> None:
    with (
        EvolinkClient(KEY, server.url, http={"proxy": "http://127.0.0.1:9"}) as through,
        pytest.raises(EvolinkError, match="refused"),
    ):
        through.tasks.get("task-x")


def test_the_health_check_says_whether_an_emulator_is_ready(server: Server) -> None:
    port = server.url.rpartition(":")[2]
    for host in ("0.0.0.0", "127.0.0.1"):  # Where an emulator in a container listens.
        done = ran(mock, "health", EVOLINK_MOCK_HOST=host, EVOLINK_MOCK_PORT=port)
        assert (done.returncode, done.stdout) == (0, f"http://127.0.0.1:{port} is ready\n")
    down = ran(mock, "health", "--url", "http://127.0.0.1:1")
    assert (down.returncode, down.stderr.count("\n")) == (1, 1)
