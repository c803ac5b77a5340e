"""The timeline stream sends a change only after it is stored, so that a kill right after the message loses nothing."""

import asyncio
import shutil
import sqlite3
from pathlib import Path

import httpx

from evolink_mock import create_app
from evolink_mock.worlds.storage.state_file import FILE
from tests.support.emulator import DOCUMENTED, bearer, settings


def ended_tasks(state: Path, copy: Path) -> list[int]:
    """Whether each task has ended, by the files as a kill at this moment would leave them."""
    shutil.copytree(state, copy)
    with sqlite3.connect(copy / FILE) as base:
        return [ended for (ended,) in base.execute("SELECT ended FROM task")]


def test_a_task_that_the_timeline_shows_as_completed_is_stored_as_ended(tmp_path: Path) -> None:
    stored: list[list[int]] = []

    async def scene() -> None:
        app = create_app(settings(state=str(tmp_path / "state")))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://emulator.test") as client:
            assert (await client.post("/v1/videos/generations", json=DOCUMENTED, headers=bearer())).status_code == 200
        clock = app.worlds.get_or_create("sk-local").clock
        clock.move_to(clock.now() + 60_000_000)
        gone = asyncio.Event()

        async def receive() -> dict[str, object]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            body = message.get("body", b"")
            assert isinstance(body, bytes)
            if b'"status":"completed"' in body:
                stored.append(ended_tasks(tmp_path / "state", tmp_path / f"copy {len(stored)}"))
                gone.set()

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/__mock/timeline",
            "root_path": "",
            "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"authorization", b"Bearer sk-local")],
        }
        async with asyncio.timeout(20):
            await app(scope, receive, send)  # type: ignore[arg-type]

    asyncio.run(scene())
    assert stored == [[1]]
