"""Emulators in this process, unmodified or a mutant, as targets of the kit."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Thread

import uvicorn

from evolink_contracts.runs.selftest import find_provider
from evolink_contracts.target.target import Target, TargetOptions
from evolink_contracts.target.transports import AsgiTransport
from evolink_contracts.target.webhook import Webhook

EMULATORS = find_provider()


@contextmanager
def emulator(name: str | None = None) -> Iterator[tuple[AsgiTransport, Webhook]]:
    """The unmodified emulator, or the mutant of that name, and a webhook that receives its callbacks."""
    webhook = Webhook()
    with EMULATORS.made(name, {webhook.origin: webhook}) as app:
        transport = AsgiTransport(app)
        try:
            yield transport, webhook
        finally:
            transport.close()


@contextmanager
def service(name: str | None = None) -> Iterator[Callable[[], AbstractContextManager[Target]]]:
    """The same; each target that is opened begins with an empty world."""
    with emulator(name) as (transport, webhook):

        @contextmanager
        def opened() -> Iterator[Target]:
            webhook.clear()
            # The same seed, so that a history has the same end each time, and can be shortened.
            target = Target(transport, "sk-machine", TargetOptions(callbacks_arrive=True), webhook=webhook)
            yield target
            target.reset(0)

        yield opened


@contextmanager
def served(name: str | None = None) -> Iterator[str]:
    """The same behind a socket; the URL of it."""
    with EMULATORS.made(name, {}) as app, socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None))
        thread = Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
