"""How the clients connect: one for many threads, within its pool, through proxies, leaving nothing open."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from evolink_client import (
    AsyncEvolinkClient,
    AsyncVideo,
    AuthenticationFailed,
    ConnectionFailed,
    DownloadFailed,
    EvolinkClient,
    LinkExpired,
    NotFound,
    RequestTimedOut,
    Retries,
    Task,
    UnexpectedAnswer,
    Video,
    parse_callback,
)
from tests.support.client_drivers import SHELLS, driven, idle, sockets
from tests.support.emulator import KEY, Emulator
from tests.support.receivers import Receiver, redirect, whole
from tests.support.server_process import Server

IMAGE = "https://example.com/cat.png"
CREDITS = json.dumps(
    {
        "data": {
            "token": {"remaining_credits": 1.5, "unlimited_credits": False, "used_credits": 2},
            "user": {"remaining_credits": 3, "used_credits": 4},
        },
        "message": "",
        "success": True,
    }
).encode()
ONCE = Retries(attempts=1, timeout=0.2)


def test_many_threads_share_a_client_and_its_few_connections() -> None:
    with Server("--clock", "auto") as server, httpx.Client(base_url=server.url) as control:
        limits = httpx.Limits(max_connections=3, max_keepalive_connections=2)
        with EvolinkClient(KEY, server.url, http={"limits": limits}, sleep=lambda _: None) as client:
            transport: Any = client._http._transport

            def make(number: int) -> tuple[str, Task]:
                task = client.videos.create(f"Cat {number}", IMAGE)
                assert len(transport._pool.connections) <= 3
                return task.id, client.tasks.wait(task.id).task

            with ThreadPoolExecutor(12) as pool:
                made = list(pool.map(make, range(60)))
            idle(client)
            assert len(transport._pool.connections) <= 2
        emulator = Emulator(control)
        for number, (created, ended) in enumerate(made):
            assert (created, ended.status) == (ended.id, "completed")
            assert emulator.control(f"tasks/{created}")["request"]["prompt"] == f"Cat {number}"
        assert len({created for created, _ in made}) == 60


@pytest.mark.parametrize("shell", SHELLS)
def test_many_tasks_share_an_awaited_client(shell: str) -> None:
    async def make(client: Any) -> list[str]:
        made: list[str] = []

        async def one(number: int) -> None:
            task = await client.videos.create(f"Cat {number}", IMAGE)
            made.append((await client.tasks.wait(task.id)).task.id)

        async with anyio.create_task_group() as group:
            for number in range(30):
                group.start_soon(one, number)
        return made

    def make_in_turn(client: Any) -> list[str]:
        return [client.tasks.wait(client.videos.create("Cat", IMAGE).id).task.id for _ in range(30)]

    with Server("--clock", "auto") as server, driven(shell, KEY, server.url) as do:
        assert len(set(do(make_in_turn if shell == "blocking" else make))) == 30


@pytest.mark.parametrize("shell", SHELLS)
def test_a_proxy_carries_every_request(shell: str) -> None:
    with (
        Receiver(whole(200, CREDITS)) as proxy,
        driven(shell, KEY, "http://a.test", http={"proxy": proxy.place}) as do,
    ):
        assert do(lambda client: client.credits()).user.used_credits == 4
        (received,) = proxy.received
        assert received.target == "http://a.test/v1/credits"
        assert received.headers["authorization"] == f"Bearer {KEY}"


FAULTY: list[tuple[bytes | str, type[Exception]]] = [
    (b"", ConnectionFailed),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", ConnectionFailed),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", ConnectionFailed),
    (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", ConnectionFailed),
    (b"220 mail.example.com ESMTP ready\r\n", ConnectionFailed),
    (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", ConnectionFailed),
    ("reset", ConnectionFailed),
    ("reset_at_once", ConnectionFailed),
    ("timeout", RequestTimedOut),
    ("drip_body", RequestTimedOut),
    (whole(200, b"x" * 10_000_000), UnexpectedAnswer),
    (whole(200, b"<html>Please log in</html>", "Content-Type: text/html"), UnexpectedAnswer),
    (whole(200, b"\xff\xfe"), UnexpectedAnswer),
    (whole(200), UnexpectedAnswer),
    (whole(204), UnexpectedAnswer),
    (redirect(302, "https://elsewhere.example/"), UnexpectedAnswer),
]


# Under trio httpx drops generators of its own where a body is not read to its end (encode/httpcore#1019); the
# connection is closed all the same, which is what this asserts.
@pytest.mark.filterwarnings("ignore:Async generator 'http(core|x):ResourceWarning")
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("answer", "error"), FAULTY, ids=lambda value: repr(value)[:40])
def test_whatever_a_socket_says_is_named_and_the_socket_is_closed(
    shell: str, answer: Any, error: type[Exception]
) -> None:
    with Receiver(answer) as receiver, driven(shell, KEY, receiver.place, retries=ONCE) as do:
        with pytest.raises(error) as raised:
            do(lambda client: client.credits())
        assert type(raised.value) is error
        assert KEY not in f"{raised.value!r} {raised.value}"
        assert len(str(raised.value)) < 2600


def video_at(link: str) -> Task:
    return parse_callback(json.dumps({"id": "t", "status": "completed", "results": [link] if link else []}))


DOWNLOADS: list[tuple[Any, type[DownloadFailed], str]] = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", DownloadFailed, "peer closed connection"),
    ("reset", DownloadFailed, "did not come"),
    ("drip_body", DownloadFailed, "did not come"),
    (whole(200), DownloadFailed, "it is empty"),
    (whole(500), DownloadFailed, "status 500"),
    (whole(404), LinkExpired, "links work for 24 hours"),
]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("answer", "error", "says"), DOWNLOADS)
def test_a_download_that_breaks_off_leaves_the_old_file(
    shell: str, answer: Any, error: type[DownloadFailed], says: str, tmp_path: Path
) -> None:
    (tmp_path / "cat.mp4").write_bytes(b"old")
    with Receiver(answer) as receiver, driven(shell, KEY, receiver.place, retries=ONCE) as do:
        task = video_at(f"{receiver.place}/v.mp4")
        with pytest.raises(error, match=says):
            do(lambda client: made(client, task).download(tmp_path / "cat.mp4"))
        assert "authorization" not in receiver.received[0].headers
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def made(client: Any, task: Task) -> Any:
    return Video(client, task) if isinstance(client, EvolinkClient) else AsyncVideo(client, task)


@pytest.mark.parametrize("link", ["", "cat.mp4", "ftp://x.example/v.mp4", "http://[", "https://x.example:99999/"])
@pytest.mark.parametrize("shell", SHELLS)
def test_a_link_that_is_none_is_named(shell: str, link: str, tmp_path: Path) -> None:
    with driven(shell, KEY, "http://x.test") as do, pytest.raises(DownloadFailed):
        do(lambda client: made(client, video_at(link)).download(tmp_path / "cat.mp4"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_who_gives_up_in_the_midst_of_a_call_leaves_nothing_open(backend: str) -> None:
    async def scene(place: str) -> None:
        async with AsyncEvolinkClient(KEY, place) as client:
            with anyio.move_on_after(0.05) as scope:
                await client.tasks.get("task-unified-1-aaaaaaaa")
            assert scope.cancelled_caught
            idle(client)

    with Receiver("timeout") as receiver:
        before = sockets()
        anyio.run(scene, receiver.place, backend=backend)
        assert sockets() <= before


@pytest.mark.parametrize("shell", SHELLS)
def test_an_error_names_the_address_and_the_likely_cause(shell: str) -> None:
    with Server("--clock", "auto") as server, driven(shell, KEY, f"{server.url}/v1") as do:
        with pytest.raises(NotFound, match=f"the base URL {server.url}/v1 ends in /v1.*: write {server.url}$"):
            do(lambda client: client.credits())
        with pytest.raises(NotFound, match="ends in /v1, which the client adds itself"):
            do(lambda client: client.videos.create("A cat", IMAGE))
    with driven(shell, KEY, "http://127.0.0.1:9", retries=ONCE) as do:
        with pytest.raises(ConnectionFailed, match=r"GET http://127.0.0.1:9/v1/credits got no answer: .*") as raised:
            do(lambda client: client.credits())
        assert not raised.value.sent
    with (
        Receiver(whole(401, b"{}")) as receiver,
        driven(shell, KEY, receiver.place, retries=ONCE) as do,
        pytest.raises(AuthenticationFailed, match=f"is the API key right for {receiver.place}"),
    ):
        do(lambda client: client.credits())
    with Receiver("reset") as receiver, driven(shell, KEY, receiver.place, retries=ONCE) as do:
        with pytest.raises(ConnectionFailed) as raised:
            do(lambda client: client.credits())
        assert raised.value.sent


@pytest.mark.parametrize("shell", SHELLS)
def test_an_id_that_no_url_can_carry_is_an_error_of_the_client(shell: str) -> None:
    with driven(shell, KEY, "http://127.0.0.1:9", retries=ONCE) as do:
        with pytest.raises(ConnectionFailed, match="URL too long") as raised:
            do(lambda client: client.tasks.get("x" * 70_000))
        assert not raised.value.sent
        assert len(str(raised.value)) < 400
