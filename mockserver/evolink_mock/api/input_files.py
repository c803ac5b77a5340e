"""The files of a create, looked at before it is carried out, where a route or an upload says where they are."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from evolink_contracts.spec.fields import Field, Media
from evolink_contracts.spec.files import MAX_BYTES
from evolink_contracts.spec.models import MODELS
from evolink_mock.api.auth import Unauthenticated, authenticate
from evolink_mock.api.files import FileEndpoints
from evolink_mock.core.media_routes import MediaRoutes
from evolink_mock.core.task import Failure, InputFile
from evolink_mock.media.acceptance import ImageInfo, Oversized, Unreadable, check_file
from evolink_mock.media.cache import FileCache, digest_of
from evolink_mock.media.fetcher import Fetched, Fetcher
from evolink_mock.media.probe import probe_audio, probe_image
from evolink_mock.settings import Settings

_DECODED_AT_ONCE = 2
"""So that a core is left for everybody else."""
_FETCHED_AT_ONCE = 16
"""Since each may take as much memory as the largest file."""


class ProbedFile(NamedTuple):
    """What came of a file: why the task fails, or what it may use."""

    failure: Failure | None
    input: InputFile | None


class InputFiles:
    """Looks at files, and keeps the good ones on a shelf."""

    def __init__(self, settings: Settings, shelf: FileCache, uploads: FileEndpoints) -> None:
        self._keys = settings.keys
        self._uploads = uploads
        self._routing = MediaRoutes(settings.media_route, settings.fetch_public)
        self._fetcher = Fetcher()
        self._shelf = shelf
        self._fetching = asyncio.Semaphore(_FETCHED_AT_ONCE)
        self._decoding = asyncio.Semaphore(_DECODED_AT_ONCE)

    async def prepare(self, authorization: bytes | None, body: bytes | None) -> Mapping[str, ProbedFile]:
        """What is known of the files of a create request, by URL; of a stranger's nothing is fetched."""
        asked = self._asked(authorization, body)
        model = MODELS.get(str(asked.get("model")))
        wanted = {url: field.media for field in (model.fields if model else ()) for url in _urls(field, asked)}
        found = await asyncio.gather(*(self._look(url, media) for url, media in wanted.items() if media is not None))
        return {url: looked for url, looked in zip(wanted, found, strict=True) if looked is not None}

    async def _look(self, url: str, media: Media) -> ProbedFile | None:
        content = await self._content(url, media.max_bytes)
        if content is None:
            return None
        if isinstance(content, Unreadable):
            return ProbedFile(check_file(content, media), None)
        async with self._decoding:
            return await asyncio.to_thread(self._judged, content, media)

    async def fetch_upload(self, authorization: bytes | None, body: bytes | None) -> Mapping[str, bytes | str]:
        """The file that an upload by URL names, or why there is none."""
        asked = self._asked(authorization, body)
        url = asked.get("file_url")
        if not isinstance(url, str):
            return {}
        content = await self._content(url, MAX_BYTES)
        if content is None:
            return {}
        return {url: f"it {content.why}" if isinstance(content, Unreadable) else content}

    async def _content(self, url: str, most: int) -> Fetched | None:
        """`None` where a file is judged by its name alone."""
        if self._uploads.is_own(url):
            return self._uploads.content_of(url) or Unreadable("is not there: its upload is unknown or expired")
        source = self._routing.source(url)
        if source is None:
            return None
        async with self._fetching:
            return await self._fetcher.fetch(source, most)

    def _asked(self, authorization: bytes | None, body: bytes | None) -> dict[str, Any]:
        """The body, if somebody known sent one."""
        if body is None or isinstance(authenticate(authorization, self._keys), Unauthenticated):
            return {}
        try:
            asked = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return asked if isinstance(asked, dict) else {}

    def _judged(self, content: bytes, media: Media) -> ProbedFile:
        # More than is allowed was not brought whole, so it cannot be read.
        if len(content) > media.max_bytes:
            return ProbedFile(check_file(Oversized(len(content)), media), None)
        seen = probe_image(content) if media.noun == "image" else probe_audio(content)
        failure = check_file(seen, media)
        if failure is not None:
            return ProbedFile(failure, None)
        digest = digest_of(content)
        self._shelf.put(digest, content)
        if isinstance(seen, ImageInfo):
            return ProbedFile(None, InputFile("picture", digest, *seen.size))
        return ProbedFile(None, InputFile("sound", digest))


def _urls(field: Field, asked: Mapping[str, Any]) -> list[str]:
    """The files that a field names, the first of several."""
    value = asked.get(field.name) if field.media is not None else None
    first = value[:1] if isinstance(value, list) else [value]
    return [url for url in first if isinstance(url, str)]
