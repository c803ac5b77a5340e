"""Egress: DNS resolution and exact URLs of outgoing HTTP, guarded against requests to internal addresses.

Names are looked up in daemon threads, since a look-up that hangs cannot be cancelled: aiohttp's own resolver uses the
threads of the event loop, where a few such names would block all other work, and the end of the process.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from functools import lru_cache, partial

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from evolink_mock.core.url_policy import check_callback_url

_MOST = 64
"""Look-ups at once."""


class NonBlockingResolver(AbstractResolver):
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


class Blocked(OSError):
    """A name led to an address that production would not connect to."""

    def __init__(self, text: str) -> None:
        # aiohttp shows what stands in the place of the system's words.
        super().__init__(0, text)


class PublicResolver(AbstractResolver):
    """Resolves names at the moment of connecting, to public addresses or to none at all.

    The verdict at create cannot do this: a name may answer differently by the time of the attempt.
    """

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or NonBlockingResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for result in found:
            objection = check_callback_url(f"https://{host}/", [result["host"]])
            if objection is not None:
                raise Blocked(f"{host} resolves to {result['host']}, which is internal")
        return found

    async def close(self) -> None:
        await self._inner.close()


@lru_cache(maxsize=1024)
def exact_url(text: str) -> URL:
    """Byte for byte as it was written."""
    scheme, _, rest = text.partition("://")
    # Whatever comes behind the authority begins with one of these, and may have an @ in it.
    end = next((place for place, character in enumerate(rest) if character in "/?#"), len(rest))
    authority, target = rest[:end], rest[end:]
    # All of the target as the path, since a query that is empty would lose its question mark.
    path = target if target.startswith("/") else f"/{target}" if target else ""
    return URL.build(scheme=scheme, authority=authority, path=path, encoded=True)
