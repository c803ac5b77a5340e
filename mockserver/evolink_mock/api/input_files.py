"""Files that requests name, fetched and probed before the request is carried out."""

import asyncio
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from evolink_contracts.spec.fields import Field
from evolink_contracts.spec.models import MODELS, Model
from evolink_mock.api.auth import Unauthenticated, authenticate
from evolink_mock.api.endpoint import Preparation
from evolink_mock.api.file_store import FileStore, PreparedFile
from evolink_mock.api.headers import Headers
from evolink_mock.core.media_routes import MediaRoutes
from evolink_mock.media.cache import FileCache
from evolink_mock.nesting import nesting_error
from evolink_mock.settings import MEDIA, Settings

if TYPE_CHECKING:
    from evolink_mock.api.input_reader import InputReader, ProbedFile


class InputFiles:
    """Prepares creates and uploads by URL, as soon as a route or an upload leads to any file.

    Until then requests wait for nothing, and the libraries that read files, which take a while to import, are not
    loaded.
    """

    def __init__(
        self, settings: Settings, cache: FileCache, store: FileStore, models: Mapping[str, Model] = MODELS
    ) -> None:
        self._models = models
        self._keys = settings.accepted_keys()
        self._cache = cache
        self._store = store
        self._routes = MediaRoutes(settings.media_route, settings.fetch_public)
        self._routed = bool(settings.media_route) or settings.fetch_public
        if self._routed:
            self._reader  # noqa: B018  # Loaded at the start instead of during the first request.

    @property
    def of_creates(self) -> Preparation:
        """The files of a create, by URL, as `ProbedFile`."""
        return Preparation(self._needed, self._prepare_create)

    @property
    def of_uploads(self) -> Preparation:
        """The file of an upload by URL, or a sentence that says why there is none."""
        return Preparation(self._needed, self._prepare_upload)

    def _needed(self) -> bool:
        return self._routed or (MEDIA and self._store.used)

    @cached_property
    def _reader(self) -> "InputReader":
        from evolink_mock.api.input_reader import InputReader

        return InputReader(self._routes, self._cache, self._store)

    async def _prepare_create(self, headers: Headers, body: bytes | None) -> Mapping[str, "ProbedFile"]:
        fields = self._fields(headers, body)
        model = self._models.get(str(fields.get("model")))
        media = {
            url: field.media
            for field in (model.fields if model else ())
            if field.media is not None
            for url in _urls(field, fields)
        }
        return await self._reader.probe_all(media)

    async def _prepare_upload(self, headers: Headers, body: bytes | None) -> Mapping[str, PreparedFile | str]:
        url = self._fields(headers, body).get("file_url")
        if not isinstance(url, str):
            return {}
        content = await self._reader.read_upload(url)
        if content is None:
            return {}
        return {url: content if isinstance(content, str) else await asyncio.to_thread(self._store.prepare, content)}

    def _fields(self, headers: Headers, body: bytes | None) -> dict[str, Any]:
        """The fields of a request; none where its key is not valid, so that nothing is fetched for it."""
        if body is None or isinstance(authenticate(headers.get(b"authorization"), self._keys), Unauthenticated):
            return {}
        if nesting_error(body) is not None:
            return {}
        try:
            fields = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        return fields if isinstance(fields, dict) else {}


def _urls(field: Field, fields: Mapping[str, Any]) -> list[str]:
    """The URLs in a field, the first one of a list."""
    value = fields.get(field.name)
    first = value[:1] if isinstance(value, list) else [value]
    return [url for url in first if isinstance(url, str)]
