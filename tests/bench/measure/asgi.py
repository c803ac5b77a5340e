"""Serves an application with the options that the emulator serves itself with, until it is told to stop."""

from typing import Any

import uvicorn


def serve(app: Any, port: int, http: Any = "httptools") -> None:
    uvicorn.run(
        app,
        port=port,
        http=http,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        proxy_headers=False,
    )
