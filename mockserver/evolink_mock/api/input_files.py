"""The files of a create, looked at before it is carried out, where a route or an upload says where they are."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from evolink_contracts.spec.fields import Field, Media
from evolink_contracts.spec.files import MAX_BYTES
from evolink_contracts.spec.models import MODELS
from evolink_mock.api.auth import Stranger, identify
from evolink_mock.api.files import Uploads
from evolink_mock.core.media_routes import MediaRouting
from evolink_mock.core.task import Failure, Input
from evolink_mock.media.acceptance import Picture, Unread, Unusable, judge
from evolink_mock.media.cache import Shelf, digest_of
from evolink_mock.media.fetcher import Fetched, Fetcher
from evolink_mock.media.probe import look_at_picture, look_at_sound
from evolink_mock.settings import Settings

_DECODED_AT_ONCE = 2
"""So that a core is left for everybody else."""
_FETCHED_AT_ONCE = 16
"""Since each may take as much memory as the largest file."""


class Looked(NamedTuple):
    """What came of a file: why the task fails, or what it may use."""

    failure: Failure | None
    input: Input | None


class Inputs:
    """Looks at files, and keeps the good ones on a shelf."""

    def __init__(self, settings: Settings, shelf: Shelf, uploads: Uploads) -> None:
        self._keys = settings.keys
        self._uploads = uploads
        self._routing = MediaRouting(settings.media_route, settings.fetch_public)
        self._fetcher = Fetcher()
        self._shelf = shelf
        self._fetching = asyncio.Semaphore(_FETCHED_AT_ONCE)
        self._decoding = asyncio.Semaphore(_DECODED_AT_ONCE)

    async def prepare(self, authorization: bytes | None, body: bytes | None) -> Mapping[str, Looked]:
        """What is known of the files of a create request, by URL; of a stranger's nothing is fetched."""
        asked = self._asked(authorization, body)
        model = MODELS.get(str(asked.get("model")))
        wanted = {url: field.media for field in (model.fields if model else ()) for url in _urls(field, asked)}
        found = await asyncio.gather(*(self._look(url, media) for url, media in wanted.items() if media is not None))
        return {url: looked for url, looked in zip(wanted, found, strict=True) if looked is not None}

    async def _look(self, url: str, media: Media) -> Looked | None:
        content = await self._content(url, media.max_bytes)
        if content is None:
            return None
        if isinstance(content, Unusable):
            return Looked(judge(content, media), None)
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
        return {url: f"it {content.why}" if isinstance(content, Unusable) else content}

    async def _content(self, url: str, most: int) -> Fetched | None:
        """`None` where a file is judged by its name alone."""
        if self._uploads.is_own(url):
            return self._uploads.content_of(url) or Unusable("is not there: its upload is unknown or expired")
        source = self._routing.source(url)
        if source is None:
            return None
        async with self._fetching:
            return await self._fetcher.fetch(source, most)

    def _asked(self, authorization: bytes | None, body: bytes | None) -> dict[str, Any]:
        """The body, if somebody known sent one."""
        if body is None or isinstance(identify(authorization, self._keys), Stranger):
            return {}
        try:
            asked = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return asked if isinstance(asked, dict) else {}

    def _judged(self, content: bytes, media: Media) -> Looked:
        # More than is allowed was not brought whole, so it cannot be read.
        if len(content) > media.max_bytes:
            return Looked(judge(Unread(len(content)), media), None)
        seen = look_at_picture(content) if media.noun == "image" else look_at_sound(content)
        failure = judge(seen, media)
        if failure is not None:
            return Looked(failure, None)
        digest = digest_of(content)
        self._shelf.put(digest, content)
        if isinstance(seen, Picture):
            return Looked(None, Input("picture", digest, *seen.size))
        return Looked(None, Input("sound", digest))


def _urls(field: Field, asked: Mapping[str, Any]) -> list[str]:
    """The files that a field names, the first of several."""
    value = asked.get(field.name) if field.media is not None else None
    first = value[:1] if isinstance(value, list) else [value]
    return [url for url in first if isinstance(url, str)]
