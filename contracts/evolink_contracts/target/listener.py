"""A receiver of callbacks behind a socket, by HTTP or HTTPS, for services that cannot be handed an application."""

import socket
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import NamedTuple, Self

import uvicorn

from evolink_contracts.target.connection_reset import allow_resets
from evolink_contracts.target.webhook import Hook


class Certificate(NamedTuple):
    """Files in PEM that HTTPS is spoken with: the chain, and its key."""

    chain: Path
    key: Path


class Listener:
    """A hook that listens at `place` from when it is made; port 0 takes any that is free. Raises `OSError`."""

    def __init__(self, hook: Hook, host: str, port: int, certificate: Certificate | None = None) -> None:
        self._socket = socket.create_server((host, port), backlog=128)
        try:
            config = uvicorn.Config(
                hook,
                http="httptools",
                lifespan="off",
                log_config=None,
                access_log=False,
                ssl_certfile=None if certificate is None else certificate.chain,
                ssl_keyfile=None if certificate is None else certificate.key,
                # Whoever waits for an answer that never comes is not waited for.
                timeout_graceful_shutdown=1,
            )
            allow_resets(config)
        except Exception:
            self._socket.close()
            raise
        scheme = "http" if certificate is None else "https"
        self.place = f"{scheme}://{host}:{self._socket.getsockname()[1]}"
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
