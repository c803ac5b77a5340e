"""What arrives at a receiver over a real socket, how often, and whom the emulator believes to be one."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import trustme

from tests.support.emulator import Emulator
from tests.support.receivers import (
    HOST,
    Answer,
    Receiver,
    certified,
    huge,
    issued,
    truncated_body,
    truncated_chunks,
    truncated_head,
    whole,
)
from tests.support.server_process import Server

ENDS = 1757169743 + 10
MANUAL = ("--clock", "manual", "--generation-time", "10s")


class Home(NamedTuple):
    """An emulator that forwards every callback to one receiver, which answers 200."""

    emulator: Emulator
    receiver: Receiver

    def of_own(self, key: str) -> Emulator:
        return self.emulator.as_key(key)

    def arrived(self, task: str) -> list[bytes]:
        """The bodies that the receiver got for a task."""
        return [each.body for each in self.receiver.received if task.encode() in each.body]


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with (
        Receiver(200) as receiver,
        Server(*MANUAL, "--forward-to", receiver.place) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        yield Home(Emulator(client), receiver)


ENDINGS = {
    "completed": (None, None),
    "failed": ("fail=service_error", None),
    "cancelled": (None, "cancel"),
    "forced": (None, "outcome"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_is_called_back_once_with_the_body_of_a_query(home: Home, ending: str) -> None:
    scenario, act = ENDINGS[ending]
    emulator = home.of_own(f"sk-{ending}")
    task = emulator.create(scenario, callback_url=f"https://{HOST}/{ending}")
    silent = emulator.create(scenario)
    emulator.advance("5s")
    assert not home.arrived(task)
    if act is not None:
        emulator.control(f"tasks/{task}/{act}", {"status": "failed"} if act == "outcome" else {})
    emulator.advance("1h")
    queried = emulator.query(task)
    assert queried.json()["status"] == ("completed" if ending == "completed" else "failed")
    assert home.arrived(task) == [queried.content]
    (delivery,) = emulator.control(f"deliveries?task={task}")["deliveries"]
    assert (delivery["status"], delivery["queued"]) == ("delivered", ENDS if act is None else ENDS - 5)
    assert not home.arrived(silent)


def test_it_is_a_post_of_json_for_the_original_host_and_says_no_more(home: Home) -> None:
    emulator = home.of_own("sk-headers")
    tasks = [emulator.create(callback_url=f"https://App.Example.com{port}/headers") for port in ("", ":443", ":8443")]
    emulator.advance("10s")
    arrived = {json_id(each.body): each for each in home.receiver.received if each.target == "/headers"}
    assert [arrived[task].headers["host"] for task in tasks] == [HOST, HOST, f"{HOST}:8443"]
    for each in arrived.values():
        assert each.method == "POST"
        assert each.headers["content-type"] == "application/json"
        assert each.headers["content-length"] == str(len(each.body))
        assert set(each.headers) <= {"host", "accept", "user-agent", "content-type", "content-length", "connection"}


def json_id(body: bytes) -> str:
    return str(httpx.Response(200, content=body).json()["id"])


@pytest.mark.parametrize(
    "target",
    [
        "/hook/s%2Fecret/%C3%A9t%C3%A9?token=a%2Bb%3D%3D&next=%2Fhome",
        "/lower%2fcase?and=%e2%82%ac",
        "/plus+and%20space?q=a+b%20c",
        "//two//slashes/./and/../dots/",
        "/half?escape=%zz&percent=%",
        "/empty?values=&=&&",
        "/no-query?",
        "/?",
        "/marks;v=1,2:3@4!$'()*~?a[]=1&b={x}|y^z`&c=\"<>",
        "/question?marks?in?the?query",
        "/" + "x" * 2000,
    ],
)
def test_a_secret_in_path_and_query_survives_byte_for_byte(home: Home, target: str) -> None:
    emulator = home.of_own("sk-targets")
    task = emulator.create(callback_url=f"https://{HOST}{target}")
    emulator.advance("10s")
    assert [each.target for each in home.receiver.received if task.encode() in each.body] == [target]


@pytest.mark.parametrize(
    ("written", "sent"),
    [("", "/"), ("?a=b", "/?a=b"), ("/hook#part", "/hook"), ("/caf\u00e9?\u20ac", "/caf%C3%A9?%E2%82%AC")],
)
def test_what_no_request_line_can_say_is_put_as_every_client_puts_it(home: Home, written: str, sent: str) -> None:
    emulator = home.of_own("sk-targets")
    task = emulator.create(callback_url=f"https://{HOST}{written}")
    emulator.advance("10s")
    assert [each.target for each in home.receiver.received if task.encode() in each.body] == [sent]


SUCCESSES: tuple[Answer, ...] = (
    *(200, 201, 202, 204, 226, 299),
    huge(200),
    whole(200, b"\xff\xfe\x00"),
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + whole(200),
    b"HTTP/1.1 200 OK\r\n\r\nas long as the connection",
    b"HTTP/1.0 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
    # Whatever follows the status line.
    b'HTTP/1.1 204 No Content\r\nContent-Length: 15\r\n\r\n{"status":"ok"}',
    b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    whole(200, b"ok", f"Content-Security-Policy: {'x' * 8_200}"),
    whole(200, b"ok", *["X: y"] * 1_000),
    truncated_body(200),
    truncated_chunks(200),
    truncated_head(200),
    "drip_body",
)


def test_any_2xx_is_success_whatever_comes_with_it() -> None:
    with ExitStack() as stack:
        receivers = [stack.enter_context(Receiver(answer, 500)) for answer in SUCCESSES]
        routes = (f"--callback-route={each.route}" for each in receivers)
        server = stack.enter_context(Server(*MANUAL, *routes))
        emulator = Emulator(stack.enter_context(httpx.Client(base_url=server.url, timeout=60)))
        for each in receivers:
            emulator.create(callback_url=f"{each.origin}/hook")
        emulator.advance("1h")
        delivered = emulator.control("deliveries?status=delivered")["deliveries"]
        assert len(delivered) == len(SUCCESSES)
        assert "x" * 512 in {each["attempts"][0]["response"] for each in delivered}
        assert [len(each.received) for each in receivers] == [1] * len(SUCCESSES)


def test_after_four_failures_it_is_over_for_ever() -> None:
    with (
        Receiver(500, 404, 302, 503, 200) as receiver,
        Server(*MANUAL, "--forward-to", receiver.place) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        emulator = Emulator(client)
        task = emulator.create(callback_url=f"https://{HOST}/hook")
        emulator.advance("1d")
        (delivery,) = emulator.control("deliveries")["deliveries"]
        assert delivery["status"] == "exhausted"
        assert [(a["status"], a["started"] - ENDS, a["next_due"]) for a in delivery["attempts"]] == [
            (500, 0, ENDS + 1),
            (404, 1, ENDS + 3),
            (302, 3, ENDS + 7),
            (503, 7, None),
        ]
        assert [each.body for each in receiver.received] == [emulator.query(task).content] * 4


def test_a_name_that_does_not_resolve_is_tried_as_often_as_anything_else() -> None:
    with (
        Server(*MANUAL, "--forward-to", "http://nowhere.invalid") as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        emulator = Emulator(client)
        emulator.create(callback_url=f"https://{HOST}/hook")
        emulator.advance("1h")
        (delivery,) = emulator.control("deliveries?status=dead")["deliveries"]
    assert [(a["error"], a["finished"] - ENDS) for a in delivery["attempts"]] == [("dns", t) for t in (0, 1, 3, 7)]


def test_a_route_goes_before_what_takes_the_rest_and_keeps_ports_apart() -> None:
    with (
        Receiver(200) as routed,
        Receiver(200) as rest,
        Server(*MANUAL, f"--callback-route={routed.route}", "--forward-to", rest.place) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        emulator = Emulator(client)
        for origin in (routed.origin, rest.origin, f"https://{HOST}", f"https://other.example.com:{routed.port}"):
            emulator.create(callback_url=f"{origin}/hook")
        emulator.advance("10s")
        assert [len(each.received) for each in (routed, rest)] == [1, 3]


def errors(emulator: Emulator, receiver: Receiver) -> list[str | None]:
    """How each attempt of a new task failed; `None` is an answer."""
    task = emulator.create(callback_url=f"{receiver.origin}/hook")
    emulator.advance("1m")
    (delivery,) = emulator.control(f"deliveries?task={task}")["deliveries"]
    return [attempt["error"] for attempt in delivery["attempts"]]


def test_what_the_cert_command_makes_is_believed_even_when_the_emulator_runs_already(tmp_path: Path) -> None:
    shown = {"good": certified(trustme.CA())}
    with (
        Receiver(200, tls=shown) as receiver,
        Server(
            *MANUAL, f"--callback-route={receiver.route}", environ={"EVOLINK_MOCK_AUTHORITY": str(tmp_path)}
        ) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        emulator = Emulator(client)
        assert errors(emulator, receiver) == ["tls"] * 4
        assert not receiver.received
        shown["good"] = issued(tmp_path, tmp_path / "out")
        assert errors(emulator, receiver) == [None]
        assert receiver.received[0].headers["host"] == f"{HOST}:{receiver.port}"


def test_the_users_own_authority_is_believed_for_the_original_host_alone(tmp_path: Path) -> None:
    own = trustme.CA()
    own.cert_pem.write_to_path(str(tmp_path / "own.pem"))
    with (
        Receiver(200, tls={"good": certified(own)}) as right,
        Receiver(200, tls={"good": certified(own, "127.0.0.1")}) as named_as_the_route,
        Server(
            *(*MANUAL, "--callback-ca", str(tmp_path / "own.pem")),
            *(f"--callback-route={each.route}" for each in (right, named_as_the_route)),
        ) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        emulator = Emulator(client)
        assert errors(emulator, right) == [None]
        assert errors(emulator, named_as_the_route) == ["tls"] * 4
        assert not named_as_the_route.received
