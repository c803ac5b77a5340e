"""Egress: DNS resolution and exact URLs of outgoing HTTP, guarded against requests to internal addresses.

Names are looked up in daemon threads, since a look-up that hangs cannot be cancelled: aiohttp's own resolver uses the
thread pool of the event loop, where a few such names would block all other work and the end of the process.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from functools import lru_cache, partial

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from evolink_mock.core.url_policy import check_callback_url

LONGEST_CACHED = 2048
"""Characters up to which a URL is cached. Those of input files may be longer than those of callbacks."""
_MAX_LOOKUPS = 64
"""Look-ups under way at once."""


class NonBlockingResolver(AbstractResolver):
    """The system's resolver in threads. Requests for a name that is being looked up already share its result."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, int, int], asyncio.Task[list[ResolveResult]]] = {}
        self._free = asyncio.Semaphore(_MAX_LOOKUPS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        query = host, port, int(family)
        running = self._running.get(query)
        if running is None:
            running = self._running[query] = asyncio.create_task(self._look_up(*query))
            running.add_done_callback(partial(self._finish, query))
        # A caller that is cancelled leaves the look-up to the others.
        return await asyncio.shield(running)

    def _finish(self, query: tuple[str, int, int], running: asyncio.Task[list[ResolveResult]]) -> None:
        del self._running[query]
        if not running.cancelled():
            # Retrieved here, or asyncio would log an error that no caller waits for any more.
            running.exception()

    async def _look_up(self, host: str, port: int, family: int) -> list[ResolveResult]:
        async with self._free:
            loop = asyncio.get_running_loop()
            found: asyncio.Future[list[ResolveResult]] = loop.create_future()

            def set_result(result: list[ResolveResult] | OSError | UnicodeError) -> None:
                if found.done():
                    return
                if isinstance(result, Exception):
                    found.set_exception(result)
                else:
                    found.set_result(result)

            def run() -> None:
                try:
                    result: list[ResolveResult] | OSError | UnicodeError = _getaddrinfo(host, port, family)
                except (OSError, UnicodeError) as error:
                    result = error
                # The loop may have ended meanwhile.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(set_result, result)

            threading.Thread(target=run, name=f"look up {host}", daemon=True).start()
            return await found

    async def close(self) -> None:
        for running in list(self._running.values()):
            running.cancel()


def _getaddrinfo(host: str, port: int, family: int) -> list[ResolveResult]:
    addresses = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
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
        for found, _, protocol, _, address in addresses
    ]


class Blocked(OSError):
    """A name resolved to an address that production would not connect to."""

    def __init__(self, text: str) -> None:
        # The record of an attempt shows the text in the place of the system's message.
        super().__init__(0, text)


class PublicResolver(AbstractResolver):
    """Resolves names at the moment of connecting, and raises `Blocked` for one that has an internal address.

    The check at create cannot do this: a name may resolve differently by the time of the attempt.
    """

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or NonBlockingResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for result in found:
            violation = check_callback_url(f"https://{host}/", [result["host"]])
            if violation is not None:
                raise Blocked(f"{host} resolves to {result['host']}, which is internal")
        return found

    async def close(self) -> None:
        await self._inner.close()


def exact_url(text: str) -> URL:
    """A URL with every byte as it was written."""
    return (_cached_url if len(text) <= LONGEST_CACHED else _parse_url)(text)


def _parse_url(text: str) -> URL:
    scheme, _, rest = text.partition("://")
    # The part after the authority begins with one of these, and may contain an @.
    end = next((place for place, character in enumerate(rest) if character in "/?#"), len(rest))
    authority, target = rest[:end], rest[end:]
    # The whole target as the path, since an empty query would lose its question mark.
    path = target if target.startswith("/") else f"/{target}" if target else ""
    return URL.build(scheme=scheme, authority=authority, path=path, encoded=True)


_cached_url = lru_cache(maxsize=1024)(_parse_url)
