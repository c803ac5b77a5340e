"""Faults on the wire, as a raw socket, httpx, curl and a caller in the same process meet them."""

import asyncio
import itertools
import json
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from evolink_mock import InProcessTransport, create_app
from evolink_mock.scenarios.wire_faults import COMMITTING, HTML_502, WIRE_FAULTS
from tests.support.emulator import DOCUMENTED, MODEL, Emulator, bearer, settings
from tests.support.server_process import Server

NUMBERS = itertools.count()
CASES = [(operation, fault) for operation in ("create", "query", "credits") for fault in WIRE_FAULTS]
CASES = [case for case in CASES if case[0] == "create" or case[1] not in COMMITTING]
NEVER_HAPPENS = {"reset_before", "empty", "html_502"}
LOST = {
    "reset_before": httpx.ReadError,
    "reset_midway": httpx.ReadError,
    "empty": httpx.RemoteProtocolError,
    "commit_then_drop": httpx.ReadError,
}
ASKS = {
    "create": ("POST", "/v1/videos/generations"),
    "query": ("GET", "/v1/tasks/{}"),
    "credits": ("GET", "/v1/credits"),
}


@pytest.fixture(scope="module", params=[(), ("--access-log",)], ids=["short way", "long way"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server("--clock", "manual", *request.param) as server:
        yield server
        assert server.stop() in (0, -15)
        assert "Traceback" not in server.output
        assert "ERROR" not in server.output


@pytest.fixture
def emulator(server: Server) -> Iterator[Emulator]:
    """One key's view of it, with a task to ask for."""
    with httpx.Client(base_url=server.url, timeout=20) as client:
        yield Emulator(client, f"sk-wire-{next(NUMBERS)}")


@pytest.fixture
def once(server: Server) -> Iterator[httpx.Client]:
    """For what may break its connection."""
    with httpx.Client(base_url=server.url, timeout=20) as client:
        yield client


class Asking:
    """A request with a scenario, for any client; the task that a query asks for exists before."""

    def __init__(self, emulator: Emulator, operation: str, fault: str, *, in_prompt: bool = False) -> None:
        self.emulator = emulator
        self.method, path = ASKS[operation]
        self.path = path.format(emulator.create() if operation == "query" else "")
        self.before = len(emulator.control("tasks")["tasks"])
        scenario = f"{operation}={fault}" + ("; drip_time=100ms" if fault == "drip" else "")
        self.headers = {**bearer(emulator.key), **({} if in_prompt else {"X-Mock-Scenario": scenario})}
        prompt = {"prompt": f"A cat [[mock: {scenario}]]"} if in_prompt else {}
        self.body = json.dumps({**DOCUMENTED, **prompt}).encode() if operation == "create" else b""

    def raw(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: x", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(self.body)}"] if self.body else []
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    def made(self) -> int:
        return len(self.emulator.control("tasks")["tasks"]) - self.before


def heard(connection: socket.socket, content: bytes) -> tuple[bytes, str]:
    """Everything that comes back, and whether the end is orderly."""
    connection.settimeout(20)
    connection.sendall(content)
    answer = b""
    try:
        while chunk := connection.recv(65536):
            answer += chunk
    except ConnectionResetError:
        return answer, "reset"
    return answer, "closed"


def parted(answer: bytes) -> tuple[bytes, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return first, dict(line.decode().split(": ", 1) for line in lines), body


@pytest.mark.parametrize(("operation", "fault"), CASES)
def test_a_raw_socket_gets_these_bytes_and_this_end(emulator: Emulator, operation: str, fault: str) -> None:
    asking = Asking(emulator, operation, fault)
    address = (emulator.client.base_url.host, emulator.client.base_url.port)
    content = asking.raw()
    if fault in (
        "truncated_json",
        "html_502",
        "drip",
    ):  # The connection stays open for more, so say that there is none.
        content = content.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n", 1)
    with socket.create_connection(address) as connection:
        answer, end = heard(connection, content)
    first, headers, body = parted(answer)
    length = int(headers.get("content-length", 0))
    assert end == ("reset" if LOST.get(fault) is httpx.ReadError else "closed")
    match fault:
        case "reset_before" | "commit_then_drop" | "empty":
            assert answer == b""
        case "reset_midway":
            assert first == b"HTTP/1.1 200 OK"
            assert len(body) == length // 2
        case "truncated_json":
            assert len(body) == length
            with pytest.raises(json.JSONDecodeError):
                json.loads(body)
        case "html_502":
            assert first == b"HTTP/1.1 502 Bad Gateway"
            assert (headers["content-type"], body) == ("text/html", HTML_502)
        case "drip":
            assert json.loads(body)
            assert len(body) == length
        case "garbage_after":
            assert json.loads(body[:length])
            assert len(body) > length
    assert asking.made() == (operation == "create" and fault not in NEVER_HAPPENS)


@pytest.mark.parametrize(("operation", "fault"), CASES)
def test_httpx_raises_or_answers(emulator: Emulator, once: httpx.Client, operation: str, fault: str) -> None:
    meets(once, Asking(emulator, operation, fault), fault)


def meets(client: httpx.Client, asking: Asking, fault: str) -> None:
    """`client` is not the one that asks afterwards, whose connections are as they were."""
    ask = {"method": asking.method, "url": asking.path, "headers": asking.headers, "content": asking.body}
    if fault in LOST:
        with pytest.raises(LOST[fault]):
            client.request(**ask)  # type: ignore[arg-type]
    else:
        answer = client.request(**ask)  # type: ignore[arg-type]
        assert answer.status_code == (502 if fault == "html_502" else 200)
        if fault in ("drip", "garbage_after"):
            assert answer.json()
        else:
            with pytest.raises(json.JSONDecodeError):
                answer.json()
    assert asking.made() == (asking.method == "POST" and fault not in NEVER_HAPPENS)


CURL = {"reset_before": 56, "commit_then_drop": 56, "reset_midway": 56, "empty": 52}
"""Exit codes: a failure while receiving, an empty reply."""


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("fault", WIRE_FAULTS)
def test_curl_says_what_it_met(emulator: Emulator, fault: str) -> None:
    asking = Asking(emulator, "create", fault)
    headers = [f"-H{name}: {value}" for name, value in (asking.headers | {"Content-Type": "application/json"}).items()]
    command = ["curl", "-s", "-m", "20", *headers, "--data-binary", "@-", f"{emulator.client.base_url}{asking.path}"]
    ran = subprocess.run(command, input=asking.body, capture_output=True, check=False)
    assert ran.returncode == CURL.get(fault, 0)
    if fault == "html_502":
        assert ran.stdout == HTML_502
    elif fault in ("drip", "garbage_after"):
        assert json.loads(ran.stdout)["model"] == MODEL


@pytest.mark.parametrize("fault", WIRE_FAULTS)
def test_a_directive_in_the_prompt_does_the_same(emulator: Emulator, once: httpx.Client, fault: str) -> None:
    meets(once, Asking(emulator, "create", fault, in_prompt=True), fault)


@pytest.mark.parametrize("fault", WIRE_FAULTS)
def test_a_fault_that_is_asked_for_in_pieces_and_behind_another_request_is_met(emulator: Emulator, fault: str) -> None:
    asking = Asking(emulator, "create", fault)
    plain = Asking(emulator, "credits", "html_502")
    plain.headers = bearer(emulator.key)
    content = plain.raw() + asking.raw().replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n", 1)
    address = (emulator.client.base_url.host, emulator.client.base_url.port)
    with socket.create_connection(address) as connection:
        connection.sendall(content[:-20])
        emulator.control("clock")  # Answered after what came before it has been read.
        answer, _ = heard(connection, content[-20:])
    first, headers, body = parted(answer)
    assert first == b"HTTP/1.1 200 OK"
    assert json.loads(body[: int(headers["content-length"])])["success"]
    assert asking.made() == (fault not in NEVER_HAPPENS)
    assert emulator.create()


@pytest.mark.parametrize(("operation", "fault"), CASES)
def test_the_journal_says_what_was_done_to_the_answer(
    emulator: Emulator, once: httpx.Client, operation: str, fault: str
) -> None:
    meets(once, Asking(emulator, operation, fault), fault)
    row = emulator.control("journal")["rows"][-1]
    assert (row["route"], row["answer"]["fault"], row["scenario_source"]) == (operation, fault, "header")
    status = {"html_502": 502, "reset_before": None, "empty": None}.get(fault, 200)
    assert row["answer"]["status"] == status


@pytest.mark.parametrize(("operation", "fault"), CASES)
def test_in_process_httpx_raises_the_same(operation: str, fault: str) -> None:
    with httpx.Client(transport=InProcessTransport(create_app(settings())), base_url="http://emulator.test") as client:
        meets(client, Asking(Emulator(client), operation, fault), fault)


@pytest.mark.parametrize("fault", LOST)
def test_an_asynchronous_mount_raises_the_same(fault: str) -> None:
    async def body() -> None:
        transport = httpx.ASGITransport(create_app(settings()))
        async with httpx.AsyncClient(transport=transport, base_url="http://emulator.test") as client:
            headers = bearer() | {"X-Mock-Scenario": f"create={fault}"}
            with pytest.raises(LOST[fault]):
                await client.post("/v1/videos/generations", json=DOCUMENTED, headers=headers)

    asyncio.run(body())


@pytest.fixture(scope="module")
def secure() -> Iterator[tuple[Server, ssl.SSLContext]]:
    with Server("--tls", "--clock", "manual") as server:
        yield server, ssl.create_default_context(cafile=str(server.home / "evolink-mock" / "evolink-mock-ca.pem"))


@pytest.mark.parametrize("fault", LOST)
def test_over_tls_a_loss_is_a_loss(secure: tuple[Server, ssl.SSLContext], fault: str) -> None:
    server, context = secure
    with closing(httpx.Client(base_url=server.url, verify=context, timeout=20)) as client:
        asking = Asking(Emulator(client, f"sk-tls-{next(NUMBERS)}"), "create", fault)
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            client.request("POST", asking.path, headers=asking.headers, content=asking.body)
        assert asking.made() == (fault not in NEVER_HAPPENS)
