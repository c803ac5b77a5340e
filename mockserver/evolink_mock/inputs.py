"""The files of a create, looked at before it is carried out, where a route or an upload says where they are."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from evolink_contracts.spec import fields
from evolink_contracts.spec.fields import Media
from evolink_mock.auth import Stranger, identify
from evolink_mock.core.inputs import Picture, Unread, Unusable, judge
from evolink_mock.core.media_routing import MediaRouting
from evolink_mock.core.task import Failure, Input
from evolink_mock.fetching import Fetcher
from evolink_mock.media.looking import look_at_picture, look_at_sound
from evolink_mock.media.shelf import Shelf, digest_of
from evolink_mock.settings import Settings

_AT_ONCE = 2
"""Files that are decoded at a time, so that a core is left for everybody else."""


class Looked(NamedTuple):
    """What came of a file: why the task fails, or what it may use."""

    failure: Failure | None
    input: Input | None


class Inputs:
    """Looks at files, and keeps the good ones on a shelf."""

    def __init__(self, settings: Settings, shelf: Shelf) -> None:
        self._keys = settings.keys
        self._routing = MediaRouting(settings.media_route, settings.fetch_public)
        self._fetcher = Fetcher()
        self._shelf = shelf
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def prepare(self, authorization: bytes | None, body: bytes | None) -> Mapping[str, Looked]:
        """What is known of the files of a create request, by URL; of a stranger's nothing is fetched."""
        if body is None or isinstance(identify(authorization, self._keys), Stranger):
            return {}
        try:
            asked = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        if not isinstance(asked, dict):
            return {}
        listed = asked.get("image_urls")
        wanted = [
            *((url, fields.IMAGE_URLS.media) for url in (listed if isinstance(listed, list) else [])[:1]),
            (asked.get("audio_url"), fields.AUDIO_URL.media),
        ]
        found: dict[str, Looked] = {}
        for url, media in wanted:
            if isinstance(url, str) and media is not None and (looked := await self._look(url, media)) is not None:
                found[url] = looked
        return found

    async def _look(self, url: str, media: Media) -> Looked | None:
        source = self._routing.source(url)
        if source is None:
            return None
        content = await self._fetcher.fetch(source, media.max_bytes)
        if isinstance(content, Unusable):
            return Looked(judge(content, media), None)
        async with self._free:
            return await asyncio.to_thread(self._judged, content, media)

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
