"""API endpoint: one journal entry per request, written when the result is known and never changed afterwards."""

import asyncio
from typing import Any

import pytest

from evolink_mock import create_app
from evolink_mock.api.asgi import PendingResponse
from evolink_mock.api.endpoint import Endpoint, EndpointContext
from evolink_mock.api.fault_sender import send_with_fault
from evolink_mock.api.responses import (
    Outcome,
    Pending,
    Result,
    amend,
    error_method_not_allowed,
    error_result,
    with_retry_after,
)
from evolink_mock.worlds.journal import KEPT_BODY
from tests.support.emulator import Emulator, settings

KEY = "sk-evo-0123456789"


def journaled_response(monkeypatch: pytest.MonkeyPatch, video: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """The response that the journal shows of a result link, whose video is encoded as these bytes on request."""
    monkeypatch.setattr("evolink_mock.media.encoder.encode", lambda *given: video)
    with Emulator.in_process(result_video="best") as emulator:
        own = emulator.as_key(KEY)
        task = own.create()
        own.advance("10s")
        link = own.query(task).json()["results"][0]
        response = own.client.get(link, headers=headers)
        assert response.content == video
        shown: dict[str, Any] = own.control("journal")["rows"][-1]["answer"]
        assert shown["status"] == response.status_code
        return shown


@pytest.mark.parametrize("shown_of_key", range(1, len(KEY)))
def test_a_key_that_the_kept_length_splits_is_redacted_in_a_response_that_was_awaited(
    monkeypatch: pytest.MonkeyPatch, shown_of_key: int
) -> None:
    before = b"x" * (KEPT_BODY - shown_of_key)
    shown = journaled_response(monkeypatch, before + KEY.encode() + b"y" * 100, {"Range": "bytes=0-"})["body"]
    assert shown.startswith(before.decode())
    assert not set(shown.removeprefix(before.decode())) & set(KEY)


def test_a_whole_video_that_was_awaited_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert journaled_response(monkeypatch, b"video", {}) == {"status": 200, "body": "", "fault": None}
    assert journaled_response(monkeypatch, b"video", {"Range": "bytes=0-"})["body"] == "video"


def awaited(emulator_settings: dict[str, Any]) -> tuple[Any, Endpoint, asyncio.Event]:
    """An application's anonymous world, and an endpoint whose results are known once the event is set."""
    world = create_app(settings(**emulator_settings)).worlds.anonymous
    known = asyncio.Event()

    async def finish() -> Result:
        await known.wait()
        return Result(200, b"known", task="task-unified-1-a")

    return world, endpoint_of(world, Pending(finish)), known


def endpoint_of(world: Any, outcome: Outcome) -> Endpoint:
    handlers = {"GET": lambda request: outcome}
    context = EndpointContext(world, send_with_fault, lambda: None)
    return Endpoint("any", handlers, lambda *given: world, 1000, context)


def journal_of(world: Any) -> list[tuple[int, bytes, str | None]]:
    return [(entry.status, entry.response_body, entry.task) for _, entry in world.journal.after(0)]


def test_an_unknown_result_is_journaled_when_it_is_known_with_the_arrival_of_its_request() -> None:
    async def body() -> None:
        world, endpoint, known = awaited({})
        pending = endpoint.respond("GET", b"/", b"", [], b"", {})
        assert isinstance(pending, PendingResponse)
        assert journal_of(world) == []
        arrived = world.clock.now()
        following = world.next_request_id()
        world.clock.move_to(arrived + 5_000_000)
        known.set()
        response = await pending.finish()
        assert journal_of(world) == [(200, b"known", "task-unified-1-a")]
        ((_, entry),) = world.journal.after(0)
        assert (entry.at, entry.request_id) == (arrived, response.request_id)
        assert response.request_id != following
        assert response.now == arrived

    asyncio.run(body())


def test_a_response_whose_client_stopped_waiting_is_journaled_without_a_status() -> None:
    async def body() -> None:
        world, endpoint, _ = awaited({})
        pending = endpoint.respond("GET", b"/", b"", [], b"", {})
        assert isinstance(pending, PendingResponse)
        waiting = asyncio.ensure_future(pending.finish())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert journal_of(world) == [(0, b"", None)]

    asyncio.run(body())


def test_a_wait_that_was_cancelled_is_journaled_with_its_task() -> None:
    async def body() -> None:
        world, _, known = awaited({})

        async def finish() -> Result:
            await known.wait()
            return Result(200, b"")

        endpoint = endpoint_of(world, Pending(finish, cancelled=Result(200, b"", task="task-unified-1-a")))
        pending = endpoint.respond("GET", b"/", b"", [], b"", {})
        assert isinstance(pending, PendingResponse)
        waiting = asyncio.ensure_future(pending.finish())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert journal_of(world) == [(200, b"", "task-unified-1-a")]

    asyncio.run(body())


def disconnects_of(world: Any) -> list[tuple[str | None, str | None]]:
    return [(row.task, row.detail) for _, row in world.view().events.after(0) if row.event == "client.disconnected"]


@pytest.mark.parametrize("raised", [LookupError, asyncio.CancelledError])
def test_an_exception_in_a_wait_is_an_event_of_its_task(raised: type[BaseException]) -> None:
    async def body() -> None:
        world, _, _ = awaited({})

        async def finish() -> Result:
            raise raised

        result = Result(200, b"known already", task="task-unified-1-a")
        pending = endpoint_of(world, Pending(finish, result)).respond("GET", b"/", b"", [], b"", {})
        assert isinstance(pending, PendingResponse)
        with pytest.raises(raised):
            await pending.finish()
        ((_, entry),) = world.journal.after(0)
        assert disconnects_of(world) == [("task-unified-1-a", entry.request_id)]

    asyncio.run(body())


@pytest.mark.parametrize("resets", [False, True])
def test_a_disconnect_is_one_event_unless_the_world_was_reset_before(resets: bool) -> None:
    async def body() -> None:
        world, endpoint, known = awaited({})
        pending = endpoint.respond("GET", b"/", b"", [], b"", {})
        assert isinstance(pending, PendingResponse)
        messages = iter(["http.request", "http.disconnect"])

        async def receive() -> dict[str, Any]:
            return {"type": next(messages)}

        if resets:
            world.reset()
        waiting = asyncio.ensure_future(pending.finish(receive))
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(disconnects_of(world)) == (0 if resets else 1)
        known.set()
        assert (await waiting).result.body == b"known"
        assert len(disconnects_of(world)) == (0 if resets else 1)

    asyncio.run(body())


def test_a_request_from_before_a_reset_leaves_no_entry_after_it() -> None:
    async def body() -> None:
        world, endpoint, known = awaited({})
        pending = endpoint.respond("GET", b"/", b"", [], b"", {})
        assert isinstance(pending, PendingResponse)
        world.reset()
        known.set()
        await pending.finish()
        assert journal_of(world) == []

    asyncio.run(body())


def test_a_delayed_result_is_journaled_at_once_as_it_will_be_sent() -> None:
    async def body() -> None:
        world, _, known = awaited({})

        async def finish() -> Result:
            await known.wait()
            return result

        result = Result(200, b"known already")
        outcome = amend(Pending(finish, result), lambda found: with_retry_after(found, 5))
        pending = endpoint_of(world, outcome).respond("GET", b"/", b"", [], b"", {})
        assert isinstance(pending, PendingResponse)
        assert journal_of(world) == [(200, b"known already", None)]
        known.set()
        assert (await pending.finish()).result == with_retry_after(result, 5)
        assert len(journal_of(world)) == 1

    asyncio.run(body())


def test_results_are_values() -> None:
    result = error_result("query", "task_not_found")
    assert with_retry_after(result, 5).headers == ((b"retry-after", b"5"),)
    assert error_method_not_allowed(result, ("POST", "GET")).headers == ((b"allow", b"GET, POST"),)
    assert result.headers == ()
    with pytest.raises(AttributeError):
        result.status = 200  # type: ignore[misc]
