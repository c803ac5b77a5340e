"""An application that has videos made: it creates tasks, keeps what comes of them, and takes callbacks.

    EVOLINK_BASE_URL=http://127.0.0.1:8080 uvicorn app:app --port 3000

A callback may arrive twice, out of order, or before the create call that it belongs to has been answered. So a video is
one row that both the create call and the callback write, whichever comes first, and what has ended never changes again.
"""

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

BASE_URL = os.environ.get("EVOLINK_BASE_URL", "https://api.evolink.ai")
API_KEY = os.environ.get("EVOLINK_API_KEY", "sk-local")
CALLBACK_URL = os.environ.get("CALLBACK_URL", "https://app.example.com/evolink/callback")
DATABASE = os.environ.get("DATABASE", ":memory:")
ENDED = ("completed", "failed", "cancelled")

SCHEMA = """
CREATE TABLE IF NOT EXISTS video (
    task TEXT PRIMARY KEY, status TEXT NOT NULL, link TEXT, error TEXT, prompt TEXT,
    callbacks INTEGER NOT NULL DEFAULT 0
)
"""


def created(database: sqlite3.Connection, task: str, prompt: str) -> None:
    """Our own write after the create call, which may come after the callback."""
    with database:
        database.execute(
            "INSERT INTO video (task, status, prompt) VALUES (?, 'pending', ?) "
            "ON CONFLICT (task) DO UPDATE SET prompt = excluded.prompt",
            (task, prompt),
        )


def called_back(database: sqlite3.Connection, body: Any) -> bool:
    """Store the end of a task; whether it was news. Raises `ValueError` for what is no such end."""
    if not isinstance(body, dict) or not isinstance(body.get("id"), str) or body.get("status") not in ENDED:
        raise ValueError("not a finished task")
    results, error = body.get("results") or [None], body.get("error") or {}
    if not isinstance(results, list) or not isinstance(error, dict):
        raise ValueError("results must be a list, and error an object")
    link, code = results[0], error.get("code")
    if not isinstance(link, str | None) or not isinstance(code, str | None):
        raise ValueError("a link and a code must be strings")
    with database:
        news = database.execute(
            "INSERT INTO video (task, status, link, error, callbacks) VALUES (?, ?, ?, ?, 1) "
            "ON CONFLICT (task) DO UPDATE SET status = excluded.status, link = excluded.link, error = excluded.error, "
            "callbacks = callbacks + 1 WHERE status = 'pending'",
            (body["id"], body["status"], link, code),
        ).rowcount
        if not news:
            database.execute("UPDATE video SET callbacks = callbacks + 1 WHERE task = ?", (body["id"],))
    return bool(news)


async def make_video(request: Request) -> JSONResponse:
    wanted = await request.json()
    # What the emulator shall let go wrong; the service itself does not know this header.
    scenario = {name: value for name, value in request.headers.items() if name == "x-mock-scenario"}
    answer = await request.app.state.evolink.post(
        "/v1/videos/generations", json=wanted | {"callback_url": CALLBACK_URL}, headers=scenario
    )
    if answer.status_code != 200:
        return JSONResponse(answer.json(), 502)
    task = answer.json()["id"]
    created(request.app.state.database, task, wanted.get("prompt", ""))
    return JSONResponse({"task": task}, 202)


async def callback(request: Request) -> JSONResponse:
    try:
        news = called_back(request.app.state.database, await request.json())
    except ValueError as error:
        return JSONResponse({"error": str(error)}, 400)
    # Answer 200 to what is known already too: another status would only bring it again.
    return JSONResponse({"news": news})


async def show_video(request: Request) -> JSONResponse:
    database = request.app.state.database
    row = database.execute("SELECT * FROM video WHERE task = ?", (request.path_params["task"],)).fetchone()
    return JSONResponse(dict(row) if row else {"error": "unknown"}, 200 if row else 404)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.database = sqlite3.connect(DATABASE, check_same_thread=False)
    app.state.database.row_factory = sqlite3.Row
    app.state.database.execute(SCHEMA)
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with httpx.AsyncClient(base_url=BASE_URL, headers=headers) as app.state.evolink:
        yield
    app.state.database.close()


app = Starlette(
    routes=[
        Route("/videos", make_video, methods=["POST"]),
        Route("/videos/{task}", show_video),
        Route("/evolink/callback", callback, methods=["POST"]),
    ],
    lifespan=lifespan,
)
