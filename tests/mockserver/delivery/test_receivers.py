"""Receivers in this process: any ASGI or WSGI application takes the callbacks of an origin, from the start or later."""

import asyncio
import functools
import gzip
import re
import sys
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import flask
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from evolink_mock import InProcessTransport, create_app
from evolink_mock.delivery.receivers import Receivers
from tests.support.emulator import Emulator, settings

APP = "https://app.example.com"
HOOK = f"{APP}/hooks/evolink?secret=7"


class Hits(list[tuple[str, str, str]]):
    """The method, the URL and the status of each callback that arrived."""


def flask_app(hits: Hits, status: int = 200) -> flask.Flask:
    app = flask.Flask("receiver")

    @app.post("/hooks/evolink")
    def hook() -> tuple[str, int]:
        body = flask.request.get_json()
        hits.append((flask.request.method, flask.request.url, body["status"]))
        return "", status

    return app


def starlette_app(hits: Hits, status: int = 200) -> Starlette:
    async def hook(request: Request) -> Response:
        body = await request.json()
        hits.append((request.method, str(request.url), body["status"]))
        return Response(status_code=status)

    return Starlette(routes=[Route("/hooks/evolink", hook, methods=["POST"])])


def emulator_with(receivers: dict[str, Any]) -> tuple[Emulator, Any]:
    app = create_app(settings(), receivers=receivers)
    return Emulator(httpx.Client(transport=InProcessTransport(app), base_url="http://emulator.test")), app


def first_attempt(app: Any) -> dict[str, Any]:
    """The record of the first attempt to send the callback of a task to an application."""
    emulator, _ = emulator_with({APP: app})
    with emulator:
        emulator.create(callback_url=HOOK)
        emulator.advance("10s")
        (row,) = emulator.control("deliveries")["deliveries"]
        return dict(row["attempts"][0])


