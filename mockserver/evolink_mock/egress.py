"""Looks names up in threads that nobody waits for, since a look-up that hangs cannot be stopped.

aiohttp's own resolver uses the threads of the event loop: a few names that hang would keep all other work from them,
and the process from ending.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from functools import partial

from aiohttp.abc import AbstractResolver, ResolveResult

_MOST = 64
"""Look-ups at once."""


class SystemResolver(AbstractResolver):
    """Asks the machine. Whoever asks for a name that is being looked up already gets the same answer."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, int, int], asyncio.Task[list[ResolveResult]]] = {}
        self._free = asyncio.Semaphore(_MOST)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        asked = host, port, int(family)
        running = self._running.get(asked)
        if running is None:
            running = self._running[asked] = asyncio.create_task(self._look_up(*asked))
            running.add_done_callback(partial(self._finish, asked))
        # Whoever gives up on it does so for himself.
        return await asyncio.shield(running)

    def _finish(self, asked: tuple[str, int, int], running: asyncio.Task[list[ResolveResult]]) -> None:
        del self._running[asked]
        if not running.cancelled():
            # asyncio would complain of an error that nobody asks for any more.
            running.exception()

    async def _look_up(self, host: str, port: int, family: int) -> list[ResolveResult]:
        async with self._free:
            loop = asyncio.get_running_loop()
            found: asyncio.Future[list[ResolveResult]] = loop.create_future()

            def tell(answer: list[ResolveResult] | OSError | UnicodeError) -> None:
                if found.done():
                    return
                if isinstance(answer, Exception):
                    found.set_exception(answer)
                else:
                    found.set_result(answer)

            def ask() -> None:
                try:
                    answer: list[ResolveResult] | OSError | UnicodeError = _ask(host, port, family)
                except (OSError, UnicodeError) as error:
                    answer = error
                # The loop may have ended meanwhile.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(tell, answer)

            threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
            return await found

    async def close(self) -> None:
        for running in list(self._running.values()):
            running.cancel()


def _ask(host: str, port: int, family: int) -> list[ResolveResult]:
    answers = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(
            hostname=host,
            # Unlike the address, this names the interface of a link-local one.
            host=socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0],
            port=port,
            family=found,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for found, _, protocol, _, address in answers
    ]
