"""Fetches the input file of a URL from its source, within limits of time, size and redirects."""

import asyncio
import errno
import os
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urldefrag, urljoin

import aiohttp
from yarl import URL

from evolink_mock.core.delivery import USER_AGENT
from evolink_mock.core.media_routes import FromFile, FromPublic, FromServer, MediaSource
from evolink_mock.core.url_policy import check_callback_url
from evolink_mock.egress import NonBlockingResolver, PublicResolver, exact_url
from evolink_mock.media.acceptance import Unreadable
from evolink_mock.pem_files import marked_authorities

LIMIT = 10.0
"""Seconds for a file, redirects included; no source says how long the real service tries."""
_REDIRECTS = 5
_LONGEST_FIELD = 64 * 1024
"""Bytes of a status line or header; by default aiohttp refuses headers that browsers accept."""
_MOST_FIELDS = 1024

Fetched: TypeAlias = bytes | Unreadable


class Fetcher:
    """Fetches at most one byte more than allowed, which shows that a file is too large."""

    async def fetch(self, source: MediaSource, most: int) -> Fetched:
        try:
            async with asyncio.timeout(LIMIT):
                match source:
                    case FromFile(home, path):
                        return await asyncio.to_thread(_read, home, path, most)
                    case FromServer(place, target, authority):
                        return await _get(f"{place}{target}", place, authority, most)
                    case FromPublic(url):
                        return await _get(url, None, None, most)
        except TimeoutError:
            return Unreadable(f"could not be fetched within {LIMIT:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Unreadable(f"could not be fetched: {str(error)[:100] or type(error).__name__}")


def _read(home: Path, path: str, most: int) -> Fetched:
    try:
        file = (home / path.lstrip("/")).resolve()
        # Neither `..` nor a link leads out of the directory.
        if not file.is_relative_to(home) or not file.is_file():
            return Unreadable(f"is not there: {path[:100]}")
        with file.open("rb") as content:
            return content.read(most + 1)
    except RuntimeError:  # Of Python before 3.13.
        reason = os.strerror(errno.ELOOP)
    except (OSError, ValueError) as error:
        # Its own text has the place on this machine.
        reason = str(error.strerror if isinstance(error, OSError) else error)
    return Unreadable(f"could not be fetched: {path[:100]}: {reason}")


async def _get(url: str, place: str | None, authority: str | None, most: int) -> Fetched:
    """`place` is where redirects must stay; without one, every step must lead to the public internet."""
    resolver = NonBlockingResolver() if place is not None else PublicResolver()
    authorities = await asyncio.to_thread(marked_authorities)
    connector = aiohttp.TCPConnector(resolver=resolver, force_close=True, ssl=authorities or True)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        max_line_size=_LONGEST_FIELD,
        max_field_size=_LONGEST_FIELD,
        max_headers=_MOST_FIELDS,
    ) as session:
        for _ in range(_REDIRECTS + 1):
            there = exact_url(url)
            if place is None and (unreadable := _not_public(there)) is not None:
                return unreadable
            headers = {} if authority is None else {"Host": authority}
            async with session.get(there, headers=headers, allow_redirects=False) as response:
                if response.status in (301, 302, 303, 307, 308):
                    url = urldefrag(urljoin(url, response.headers.get("Location", ""))).url
                    if place is not None and not url.startswith(f"{place}/"):
                        return Unreadable(f"could not be fetched: it redirects to {url[:100]}, away from its route")
                    continue
                if response.status != 200:
                    return Unreadable(f"could not be fetched: its server answered {response.status}")
                content = bytearray()
                async for chunk in response.content.iter_any():
                    content += chunk
                    if len(content) > most:
                        break
                return bytes(content[: most + 1])
    return Unreadable(f"could not be fetched: it redirects more than {_REDIRECTS} times")


def _not_public(url: URL) -> Unreadable | None:
    """Check the host that is connected to, not the text of the URL."""
    if url.scheme not in ("http", "https"):
        return Unreadable(f"could not be fetched: it redirects to {url.scheme[:20]!r}")
    # The policy of callback URLs is about https alone; its rules for hosts hold for any scheme.
    violation = check_callback_url(f"https://{url.raw_authority}/")
    return None if violation is None else Unreadable(f"could not be fetched: {violation.message}")
