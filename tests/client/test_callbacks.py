"""A receiver that is mounted handles each end of a task once, whatever the service and its own handler do."""

import asyncio
import json
import threading
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_client import CallbackRouter, InvalidCallback, Later, Task, parse_callback
from evolink_client.callbacks import MAX_BODY, InMemory
from evolink_mock import InProcessTransport, create_app
from tests.support.emulator import Emulator, settings
from tests.support.webhook_receiver import deliveries

APP = "https://app.example.com"
CALLBACK_URL = {"callback_url": f"{APP}/evolink?secret=s"}
BODY = {"id": "task-unified-1-aaaaaaaa", "status": "completed", "results": ["https://x.example/v.mp4"]}


class Inbox:
    """A handler that notes what it gets, after failing as often as it is told."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.tasks: list[Task] = []

    async def handle(self, task: Task) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.tasks.append(task)

    def handle_in_a_thread(self, task: Task) -> None:
        assert threading.current_thread() is not threading.main_thread()
        self.tasks.append(task)


class World:
    """An emulator that calls an application in the same process."""

    def __init__(self, router: CallbackRouter) -> None:
        transport = InProcessTransport(create_app(settings(), receivers={APP: router}))
        self.emulator = Emulator(httpx.Client(transport=transport, base_url="http://emulator.test"))

    def __enter__(self) -> Emulator:
        return self.emulator

    def __exit__(self, *_: object) -> None:
        self.emulator.client.close()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def post(router: CallbackRouter, *bodies: bytes, method: str = "POST") -> list[httpx.Response]:
    """Several at once."""

    async def scene() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(router), base_url=APP) as client:
            return await asyncio.gather(*(client.request(method, "/x", content=body) for body in bodies))

    return asyncio.run(scene())


@pytest.mark.parametrize("scenario", [None, "delivery=duplicate", "delivery=before_create", "delivery=out_of_order"])
@pytest.mark.parametrize("answer", ["after", "before"])
def test_each_end_is_handled_once_however_it_is_delivered(inbox: Inbox, scenario: str | None, answer: Any) -> None:
    with World(CallbackRouter(inbox.handle, answer=answer)) as emulator:
        tasks = [emulator.create(scenario, **CALLBACK_URL) for _ in range(3)]
        emulator.advance("60s")
        assert {row["status"] for row in deliveries(emulator)} == {"delivered"}
        for task in tasks:
            (handled,) = [each for each in inbox.tasks if each.id == task]
            assert (handled.status, len(handled.results)) == ("completed", 1)
    assert len(inbox.tasks) == 3


@pytest.mark.parametrize("failure", [Later(), ZeroDivisionError()])
def test_what_the_handler_failed_at_is_sent_again_and_handled_then(failure: Exception) -> None:
    inbox = Inbox(failure, failure)
    with World(CallbackRouter(inbox.handle)) as emulator:
        emulator.create("fail=service_error", **CALLBACK_URL)
        emulator.advance("60s")
        (row,) = deliveries(emulator)
    status = 503 if isinstance(failure, Later) else 500
    assert [attempt["status"] for attempt in row["attempts"]] == [status, status, 200]
    (task,) = inbox.tasks
    assert task.error is not None
    assert task.error.code == "service_error"


def test_many_at_once_are_handled_once(inbox: Inbox) -> None:
    answers = post(CallbackRouter(inbox.handle), *[json.dumps(BODY).encode()] * 50)
    assert {answer.status_code for answer in answers} == {200}
    assert len(inbox.tasks) == 1


def test_another_end_of_the_same_task_is_another_thing(inbox: Inbox) -> None:
    router = CallbackRouter(inbox.handle)
    for status in ("failed", "cancelled", "failed"):
        post(router, json.dumps(BODY | {"status": status}).encode())
    assert [task.status for task in inbox.tasks] == ["failed", "cancelled"]


def test_a_plain_function_runs_in_a_thread(inbox: Inbox) -> None:
    assert post(CallbackRouter(inbox.handle_in_a_thread), json.dumps(BODY).encode())[0].status_code == 200
    assert len(inbox.tasks) == 1


def test_a_handler_that_takes_too_long_goes_on_behind_the_answer() -> None:
    order: list[str] = []

    async def scene() -> None:
        answered = asyncio.Event()

        async def slow(task: Task) -> None:
            await answered.wait()
            order.append("handled")

        router = CallbackRouter(slow, deadline=0.01)

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                order.append("answered")
                answered.set()

        async def receive() -> Any:
            return {"type": "http.request", "body": json.dumps(BODY).encode()}

        await router({"type": "http", "method": "POST"}, receive, send)

    asyncio.run(scene())
    assert order == ["answered", "handled"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[]", "task is no object"),
        (b"{}", "task.id is missing"),
        (b'{"id": "x"}', "task.status is missing"),
        (b'{"id": 5, "status": "completed"}', "task.id is a int where a str belongs"),
    ],
)
def test_what_is_no_callback_is_refused(inbox: Inbox, body: bytes, says: str) -> None:
    (answer,) = post(CallbackRouter(inbox.handle), body)
    assert answer.status_code == 400
    assert says in answer.json()["message"]
    with pytest.raises(InvalidCallback, match=says):
        parse_callback(body)
    assert inbox.tasks == []


def test_other_methods_and_huge_bodies_are_refused(inbox: Inbox) -> None:
    router = CallbackRouter(inbox.handle)
    (got,) = post(router, b"", method="GET")
    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    (huge,) = post(router, b" " * (MAX_BODY + 1))
    assert huge.status_code == 413


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_body_is_a_task_or_no_callback(body: bytes | str) -> None:
    with suppress(InvalidCallback):
        assert isinstance(parse_callback(body), Task)


def test_only_the_newest_are_remembered() -> None:
    async def scene() -> None:
        memory = InMemory(most=3)
        assert [await memory.add(key) for key in "abcda"] == [True] * 5
        assert [await memory.add(key) for key in "cda"] == [False] * 3
        await memory.discard("c")
        assert await memory.add("c")

    asyncio.run(scene())


def test_it_lives_as_an_application_of_its_own(inbox: Inbox) -> None:
    with httpx.Client(transport=InProcessTransport(CallbackRouter(inbox.handle)), base_url=APP) as client:
        assert client.post("/", json=BODY).status_code == 200
    assert inbox.tasks[0].id == BODY["id"]


def test_a_handler_that_is_cancelled_has_handled_nothing(inbox: Inbox) -> None:
    async def scene() -> None:
        began = asyncio.Event()
        handled: list[Task] = []

        async def handle(task: Task) -> None:
            if not began.is_set():
                began.set()
                await asyncio.Event().wait()
            handled.append(task)

        router = CallbackRouter(handle)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(router), base_url=APP) as client:
            first = asyncio.create_task(client.post("/", json=BODY))
            await began.wait()
            first.cancel()
            with suppress(asyncio.CancelledError):
                await first
            assert (await client.post("/", json=BODY)).json() == {"message": "handled"}
        assert len(handled) == 1

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/hooks/s3cret", 200),
        ("/s3cret/hooks", 200),
        ("/?secret=s3cret", 200),
        ("/", 404),
        ("/s3cre", 404),
        ("/?a", 404),
    ],
)
def test_who_does_not_know_the_secret_finds_nothing(inbox: Inbox, path: str, status: int) -> None:
    router = CallbackRouter(inbox.handle, secret="s3cret")
    with httpx.Client(transport=InProcessTransport(router), base_url=APP) as client:
        assert client.post(path, json=BODY).status_code == status
    assert len(inbox.tasks) == (status == 200)


def test_a_websocket_is_closed(inbox: Inbox) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    asyncio.run(CallbackRouter(inbox.handle)({"type": "websocket", "path": "/"}, receive, send))
    assert sent == ["websocket.close"]
