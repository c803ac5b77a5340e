"""A web service that makes videos: POST /videos creates one and says its id, GET /videos/{id} waits for its link.

EvoLink calls back at /evolink/SECRET; where no callback comes through, polling finds the end.

    EVOLINK_API_KEY=… PUBLIC_URL=https://app.example.com CALLBACK_SECRET=… uvicorn service:app
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from evolink_client import (
    AsyncEvolinkClient,
    CallbackInbox,
    CallbackRouter,
    EvolinkError,
    InvalidRequest,
    NotFound,
    TaskFailed,
    WaitTimedOut,
)

PUBLIC_URL = os.environ.get("PUBLIC_URL", "https://app.example.com")
SECRET = os.environ.get("CALLBACK_SECRET", "change-me-before-you-deploy")

inbox = CallbackInbox()


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with AsyncEvolinkClient(retry_creates=True) as evolink:
        app.state.evolink = evolink
        yield


def client_of(request: Request) -> AsyncEvolinkClient:
    evolink: AsyncEvolinkClient = request.app.state.evolink
    return evolink


async def create(request: Request) -> JSONResponse:
    asked = await request.json()
    try:
        task = await client_of(request).videos.create(
            asked["prompt"], asked["image"], duration=5, callback_url=f"{PUBLIC_URL}/evolink/{SECRET}"
        )
    except InvalidRequest as error:
        return JSONResponse({"field": error.field, "message": str(error)}, 422)
    except EvolinkError as error:
        return JSONResponse({"message": str(error)}, 502)
    reserved: float | None = task.usage.credits_reserved if task.usage else None
    return JSONResponse({"id": task.id, "credits": reserved}, 202)


async def show(request: Request) -> JSONResponse:
    try:
        video = await client_of(request).tasks.wait(request.path_params["id"], timeout=30, callbacks=inbox)
    except TaskFailed as failed:
        return JSONResponse({"code": failed.code, "retryable": failed.retryable, "advice": failed.advice}, 424)
    except WaitTimedOut as waited:
        return JSONResponse({"progress": waited.task.progress}, 202)
    except NotFound:
        return JSONResponse({"message": "there is no such video"}, 404)
    return JSONResponse({"url": video.url})


app = Starlette(
    routes=[
        Route("/videos", create, methods=["POST"]),
        Route("/videos/{id}", show),
        Mount("/evolink", CallbackRouter(inbox.put, secret=SECRET)),
    ],
    lifespan=lifespan,
)
