"""Listener: the webhook receiver behind a socket, by HTTP or HTTPS, for services outside this process."""

import socket
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import NamedTuple, Self

import uvicorn

from evolink_contracts.target.connection_reset import allow_resets
from evolink_contracts.target.pem_files import without_marks
from evolink_contracts.target.webhook import Webhook


class Certificate(NamedTuple):
    """PEM files for HTTPS: the certificate chain, and its key."""

    chain: Path
    key: Path


class Listener:
    """Serves a webhook at `url` as soon as it is made; port 0 takes any free one. Raises `OSError`."""

    def __init__(self, webhook: Webhook, host: str, port: int, certificate: Certificate | None = None) -> None:
        self._socket = socket.create_server((host, port), backlog=128)
        try:
            with without_marks(*(certificate or ())) as files:
                config = _config(webhook, files)
        except Exception:
            self._socket.close()
            raise
        scheme = "http" if certificate is None else "https"
        self.url = f"{scheme}://{host}:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()


def _config(webhook: Webhook, files: Sequence[Path]) -> uvicorn.Config:
    """A server whose certificate is loaded; `files` are its chain and its key, or none for HTTP."""
    chain, key = files or (None, None)
    config = uvicorn.Config(
        webhook,
        # httptools would take the body of a request that offers an upgrade for another protocol.
        http="h11",
        lifespan="off",
        log_config=None,
        access_log=False,
        ssl_certfile=chain,
        ssl_keyfile=key,
        timeout_keep_alive=75,
        # A sender that waits for a time-out is not waited for.
        timeout_graceful_shutdown=1,
    )
    allow_resets(config)
    return config
