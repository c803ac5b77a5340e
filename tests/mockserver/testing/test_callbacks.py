"""The receiver of a test's callbacks: it takes any body, and never waits for a callback that cannot come."""

from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from evolink_mock.mocked import Mocked
from evolink_mock.testing.callbacks import ORIGIN, Callbacks
from tests.support.emulator import DOCUMENTED


def create(mocked: Mocked) -> str:
    body = DOCUMENTED | {"callback_url": mocked.callbacks.url}
    return str(mocked.client.post("/v1/videos/generations", json=body).json()["id"])


@pytest.mark.parametrize("body", [5, None, [], "text", {}, {"id": ["x"]}])
def test_a_resent_body_of_any_form_belongs_to_no_task(body: object) -> None:
    with Mocked() as mocked:
        task = create(mocked)
        mocked.callbacks.wait_for(task)
        mocked.control("deliveries/1/resend", {"body": body})
        assert mocked.callbacks.wait_for(count=2) == body
        assert mocked.callbacks.wait_for(task)["id"] == task
        with pytest.raises(AssertionError, match=r"1 of 2 callbacks of task-.* came, and no more will come"):
            mocked.callbacks.wait_for(task, count=2)


def test_a_receiver_that_fails_the_test_ends_the_wait_with_its_text() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        pytest.fail("no such order")

    with Mocked() as mocked:
        mocked.receive(ORIGIN, failing)
        task = create(mocked)
        with pytest.raises(
            AssertionError, match=r"0 of 1 callbacks of task-.* came, and no more will come.*no such order"
        ):
            mocked.callbacks.wait_for(task)


class Stuck(Mocked):
    """An emulator in which an attempt never ends; `next_event` is what is due after it."""

    def __init__(self, next_event: float | None) -> None:
        super().__init__()
        self.next_event = next_event

    def control(self, path: str, change: Any = None) -> Any:
        answer = super().control(path, None if path == "clock" else change)
        return answer | {"next_event": self.next_event, "attempts_in_flight": 1} if path == "clock" else answer


@pytest.mark.parametrize("next_event", [None, 2e9])
def test_an_attempt_that_never_ends_ends_the_wait(next_event: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evolink_mock.testing.callbacks._PATIENCE", "1ms")
    with Stuck(next_event) as stuck:
        task = create(stuck)
        with pytest.raises(AssertionError, match="an attempt is under way and never ends"):
            Callbacks(stuck).wait_for(task)


@pytest.mark.parametrize("clock", ["manual", "auto", "real"])
def test_an_asynchronous_receiver_may_ask_by_the_asynchronous_client(clock: str) -> None:
    seen: list[str] = []
    with Mocked(clock=clock, generation_time="10s" if clock != "real" else "1ms") as mocked:

        async def asks(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append((await mocked.async_evolink.tasks.get(task)).status)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        mocked.receive("https://app.example.com", asks)
        body = DOCUMENTED | {"callback_url": "https://app.example.com/hook"}
        task = mocked.client.post("/v1/videos/generations", json=body).json()["id"]
        if clock == "manual":
            mocked.advance(10)
        delivered = mocked.control("deliveries?status=ended&after=0&wait=30s")["deliveries"]
        assert [row["status"] for row in delivered] == ["delivered"]
        assert seen == ["completed"]


def test_the_time_of_a_world_needs_no_control_call() -> None:
    with Mocked() as mocked:
        began = mocked.now()
        assert began == mocked.control("clock")["now"]
        mocked.advance(7)
        mocked.control = None  # type: ignore[method-assign, assignment]
        assert mocked.now() == began + 7
