"""Resolver: names that hang delay neither other names, nor other threads, nor the end of the process."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from evolink_mock import egress
from evolink_mock.egress import NonBlockingResolver, exact_url

HANGING = [f"hanging-{number}.example.com" for number in range(40)]


class Names:
    """A substitute for the system's resolver: some names hang until `release`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requested: list[str] = []
        self._released = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def release(self) -> None:
        self._released.set()

    def _look_up(self, host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        self.requested.append(host)
        if host.startswith("hanging"):
            assert self._released.wait(20)
        if host.startswith("unknown"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1111", port, 0, 0))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Any:
    names = Names(monkeypatch)
    yield names
    names.release()


def test_look_ups_that_hang_delay_neither_others_nor_the_end(names: Names) -> None:
    async def main() -> None:
        resolver = NonBlockingResolver()
        hanging = [asyncio.create_task(resolver.resolve(name, 443)) for name in HANGING]
        async with asyncio.timeout(10):
            (found,) = await resolver.resolve("quick.example.com", 8443)
            assert await asyncio.to_thread(lambda: "done") == "done"
        assert (found["hostname"], found["host"], found["port"]) == ("quick.example.com", "2606:4700::1111", 8443)
        assert found["family"] == socket.AF_INET6
        await resolver.close()
        await asyncio.wait(hanging)

    asyncio.run(main())


def test_concurrent_look_ups_of_a_name_are_shared_and_later_ones_are_new(names: Names) -> None:
    async def main() -> None:
        resolver = NonBlockingResolver()
        requests = [asyncio.create_task(resolver.resolve(HANGING[0], 443)) for _ in range(100)]
        await asyncio.sleep(0)
        requests[0].cancel()
        names.release()
        found = await asyncio.gather(*requests, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        assert all(answer == found[1] for answer in found[1:])
        await resolver.resolve(HANGING[0], 443)
        assert names.requested == [HANGING[0]] * 2

    asyncio.run(main())


def test_an_unknown_name_is_an_error(names: Names) -> None:
    async def main() -> None:
        with pytest.raises(socket.gaierror):
            await NonBlockingResolver().resolve("unknown.example.com")

    asyncio.run(main())


def test_long_urls_are_exact_and_are_not_cached() -> None:
    """Those of input files may be long; a thousand of them would be kept."""
    egress._cached_url.cache_clear()
    long = "https://files.example.com/" + "a" * egress.LONGEST_CACHED
    assert str(exact_url(long)) == long
    assert egress._cached_url.cache_info().currsize == 0
    assert str(exact_url("https://files.example.com/a?")) == "https://files.example.com/a?"
    assert egress._cached_url.cache_info().currsize == 1
