"""The bare starlette application that the figures are divided by: `python -m tests.bench.measure.bare PORT`."""

import sys

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.bench.measure.asgi import serve
from tests.bench.measure.traffic import COMPLETED, CREATE_PATH, CREATED


async def create(request: Request) -> JSONResponse:
    await request.json()
    return JSONResponse(CREATED)


async def query(request: Request) -> JSONResponse:
    return JSONResponse(COMPLETED)


def application() -> Starlette:
    return Starlette(routes=[Route("/v1/tasks/{task_id}", query), Route(CREATE_PATH, create, methods=["POST"])])


if __name__ == "__main__":
    serve(application(), int(sys.argv[1]))
