"""Both clients, called alike: the one that blocks as it is, the one that is awaited on an event loop of its own.

And an application behind a real socket, for callbacks to reach.
"""

import os
import socket
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeAlias

import anyio.lowlevel
import uvicorn
from anyio.from_thread import start_blocking_portal

from evolink_client import AsyncEvolinkClient, EvolinkClient
from tests.support.server_process import PATIENCE

SHELLS = ("blocking", "asyncio", "trio")
Do: TypeAlias = Callable[[Callable[[Any], Any]], Any]
"""Takes what to do with a client; gives what comes of it, awaited where that is needed."""


def no_sleep(_: float) -> None:
    """For a client whose service is on an automatic clock."""


async def no_sleep_async(_: float) -> None:
    await anyio.lowlevel.checkpoint()


@contextmanager
def driven(shell: str, key: str, url: str, *, sleeps: bool = False, **given: Any) -> Iterator[Do]:
    """A client of one kind. Its sockets are closed with it, and none of its connections is left in use."""
    before = sockets()
    if shell == "blocking":
        with EvolinkClient(key, url, sleep=None if sleeps else no_sleep, **given) as client:
            yield lambda act: act(client)
            idle(client)
    else:
        with start_blocking_portal(shell) as portal:
            sleep = None if sleeps else no_sleep_async
            awaited = portal.call(partial(AsyncEvolinkClient, key, url, sleep=sleep, **given))

            async def run(act: Callable[[Any], Any]) -> Any:
                return await act(awaited)

            try:
                yield lambda act: portal.call(run, act)
                idle(awaited)
            finally:
                portal.call(awaited.aclose)
    assert sockets() <= before


def sockets() -> set[object]:
    """The sockets of this process. What shares its port with another is a receiver's, and left out."""
    addresses = []
    for name in os.listdir("/dev/fd"):  # noqa: PTH208  # It lists itself, which is gone when it is looked at.
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                with socket.socket(fileno=os.dup(int(name))) as same:
                    addresses.append(same.getsockname() or int(name))
    return {address for address, count in Counter(addresses).items() if count == 1}


def idle(client: EvolinkClient | AsyncEvolinkClient) -> None:
    """No connection of a client is in use."""
    # httpx shows its connections nowhere.
    transport: Any = client._http._transport
    connections = transport._pool.connections
    assert all(connection.is_idle() or connection.is_closed() for connection in connections), connections


def listening() -> socket.socket:
    """A free port of this machine."""
    return socket.create_server(("127.0.0.1", 0))


def place_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def served(app: Any, listener: socket.socket) -> Iterator[None]:
    """An ASGI application behind a real socket."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()