def responding(status: Any) -> Any:
    """An ASGI application that answers with a status, even one that is not valid."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


def statuses(emulator: Emulator) -> list[tuple[str, list[int | None]]]:
    rows = emulator.control("deliveries")["deliveries"]
    return [(row["status"], [attempt["status"] for attempt in row["attempts"]]) for row in rows]


@pytest.mark.parametrize("make", [flask_app, starlette_app])
@pytest.mark.parametrize("later", [False, True])
def test_an_application_receives_the_callbacks_of_its_origin(make: Callable[..., Any], later: bool) -> None:
    hits = Hits()
    emulator, app = emulator_with({} if later else {APP: make(hits)})
    with emulator:
        if later:
            app.receive(APP, make(hits))
        emulator.create(callback_url=HOOK)
        emulator.advance("10s")
        assert hits == [("POST", HOOK, "completed")]
        assert statuses(emulator) == [("delivered", [200])]


@pytest.mark.parametrize("make", [flask_app, starlette_app])
def test_its_status_decides_on_the_next_attempt(make: Callable[..., Any]) -> None:
    hits = Hits()
    emulator, _ = emulator_with({APP: make(hits, 503)})
    with emulator:
        emulator.create(callback_url=HOOK)
        emulator.advance("1m")
        assert statuses(emulator) == [("exhausted", [503] * len(hits))]
        assert len(hits) == 4


def test_an_unrouted_origin_gets_a_receiver_later_and_the_reason_names_the_call() -> None:
    hits = Hits()
    emulator, app = emulator_with({})
    with emulator:
        emulator.create(callback_url=HOOK)
        emulator.advance("10s")
        (row,) = emulator.control("deliveries")["deliveries"]
        assert row["status"] == "unrouted"
        assert f'evolink_mock.receive("{APP}", app)' in row["verdict"]
        assert "--callback-route" not in row["verdict"]
        app.receive(APP, flask_app(hits))
        emulator.create(callback_url=HOOK)
        emulator.advance("10s")
        assert len(hits) == 1


def test_a_receiver_that_raises_crashes_its_attempt_alone() -> None:
    def broken(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise KeyError("nothing")

    attempt = first_attempt(broken)
    assert attempt["error"] == "crashed"
    assert "KeyError" in attempt["detail"]


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_the_exception_of_a_receiver_is_logged_once_with_its_traceback(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def in_asgi(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("result")

    def in_wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise KeyError("result")

    emulator, _ = emulator_with({APP: in_asgi if kind == "asgi" else in_wsgi})
    with emulator:
        emulator.create(callback_url=HOOK)
        emulator.advance("60s")
        full = emulator.control("deliveries/1")
    details = {attempt["detail"] for attempt in full["attempts"]}
    assert len(full["attempts"]) == 4
    assert len(details) == 1
    assert re.search(rf"KeyError\('result'\) at test_receivers.py:\d+, in in_{kind}", details.pop())
    logged = [each.getMessage() for each in caplog.records if "Traceback" in each.getMessage()]
    assert len(logged) == 1
    assert f"the receiver of {APP} raised an exception" in logged[0]
    assert 'raise KeyError("result")' in logged[0]


def _fails(how: Callable[[], object]) -> dict[str, Any]:
    async def in_asgi(scope: Scope, receive: Receive, send: Send) -> None:
        how()

    async def in_a_task_of_asgi(scope: Scope, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(in_asgi(scope, receive, send))

    def in_wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
        how()
        return []

    def in_a_wsgi_body(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        how()
        yield b""

    return {each.__name__: each for each in (in_asgi, in_a_task_of_asgi, in_wsgi, in_a_wsgi_body)}


def _interrupted() -> None:
    raise KeyboardInterrupt("stop")


def _cancelled() -> None:
    raise asyncio.CancelledError("cut off")


FAILURES: dict[str, tuple[Callable[[], object], str]] = {
    "pytest.fail": (lambda: pytest.fail("no such order"), "no such order"),
    "pytest.skip": (lambda: pytest.skip("not today"), "not today"),
    "sys.exit": (lambda: sys.exit("bye"), "SystemExit('bye')"),
    "interrupt": (_interrupted, "KeyboardInterrupt('stop')"),
    "cancellation": (_cancelled, "cut off"),
    "surrogate": (lambda: pytest.fail("\udcff"), "\\udcff"),
}


IN_ITS_TASK = [(failure, kind) for failure in FAILURES for kind in _fails(print) if kind != "in_a_task_of_asgi"]
IN_ANOTHER_TASK = [(failure, "in_a_task_of_asgi") for failure in FAILURES if failure != "cancellation"]
"""A task group ignores a task that was cancelled."""


@pytest.mark.parametrize(("failure", "kind"), IN_ITS_TASK + IN_ANOTHER_TASK)
def test_a_receiver_that_ends_by_any_exception_crashes_its_attempt_and_nothing_else(failure: str, kind: str) -> None:
    how, text = FAILURES[failure]
    emulator, _ = emulator_with({APP: _fails(how)[kind]})
    with emulator:
        for _ in range(2):
            emulator.create(callback_url=HOOK)
            emulator.advance("30s")
        for row in emulator.control("deliveries")["deliveries"]:
            assert row["status"] == "exhausted"
            assert [attempt["error"] for attempt in row["attempts"]] == ["crashed"] * 4
            assert text in row["attempts"][0]["detail"]
        assert emulator.control("clock")["attempts_in_flight"] == 0


EXITS = {"sys.exit": lambda: sys.exit("bye"), "interrupt": _interrupted}
BESIDE: dict[str, Callable[[Callable[[], object]], object]] = {
    "a task": lambda how: asyncio.create_task(_calls(how)),
    "a callback": lambda how: asyncio.get_running_loop().call_soon(how),
    "a timer": lambda how: asyncio.get_running_loop().call_later(0, how),
    "a future": lambda how: asyncio.ensure_future(_calls(how)).add_done_callback(lambda _: how()),
}


async def _calls(how: Callable[[], object]) -> None:
    how()


@pytest.mark.parametrize("exits", EXITS)
@pytest.mark.parametrize("beside", BESIDE)
def test_an_exit_beside_a_request_ends_nothing(beside: str, exits: str, caplog: pytest.LogCaptureFixture) -> None:
    kept = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        kept.append(BESIDE[beside](EXITS[exits]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    emulator, _ = emulator_with({APP: application})
    with emulator:
        for _ in range(2):
            emulator.create(callback_url=HOOK)
            emulator.advance("30s")
        assert [row["status"] for row in emulator.control("deliveries")["deliveries"]] == ["delivered"] * 2
    assert "the emulator goes on" in caplog.text


class Unprintable(Exception):
    def __repr__(self) -> str:
        raise ValueError("no")


def test_an_exception_that_cannot_be_shown_is_shown_by_its_type() -> None:
    def broken(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise Unprintable

    attempt = first_attempt(broken)
    assert re.fullmatch(r"Unprintable at test_receivers\.py:\d+, in broken", attempt["detail"])


@pytest.mark.parametrize("status", ["200", True, 200.0, 0, -200, 99, 1000, 10**30])
def test_a_status_that_is_none_crashes_the_attempt(status: Any) -> None:
    attempt = first_attempt(responding(status))
    assert attempt["error"] == "crashed"
    assert f"must be an integer from 100 to 999; got {status!r}" in attempt["detail"]
    assert "application_transport" not in attempt["detail"]


@pytest.mark.parametrize("status", [HTTPStatus.NO_CONTENT, 299, 999])
def test_any_status_of_three_digits_is_recorded(status: int) -> None:
    attempt = first_attempt(responding(status))
    assert attempt["status"] == int(status)


def test_a_wsgi_status_of_another_size_crashes_the_attempt() -> None:
    def answers(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("2000 OK", [])
        return [b""]

    attempt = first_attempt(answers)
    assert attempt["error"] == "crashed"


@pytest.mark.parametrize("content", [b"not compressed", gzip.compress(b"fine")], ids=["not compressed", "gzip"])
def test_the_encoding_of_a_response_does_not_decide(content: bytes) -> None:
    def wsgi_app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Encoding", "gzip")])
        return [content]

    async def asgi_app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-encoding", b"gzip")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    for application in (wsgi_app, asgi_app):
        emulator, _ = emulator_with({APP: application})
        with emulator:
            emulator.create(callback_url=HOOK)
            emulator.advance("10s")
            assert statuses(emulator) == [("delivered", [200])]


def test_a_blocking_application_may_use_the_emulator_itself() -> None:
    """As a webhook does that queries the task before it believes the callback."""
    seen: list[str] = []
    emulator, app = emulator_with({})

    def asks(environ: Any, start_response: Any) -> Iterable[bytes]:
        assert threading.current_thread() is not threading.main_thread()
        seen.append(emulator.query(task).json()["status"])
        start_response("200 OK", [])
        return [b""]

    with emulator:
        app.receive(APP, asks)
        task = emulator.create(callback_url=HOOK)
        emulator.advance("10s")
        assert seen == ["completed"]


class Undecided:
    def __call__(self, *arguments: Any) -> Any: ...


async def asgi(scope: Scope, receive: Receive, send: Send) -> None: ...


def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
    return []


@pytest.mark.parametrize(
    ("application", "kind"),
    [
        (asgi, httpx.ASGITransport),
        (functools.partial(asgi), httpx.ASGITransport),
        (Starlette(), httpx.ASGITransport),
        (lambda scope, receive, send: asgi(scope, receive, send), httpx.ASGITransport),
        (wsgi, httpx.AsyncBaseTransport),
        (flask.Flask("x"), httpx.AsyncBaseTransport),
        (flask.Flask("x").wsgi_app, httpx.AsyncBaseTransport),
    ],
    ids=["asgi", "partial asgi", "starlette", "asgi lambda", "wsgi", "flask", "bound wsgi"],
)
def test_the_kind_of_an_application_is_found_by_its_call(application: Any, kind: type) -> None:
    made = Receivers({APP: application}).transport(APP)
    assert isinstance(made, kind)
    assert isinstance(made, httpx.ASGITransport) is (kind is httpx.ASGITransport)


@pytest.mark.parametrize(
    "application",
    [None, 7, "app:app", flask.Flask, Starlette, lambda: flask.Flask("x"), Undecided()],
    ids=["none", "number", "path", "flask class", "starlette class", "factory", "undecided"],
)
def test_any_other_value_is_refused_with_what_a_receiver_is(application: Any) -> None:
    with pytest.raises(ValueError, match=r"the receiver of https://app.example.com must be an ASGI application"):
        Receivers({APP: application})


def test_a_malformed_origin_is_refused_with_what_an_origin_is() -> None:
    for origin in (f"{APP}/hooks", "http://localhost:3000", "app.example.com"):
        with pytest.raises(ValueError, match=r"a route takes a whole origin, such as https://app.example.com"):
            Receivers({origin: wsgi})
