"""A page whose name is rebound to loopback reads nothing; tokens that are set are asked for."""

from collections.abc import Iterator

import httpx
import pytest

from evolink_mock import Settings
from evolink_mock.server.own_hosts import OwnHosts
from tests.support.emulator import DOCUMENTED, Emulator, bearer
from tests.support.raw_connection import RawConnection
from tests.support.server_process import Server

CALLS = ("journal", "tasks", "deliveries", "worlds", "inbox", "scenarios", "clock")
FOREIGN = ("rebind.example", "rebind.example:8080", "127.example.com", "localhost.example", "127.0.0.1.nip.io", "x")


@pytest.fixture(scope="module", params=[(), ("--access-log",)], ids=["fast-path", "uvicorn"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server("--log-level", "error", *request.param) as server:
        yield server


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("call", CALLS)
def test_a_control_call_of_a_foreign_host_is_refused(server: Server, call: str, host: str) -> None:
    answer = httpx.get(f"{server.url}/__mock/{call}?all=true", headers={"host": host})
    assert answer.status_code == 403
    assert "--public-url" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/__mock",
        "/__mock/ui",
        "http://localhost/__mock/journal",
        "/%5f_mock/journal",
        "//__mock/journal",
        "/v1/../__mock/journal",
    ],
)
def test_no_spelling_of_the_path_helps(server: Server, path: str) -> None:
    with RawConnection(server.address) as connection:
        connection.send(f"GET {path} HTTP/1.1\r\nHost: rebind.example\r\n\r\n".encode())
        assert connection.response().split(b" ", 2)[1] in (b"403", b"404")


def test_a_create_of_a_page_of_a_foreign_host_is_refused_and_one_of_a_program_is_not(server: Server) -> None:
    url, host = f"{server.url}/v1/videos/generations", {"host": "rebind.example", **bearer("sk-host")}
    page = host | {"origin": "http://rebind.example"}
    assert httpx.post(url, json=DOCUMENTED, headers=page).status_code == 403
    assert httpx.post(url, json=DOCUMENTED, headers=host).status_code == 200
    assert httpx.post(url, json=DOCUMENTED, headers=page | {"host": "localhost:1"}).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "localhost.", "app.localhost", "127.1.2.3", "[::1]:80"])
def test_names_of_loopback_and_addresses_are_taken(server: Server, host: str) -> None:
    assert httpx.get(f"{server.url}/__mock/clock", headers={"host": host, **bearer("sk-host")}).status_code == 200


def test_probes_are_open(server: Server) -> None:
    for name in ("health", "ready"):
        assert httpx.get(f"{server.url}/__mock/{name}", headers={"host": "evolink"}).status_code == 200


def test_the_host_of_the_public_url_is_taken() -> None:
    with Server("--public-url", "http://evolink.example:8080/") as server:
        headers, (address, port) = bearer("sk-host"), server.address
        for host, status in (("evolink.example", 200), ("evolink.example:8080", 200), ("other.example", 403)):
            answer = httpx.get(f"http://{address}:{port}/__mock/clock", headers=headers | {"host": host})
            assert answer.status_code == status, host


def test_a_token_that_is_set_is_asked_for_on_loopback() -> None:
    with Server(environ={"EVOLINK_MOCK_CONTROL_TOKEN": "secret"}) as server:
        url = f"{server.url}/__mock/tasks?all=true"
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={"x-mock-token": "other"}).status_code == 401
        assert httpx.get(url, headers={"x-mock-token": "secret"}).status_code == 200
        assert "control token, for the header X-Mock-Token: secret" in server.output


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *(("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)),
        *(("127.example.com", False), ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("127.", False)),
    ],
)
def test_loopback_is_an_address_and_no_prefix(host: str, loopback: bool) -> None:
    assert Settings(host=host).loopback is loopback


def test_any_host_is_no_exception() -> None:
    own = OwnHosts(lambda: "")
    for host in (b"[", b"[::1", b"\xff", b"a:b", b"[1::2::3]", b""):
        assert own.is_own(host) in (True, False)
    assert not own.is_own(b"evolink.example")


@pytest.mark.parametrize(
    ("public_url", "host"),
    [
        ("http://пример.рф:8080/base", "xn--e1afmkfd.xn--p1ai:8080"),
        ("https://BÜCHER.example", "xn--bcher-kva.example"),
        ("https://Public.Example.", "public.example"),
        ("https://public.example", "public.example."),
    ],
)
def test_the_host_of_the_public_url_is_taken_as_clients_send_it(public_url: str, host: str) -> None:
    hosts = OwnHosts(lambda: public_url)
    assert hosts.is_own(host.encode())
    assert not hosts.is_own(b"other.example")
    with Emulator.in_process(public_url=public_url) as emulator:
        page = {"host": host.removesuffix("."), "origin": f"http://{host.removesuffix('.')}"}
        assert emulator.request("GET", "/__mock/clock", headers=page).status_code == 200
        assert emulator.request("GET", "/__mock/clock", headers={"origin": "http://other.example"}).status_code == 403
