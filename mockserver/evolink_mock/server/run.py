"""The emulator as a process: bind, announce, serve, drain."""

import errno
import gc
import json
import logging
import os
import secrets
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import uvicorn

from evolink_mock.app import Emulator, create_app
from evolink_mock.atomic_write import atomic_write
from evolink_mock.server.banner import banner
from evolink_mock.server.bounded_protocol import BoundedProtocol, Limits
from evolink_mock.server.descriptors import share_descriptors
from evolink_mock.server.fast_path import FastPathProtocol
from evolink_mock.server.fault_protocol import FaultProtocol
from evolink_mock.server.logging import configure_logging
from evolink_mock.server.own_hosts import OwnHosts
from evolink_mock.settings import Settings
from evolink_mock.temporary_directory import remove_abandoned
from evolink_mock.tls import CERTIFICATE, authority_directory, context_in_memory, server_context
from evolink_mock.worlds.store import StorageError

DRAIN_SECONDS = 10
_TICKS_OF_A_SECOND = 10
"""Calls of uvicorn's `on_tick` in one second."""
log = logging.getLogger("evolink_mock")


class CannotServe(Exception):
    """The process cannot serve; the message names the cause, and what to try."""


def serve(settings: Settings, *, exit_with_stdin: bool = False) -> None:
    """Run until SIGTERM or SIGINT, or until the standard input ends. Raises `CannotServe`."""
    _remove_stale(settings.ready_file)
    listener = _listen(settings.host, settings.port)
    settings = share_descriptors(_resolve(settings, listener.getsockname()[1]))
    configure_logging(settings.log_format, settings.log_level)
    remove_abandoned()
    try:
        app = create_app(settings)
    except (StorageError, ValueError) as error:
        raise CannotServe(str(error)) from None
    public_url = app.worlds.anonymous.config.public_url
    hosts = OwnHosts(lambda: public_url.fixed) if settings.loopback else None
    limits = Limits(settings.head_timeout, settings.body_timeout, settings.connection_limit, hosts)
    config = uvicorn.Config(
        app,
        # As types they would be imported by name; uvicorn calls either alike.
        http=partial(FaultProtocol if settings.access_log else FastPathProtocol, limits=limits),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=settings.access_log,
        # Both would come from the machine; the emulator sends its own date, by the world's clock.
        date_header=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    if settings.tls:
        config.load()
        config.ssl = _tls(settings)
    server = _Server(config, app, lambda: _announce(settings), Path(settings.ready_file or os.devnull), settings.port)
    if exit_with_stdin:
        Thread(target=server.exit_with_stdin, name="standard input", daemon=True).start()
    # uvicorn drains, and then raises the signal again.
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn's server, which announces that it is ready, and ends long polls before it waits for open requests."""

    def __init__(
        self, config: uvicorn.Config, app: Emulator, announce: Callable[[], str], ready_file: Path, port: int
    ) -> None:
        super().__init__(config)
        self._port = port
        self._control = app.control
        self._announce = announce
        self._ready_file = ready_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:
            return
        # The modules loaded by now are never freed: let garbage collections skip them.
        gc.freeze()
        gc.enable()
        url = self._announce()
        if self._ready_file != Path(os.devnull):
            ready = json.dumps({"url": url, "port": self._port, "pid": os.getpid()}) + "\n"
            atomic_write(self._ready_file, ready.encode())

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_OF_A_SECOND == 0:
            for connection in list(self.server_state.connections):
                if isinstance(connection, BoundedProtocol):
                    connection.check_deadline()
        return await super().on_tick(counter)

    def exit_with_stdin(self) -> None:
        """Wait until the standard input ends, as a pipe does when the process that writes to it is gone; then stop."""
        # Not by `sys.stdin`, whose lock a thread must not hold when the process ends.
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._control.drain()
        if self._ready_file != Path(os.devnull):
            self._ready_file.unlink(missing_ok=True)
        await super().shutdown(sockets)


def _remove_stale(ready_file: str) -> None:
    """Remove a ready file that an emulator left behind when it was killed, before a script can read the old URL."""
    file = Path(ready_file)
    if not ready_file:
        return
    if not os.access(file.absolute().parent, os.W_OK):
        raise CannotServe(f"cannot write --ready-file {file}: its directory is missing or not writable")
    if file.is_dir():
        raise CannotServe(f"cannot write --ready-file {file}: it is a directory; name a file")
    if file.is_file():
        file.unlink()


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        reason = f"{error.strerror or error}{_listen_hint(error)}"
        raise CannotServe(f"cannot listen on {host}:{port}: {reason}") from None
    listener.setblocking(False)
    return listener


def _listen_hint(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "; --host takes an address of this machine: 127.0.0.1 (the default), or 0.0.0.0 for all of them"
    if error.errno == errno.EADDRINUSE:
        return (
            "; is another emulator running? Choose another with --port, or 0 for any free one "
            '(with make: make run ARGS="--port 8081")'
        )
    if isinstance(error, PermissionError):
        return "; choose another with --port: those below 1024 may be reserved"
    return ""


def _resolve(settings: Settings, port: int) -> Settings:
    """The settings with the port and the control token of the running process."""
    token = settings.control_token or ("" if settings.loopback else secrets.token_urlsafe(24))
    return replace(settings, port=port, control_token=token)


def _tls(settings: Settings) -> ssl.SSLContext:
    directory = authority_directory(settings)
    try:
        return server_context(directory, _names(settings))
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and not settings.authority:
            log.warning(
                "the certificate authority is kept in memory, so that clients cannot verify the server: %s; "
                "--set authority=DIRECTORY keeps it",
                error,
            )
            return context_in_memory(_names(settings))
        hint = "choose another directory with --set authority=DIRECTORY, or remove what is in it"
        raise CannotServe(f"cannot use the certificate authority in {directory}: {error}; {hint}") from None


def _names(settings: Settings) -> list[str]:
    own = [] if _listens_everywhere(settings.host) else [settings.host]
    public = urlsplit(settings.public_url).hostname
    return list(dict.fromkeys(["localhost", "127.0.0.1", "::1", *own, *([public] if public else [])]))


def _listens_everywhere(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _announce(settings: Settings) -> str:
    authority = authority_directory(settings) / CERTIFICATE if settings.tls else None
    certificate = authority if authority is not None and authority.is_file() else None
    if settings.log_format == "json":
        ready: dict[str, object] = {
            "event": "ready",
            "url": settings.public_url or settings.address,
            "pid": os.getpid(),
        }
        ready |= {"control_token": settings.control_token} if settings.needs_token else {}
        print(json.dumps(ready), flush=True)
    else:
        print(banner(settings, certificate), flush=True)
    return settings.public_url or settings.address
