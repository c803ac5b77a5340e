"""Longest stall of the event loop under hostile requests: the wait of a health check that is sent meanwhile."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import NamedTuple

from tests.bench.measure.plan import say
from tests.bench.measure.report import Row
from tests.bench.measure.servers import EMULATOR, EMULATOR_PROBE, Server, running
from tests.bench.measure.traffic import BODY, Request, create, query

GOAL = 50
"""Milliseconds."""
_PATIENCE = 60.0
_PAUSE = 0.001
_KEYS = 1000
"""The default limit of worlds."""
_STORED = "\x01" * 30_000 + "\\" * 16_000
"""Of a field that a task keeps: escapes of which none is a key."""


class Attack(NamedTuple):
    """Requests of which none may delay another client, after others that prepare them."""

    name: str
    requests: Callable[[Server], list[Request]]
    prepare: Callable[[Server], None] = lambda _: None


def measure() -> Iterator[Row]:
    say("stalls: hostile requests, and the longest wait of a health check meanwhile")
    for attack in ATTACKS:
        with running(EMULATOR, EMULATOR_PROBE) as server:
            attack.prepare(server)
            requests = attack.requests(server)
            with _waits(server) as longest:
                for request in requests:
                    _ask(server, request)
            yield Row(name=f"longest stall, {attack.name}", unit="ms", ours=longest[0] * 1000, goal=GOAL, most=True)


@contextmanager
def _waits(server: Server) -> Iterator[list[float]]:
    """The longest wait of a health check during the block, in seconds."""
    longest, over = [0.0], Event()

    def check() -> None:
        raw = query("any")._replace(path=EMULATOR_PROBE).raw(server.host)
        with socket.create_connection(("127.0.0.1", server.port), _PATIENCE) as connection:
            while not over.wait(_PAUSE):
                began = time.perf_counter()
                connection.sendall(raw)
                if not connection.recv(65536):
                    return
                longest[0] = max(longest[0], time.perf_counter() - began)

    checks = Thread(target=check)
    checks.start()
    try:
        yield longest
    finally:
        over.set()
        checks.join()


def _ask(server: Server, request: Request) -> bytes:
    """The response, head included."""
    asked = request._replace(headers=(*request.headers, ("Connection", "close")))
    with socket.create_connection(("127.0.0.1", server.port), _PATIENCE) as connection:
        connection.sendall(asked.raw(server.host))
        return b"".join(iter(lambda: connection.recv(65536), b""))


def _with(key: str = "sk-hostile", **fields: object) -> Request:
    return create(key)._replace(body=json.dumps({**BODY, **fields}).encode())


def _control(path: str, key: str = "sk-hostile") -> Request:
    return query("any", key)._replace(path=path)


def _many_keys(server: Server) -> None:
    for number in range(_KEYS):
        _ask(server, _with(f"sk-many-keys-{number:04}", note='quoted \\" and \x01 escaped ' * 20))


def _stored(server: Server) -> list[Request]:
    answer = _ask(server, _with(model_params={"note": _STORED * 4}))
    name = json.loads(answer.partition(b"\r\n\r\n")[2])["id"]
    return [_control(f"/__mock/tasks/{name}")]


def _refused(server: Server) -> list[Request]:
    for _ in range(1000):
        _ask(server, _with(note="\\" * 4000, duration="none"))
    return [_control("/__mock/journal?limit=1000")]


def _change_all(_: Server) -> list[Request]:
    return [_control("/__mock/worlds?all=true")._replace(method="POST", body=b'{"top_up": 1}')]


ATTACKS = (
    Attack("prompt of blanks and a directive", lambda _: [_with(prompt=" " * 1_000_000 + "[[mock:")]),
    Attack("prompt of 140,000 directives", lambda _: [_with(prompt="[[mock:" * 140_000)]),
    Attack("key of 30,000 letters", lambda _: [_with(f"sk-{number:05}" + "k" * 29_000) for number in range(5)]),
    Attack("task of 120,000 escapes", _stored),
    Attack("journal of 1,000 rows of escapes", _refused),
    Attack("worlds of 1,000 keys", lambda _: [_control("/__mock/worlds?all=true")], _many_keys),
    Attack("top-up of 1,000 keys", _change_all, _many_keys),
    Attack("journal of 1,000 keys", lambda _: [_control("/__mock/journal?all=true&limit=1000")], _many_keys),
    Attack("tasks of 1,000 keys", lambda _: [_control("/__mock/tasks?all=true&limit=1000")], _many_keys),
    Attack("clock of 1,000 keys", lambda _: [_control("/__mock/clock?all=true")], _many_keys),
)
