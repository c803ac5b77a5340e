"""Reads input files: from a media route or an upload, probed and checked against the limits of the model."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from evolink_contracts.spec.fields import Media
from evolink_contracts.spec.files import MAX_BYTES
from evolink_mock.api.file_store import FileStore
from evolink_mock.core.media_routes import MediaRoutes
from evolink_mock.core.task import Failure, InputFile
from evolink_mock.media.acceptance import ImageInfo, Oversized, Unreadable, check_file
from evolink_mock.media.cache import FileCache, digest_of
from evolink_mock.media.fetcher import Fetched, Fetcher
from evolink_mock.media.probe_pool import CHILDREN, PROBES

_FETCHED_AT_ONCE = 16
"""Since each may take as much memory as the largest file."""


class ProbedFile(NamedTuple):
    """A file after probing: the failure that it causes, or the input that it gives to the task."""

    failure: Failure | None
    input: InputFile | None


class InputReader:
    """Fetches and probes files, and caches those that are accepted."""

    def __init__(self, routes: MediaRoutes, cache: FileCache, store: FileStore) -> None:
        self._routes = routes
        self._cache = cache
        self._store = store
        self._fetcher = Fetcher()
        self._fetching = asyncio.Semaphore(_FETCHED_AT_ONCE)
        self._decoding = asyncio.Semaphore(CHILDREN)
        PROBES.warm_up()

    async def probe_all(self, media: Mapping[str, Media]) -> Mapping[str, ProbedFile]:
        """The files at these URLs, without those that are checked by their names alone."""
        found = await asyncio.gather(*(self._probe(url, limits) for url, limits in media.items()))
        return {url: probed for url, probed in zip(media, found, strict=True) if probed is not None}

    async def read_upload(self, url: str) -> bytes | str | None:
        """The content at a URL, or why it cannot be read; `None` where no route leads there."""
        content = await self._fetch(url, MAX_BYTES)
        return f"it {content.why}" if isinstance(content, Unreadable) else content

    async def _probe(self, url: str, limits: Media) -> ProbedFile | None:
        content = await self._fetch(url, limits.max_bytes)
        if content is None:
            return None
        if isinstance(content, Unreadable):
            return ProbedFile(check_file(content, limits), None)
        async with self._decoding:
            return await asyncio.to_thread(self._judge, content, limits)

    async def _fetch(self, url: str, max_bytes: int) -> Fetched | None:
        """`None` where a file is checked by its name alone."""
        if self._store.is_link(url):
            return self._store.content_at(url) or Unreadable("is not there: its upload is unknown or expired")
        source = self._routes.source(url)
        if source is None:
            return None
        async with self._fetching:
            return await self._fetcher.fetch(source, max_bytes)

    def _judge(self, content: bytes, limits: Media) -> ProbedFile:
        # A file over the limit was not fetched whole, so it cannot be read.
        if len(content) > limits.max_bytes:
            return ProbedFile(check_file(Oversized(len(content)), limits), None)
        info = PROBES.probe(limits.noun, content)
        failure = check_file(info, limits)
        if failure is not None:
            return ProbedFile(failure, None)
        digest = digest_of(content)
        self._cache.put(digest, content)
        if isinstance(info, ImageInfo):
            return ProbedFile(None, InputFile("picture", digest, *info.size))
        return ProbedFile(None, InputFile("sound", digest))
