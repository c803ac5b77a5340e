"""Whatever a receiver answers, and however the clock gets there, the record is what the documents say."""

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from typing import Literal, NamedTuple, TypeAlias

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from evolink_mock import InProcessTransport, create_app
from evolink_mock.app import Emulator as App
from tests.support.emulator import Emulator, settings

ORIGIN = "https://app.example.com"
START = 1757169743
ENDS = START + 10

Failing: TypeAlias = Literal["raises", "times out", "is silent", "breaks off", "is cancelled"]
Reaction: TypeAlias = int | Failing
"""A status; or raises, before or after it has begun to answer; or returns without an answer."""


class Seen(NamedTuple):
    """A request at the receiver, and what the world's clock said just then."""

    at: float
    method: str
    body: bytes


class Scripted:
    """An application that reacts to the n-th request for a path with the n-th word of that path's script."""

    def __init__(self) -> None:
        self.scripts: dict[str, list[Reaction]] = {}
        self.seen: dict[str, list[Seen]] = {}
        self.emulator: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        body = (await receive())["body"]
        assert self.emulator is not None
        world = self.emulator.worlds.get_or_create(path.split("/")[1])
        self.seen[path].append(Seen(world.clock.now() / 1_000_000, scope["method"], body))
        reaction = self.scripts[path].pop(0)
        match reaction:
            case int():
                await send({"type": "http.response.start", "status": reaction, "headers": []})
                await send({"type": "http.response.body", "body": b"said"})
            case "raises":
                raise RuntimeError("a bug in the receiver")
            case "times out":
                raise TimeoutError
            case "breaks off":
                await send({"type": "http.response.start", "status": 200, "headers": []})
                raise ConnectionError
            case "is cancelled":
                raise asyncio.CancelledError
            case "is silent":
                return


class Home(NamedTuple):
    emulator: Emulator
    receiver: Scripted
    numbers: Iterator[int]


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    receiver = Scripted()
    app = create_app(settings(), receivers={ORIGIN: receiver})
    receiver.emulator = app
    with httpx.Client(transport=InProcessTransport(app), base_url="http://emulator.test") as client:
        yield Home(Emulator(client), receiver, count())


class Expected(NamedTuple):
    """One attempt as the documents have it."""

    status: int | None
    due: int
    next_due: int | None


def documented(reactions: list[Reaction]) -> list[Expected]:
    """The page: any 2xx is success; else again 1, 2 and 4 s after each failure; in-process answers take no time."""
    chain: list[Expected] = []
    due = ENDS
    for reaction, gap in zip(reactions, (1, 2, 4, None), strict=True):
        status = reaction if isinstance(reaction, int) else None
        over = status is not None and status // 100 == 2
        following = None if over or gap is None else due + gap
        chain.append(Expected(status, due, following))
        if following is None:
            return chain
        due = following
    raise AssertionError("the fourth attempt is the last")


REACTIONS: st.SearchStrategy[Reaction] = st.one_of(
    st.sampled_from([199, 200, 201, 204, 299, 300, 301, 304, 400, 404, 429, 500, 503, 599]),
    st.integers(200, 599),
    st.sampled_from(["raises", "times out", "is silent", "breaks off"]),
)
STEPS = st.lists(
    st.one_of(st.just("next"), st.integers(1, 40).map(lambda quarters: f"{quarters * 250}ms")), max_size=12
)


@given(reactions=st.lists(REACTIONS, min_size=4, max_size=4), steps=STEPS, ending=st.sampled_from(["done", "failed"]))
def test_the_chain_of_any_outcomes_is_the_documented_one(
    home: Home, reactions: list[Reaction], steps: list[str], ending: str
) -> None:
    key = f"sk-{next(home.numbers)}"
    emulator, path = home.emulator.as_key(key), f"/{key}"
    home.receiver.scripts[path], home.receiver.seen[path] = list(reactions), []
    task = emulator.create("fail=unknown_error" if ending == "failed" else None, callback_url=f"{ORIGIN}{path}")
    for step in steps:
        emulator.control("clock", {"until": "next-event"} if step == "next" else {"advance": step})
    emulator.advance("1h")
    (delivery,) = emulator.control("deliveries")["deliveries"]

    expected = documented(reactions)
    assert delivery["status"] == ("delivered" if (expected[-1].status or 500) // 100 == 2 else "exhausted")
    assert (delivery["task"], delivery["origin"], delivery["queued"], delivery["next_due"]) == (
        task,
        "ended",
        ENDS,
        None,
    )
    assert [(a["status"], a["due"], a["next_due"]) for a in delivery["attempts"]] == expected
    for attempt in delivery["attempts"]:
        assert attempt["due"] == attempt["started"] == attempt["finished"]
        assert attempt["error"] == (None if attempt["status"] else "crashed")
    body = emulator.query(task).content
    assert home.receiver.seen[path] == [(each.due, "POST", body) for each in expected]
    assert json.loads(body)["status"] == ("failed" if ending == "failed" else "completed")


@given(chains=st.lists(st.lists(REACTIONS, min_size=4, max_size=4), min_size=2, max_size=5))
def test_chains_of_different_tasks_do_not_touch_one_another(home: Home, chains: list[list[Reaction]]) -> None:
    """All end in the same instant, in one world, at receivers of their own."""
    key = f"sk-{next(home.numbers)}"
    emulator = home.emulator.as_key(key)
    tasks = []
    for number, reactions in enumerate(chains):
        path = f"/{key}/{number}"
        home.receiver.scripts[path], home.receiver.seen[path] = list(reactions), []
        tasks.append(emulator.create(callback_url=f"{ORIGIN}{path}"))
    emulator.advance("1h")
    deliveries = {each["task"]: each for each in emulator.control("deliveries")["deliveries"]}
    assert deliveries.keys() == set(tasks)
    for task, reactions in zip(tasks, chains, strict=True):
        shown = [(a["status"], a["due"], a["next_due"]) for a in deliveries[task]["attempts"]]
        assert shown == documented(reactions)


def test_a_receiver_that_is_cancelled_has_failed_like_one_that_raises(home: Home) -> None:
    key = f"sk-{next(home.numbers)}"
    emulator, path = home.emulator.as_key(key), f"/{key}"
    home.receiver.scripts[path], home.receiver.seen[path] = ["is cancelled"], []
    task = emulator.create(callback_url=f"{ORIGIN}{path}")
    emulator.control(f"tasks/{task}/cancel", {})
    created_and_ended = 2
    (after,) = emulator.control(f"events?task={task}&after={created_and_ended}&wait=5s")["rows"]
    assert after["event"] == "callback.failed"
