"""A wait that a callback can end: whichever comes first wins, and nothing ends twice."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import httpx
import pytest

from evolink_client import (
    AsyncEvolinkClient,
    AsyncHttpOptions,
    CallbackInbox,
    CallbackRouter,
    EvolinkClient,
    Polling,
    Task,
    TaskFailed,
    WaitTimedOut,
    parse_callback,
)
from evolink_client._clock import Clock
from evolink_mock import InProcessTransport, create_app
from evolink_mock.mocked import Mocked
from tests.support.client_drivers import listening, place_of, served
from tests.support.emulator import KEY, Emulator, settings
from tests.support.receivers import HOST
from tests.support.server_process import PATIENCE, Server

IMAGE = "https://example.com/cat.png"
PENDING = {"id": "task-unified-1-aaaaaaaa", "status": "pending"}
SELDOM = Polling(first=0.001, growth=1e9, longest=3600)
"""Looks at once, and then not for an hour."""


def ended(status: str = "completed", number: int = 1, link: str = "https://x.example/v.mp4") -> Task:
    return parse_callback(json.dumps({"id": f"task-unified-{number}-aaaaaaaa", "status": status, "results": [link]}))


def always_pending(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=PENDING)


def unreachable(_: httpx.Request) -> httpx.Response:
    raise AssertionError("nothing should have been asked")


def waited(inbox: CallbackInbox, answer: Callable[[httpx.Request], httpx.Response] = always_pending) -> Any:
    """A wait on a real clock in a thread of its own, and an event that is set once it has looked for the first time."""
    looked = threading.Event()
    states: list[str] = []

    def seen(task: Task) -> None:
        states.append(task.status)
        looked.set()

    def wait() -> tuple[Task, list[str]]:
        transport = httpx.MockTransport(answer)
        with EvolinkClient("sk", "http://x.test", polling=SELDOM, http={"transport": transport}) as client:
            return client.tasks.wait(PENDING["id"], seen=seen, callbacks=inbox).task, states

    pool = ThreadPoolExecutor(1)
    future = pool.submit(wait)
    pool.shutdown(wait=False)
    return future, looked


def test_a_callback_wakes_a_wait_that_blocks() -> None:
    inbox = CallbackInbox()
    (first, one), (second, two) = waited(inbox), waited(inbox)
    assert one.wait(PATIENCE)
    assert two.wait(PATIENCE)
    inbox.put(ended(number=2))
    inbox.put(parse_callback(json.dumps(PENDING)))
    inbox.put(ended())
    inbox.put(ended("failed"))
    for future in (first, second):
        assert future.result(PATIENCE) == (ended(), ["pending", "completed"])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("thread", [False, True])
def test_a_callback_wakes_a_wait_that_is_awaited(backend: str, thread: bool) -> None:
    inbox = CallbackInbox()
    found: list[Task] = []

    async def scene() -> None:
        looked = anyio.Event()

        async def wait() -> None:
            http: AsyncHttpOptions = {"transport": httpx.MockTransport(always_pending)}
            async with AsyncEvolinkClient("sk", "http://x.test", polling=SELDOM, http=http) as client:
                video = await client.tasks.wait(PENDING["id"], seen=lambda task: looked.set(), callbacks=inbox)
                found.append(video.task)

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as group:
                group.start_soon(wait)
                await looked.wait()
                if thread:
                    await anyio.to_thread.run_sync(inbox.put, ended())
                else:
                    inbox.put(ended())

    anyio.run(scene, backend=backend)
    assert found == [ended()]


def test_a_callback_that_came_early_is_enough() -> None:
    inbox = CallbackInbox()
    inbox.put(ended())
    future, _ = waited(inbox, unreachable)
    assert future.result(PATIENCE) == (ended(), ["completed"])


def test_a_callback_that_tells_of_a_failure_raises_it() -> None:
    inbox = CallbackInbox()
    inbox.put(ended("failed"))
    future, _ = waited(inbox, unreachable)
    with pytest.raises(TaskFailed):
        future.result(PATIENCE)


def test_only_the_newest_ends_are_kept_and_who_waits_misses_none() -> None:
    inbox = CallbackInbox(most=2)
    future, looked = waited(inbox)
    assert looked.wait(PATIENCE)
    for number in range(1, 9):
        inbox.put(ended(number=number))
    assert future.result(PATIENCE)[0] == ended()
    with inbox.listening(ended().id, lambda: None) as listener:
        assert listener.heard() is None
    with inbox.listening(ended(number=8).id, lambda: None) as listener:
        assert listener.heard() == ended(number=8)
    assert not inbox._listeners


def test_a_wait_that_hears_nothing_ends_in_time_and_leaves_nothing() -> None:
    inbox = CallbackInbox()
    http: Any = {"transport": httpx.MockTransport(always_pending)}
    with EvolinkClient("sk", "http://x.test", http=http) as client, pytest.raises(WaitTimedOut):
        client.tasks.wait(PENDING["id"], timeout=0.01, callbacks=inbox)
    assert not inbox._listeners


def test_on_a_manual_clock_the_callback_spares_every_look() -> None:
    inbox = CallbackInbox()
    router = CallbackRouter(inbox.put)
    transport = InProcessTransport(create_app(settings(), receivers={"https://app.example.com": router}))
    emulator = Emulator(httpx.Client(transport=transport, base_url="http://emulator.test"))

    def now() -> float:
        return float(emulator.control("clock")["now"])

    def sleep(seconds: float) -> None:
        emulator.advance(f"{seconds:.6f}s")

    client = EvolinkClient(
        KEY,
        "http://emulator.test",
        clock=Clock(now, now),
        sleep=sleep,
        polling=Polling(first=60),
        http={"transport": transport},
    )
    with client:
        task = client.videos.create("A cat", IMAGE, callback_url="https://app.example.com/hook")
        video = client.tasks.wait(task.id, callbacks=inbox)
        assert video.task.succeeded
        assert emulator.control("journal?route=query")["rows"] == []
        # What a query answers is what the callback told.
        assert client.tasks.get(task.id).results == video.task.results


def test_over_real_sockets_the_callback_comes_first() -> None:
    inbox = CallbackInbox()
    app = CallbackRouter(inbox.put, secret="s3cret")
    listener = listening()
    route = f"https://{HOST}={place_of(listener)}"
    with served(app, listener), Server("--callback-route", route, "--generation-time", "1s") as server:
        looked: list[str] = []
        with EvolinkClient(KEY, server.url, polling=SELDOM) as client:
            task = client.videos.create("A cat", IMAGE, callback_url=f"https://{HOST}/evolink/s3cret")
            video = client.tasks.wait(task.id, PATIENCE, lambda task: looked.append(task.status), inbox)
            assert video.task.succeeded
            assert looked == ["pending", "completed"]
            assert client.tasks.get(task.id).results == video.task.results


def test_a_video_prints_its_link_and_its_task() -> None:
    with Mocked() as mocked:
        made = mocked.evolink.videos.create("A cat", "https://example.com/cat.png")
        video = mocked.evolink.tasks.wait(made.id)
        assert repr(video) == f"Video(url={video.url!r}, task={video.task!r})"

        async def wait() -> None:
            found = await mocked.async_evolink.tasks.wait(made.id)
            assert repr(found) == f"AsyncVideo(url={found.url!r}, task={found.task!r})"

        anyio.run(wait)
