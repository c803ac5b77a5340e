"""File endpoints: upload by base64, multipart stream or URL; quota, list, deletion and download."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec
from msgspec.structs import replace

from evolink_contracts.spec.errors import Operation
from evolink_contracts.spec.files import FORMATS, MAX_BYTES, PREFIX
from evolink_mock.api.auth import Unauthenticated, authenticate
from evolink_mock.api.endpoint import Endpoint, EndpointContext, Handler, Preparation, Request
from evolink_mock.api.file_bodies import (
    file_error,
    file_refusal,
    file_success,
    file_too_large,
    parse_base64,
    parse_form,
    parse_json,
)
from evolink_mock.api.file_links import FileLinks
from evolink_mock.api.file_store import LINKS, FileStore, PreparedFile
from evolink_mock.api.headers import Headers
from evolink_mock.api.responses import Result
from evolink_mock.api.route_table import RouteRow
from evolink_mock.core.upload import name_in_url, quota_body
from evolink_mock.settings.keys import AcceptedKeys
from evolink_mock.worlds.registry import WorldLimitReached, WorldRegistry
from evolink_mock.worlds.world import World

log = logging.getLogger("evolink_mock")

_MAX_BODY = MAX_BYTES * 4 // 3 + 64 * 1024
"""Bytes of a request with the largest file in base64."""

_encode = msgspec.json.Encoder().encode


_RECEIVED = "received"
_PARSED_AT_ONCE = 2
"""Since each may take twice the memory of its body."""


class _Received(NamedTuple):
    """A file as its request described it, and what the journal shows in place of the body."""

    file: PreparedFile
    original: str
    name: object
    path: object
    journal: bytes


class FileEndpoints:
    """The handlers below `/api/v1/files`, and the table of their routes."""

    def __init__(
        self,
        worlds: WorldRegistry,
        keys: AcceptedKeys,
        store: FileStore,
        fetching: Preparation,
        context: EndpointContext,
    ) -> None:
        self._worlds = worlds
        self._keys = keys
        self._store = store
        self._fetching = fetching
        """Fetches the file of an upload by URL."""
        self._parsing = asyncio.Semaphore(_PARSED_AT_ONCE)
        self._context = context._replace(failure=lambda operation, message: file_error("internal", message))

    def rows(self) -> list[RouteRow]:
        """Every route of the file endpoints."""
        links = FileLinks(self._store)
        download = Endpoint("any", links.by_id(), self._open_to_all, _MAX_BODY, self._context)
        by_url = Endpoint("any", {"POST": self._url}, self._open, _MAX_BODY, self._context, preparation=self._fetching)
        table: list[tuple[str, Mapping[str, Handler]]] = [
            (f"{PREFIX}/quota", {"GET": self._quota}),
            (f"{PREFIX}/list", {"GET": self._list}),
            (f"{PREFIX}/{{file_id}}", {"DELETE": self._delete}),
            (f"{LINKS}/{{token}}/{{file_id}}/{{rest:path}}", links.by_link()),
        ]
        return [
            RouteRow(f"{PREFIX}/download/{{file_id}}", download),
            RouteRow(f"{PREFIX}/upload/url", by_url),
            RouteRow(f"{PREFIX}/upload/base64", self._upload(self._base64)),
            RouteRow(f"{PREFIX}/upload/stream", self._upload(self._stream)),
            *(RouteRow(path, Endpoint("any", each, self._open, _MAX_BODY, self._context)) for path, each in table),
        ]

    def _upload(self, parse: "Callable[[Headers, bytes | None], _Received | Result]") -> Endpoint:
        """An endpoint whose body is parsed, hashed and written by a thread, since other requests cannot wait for it."""

        async def prepare(headers: Headers, body: bytes | None) -> Mapping[str, object]:
            async with self._parsing:
                return {_RECEIVED: await asyncio.to_thread(parse, headers, body)}

        handlers: Mapping[str, Handler] = {"POST": self._keep}
        preparation = Preparation(lambda: True, prepare)
        return Endpoint("any", handlers, self._open, _MAX_BODY, self._context, preparation=preparation)

    def _open_to_all(self, operation: Operation, headers: Headers, path: Mapping[str, str]) -> World:
        return self._worlds.anonymous

    def _open(self, operation: Operation, headers: Headers, path: Mapping[str, str]) -> World | Result:
        if "token" in path:
            return self._worlds.by_token(path["token"]) or self._worlds.anonymous
        key = authenticate(headers.get(b"authorization"), self._keys)
        if isinstance(key, Unauthenticated):
            return file_error("unauthorized")
        try:
            return self._worlds.get_or_create(key)
        except WorldLimitReached as reached:
            return file_refusal(429, str(reached))

    def _base64(self, headers: Headers, body: bytes | None) -> "_Received | Result":
        fields = parse_json("base64_data", headers, body)
        if isinstance(fields, Result):
            return fields
        text = fields["base64_data"]
        content = parse_base64(text)
        if isinstance(content, Result):
            return content
        journal = _encode({**fields, "base64_data": f"({len(text)} characters)"})
        return self._received(content, "upload", fields.get("file_name"), fields.get("upload_path"), journal)

    def _stream(self, headers: Headers, body: bytes | None) -> "_Received | Result":
        if body is None:
            return file_too_large()
        form = parse_form(headers, body)
        if isinstance(form, Result):
            return form
        file, journal = form.file(), f"(a form of {len(body)} bytes)".encode()
        if isinstance(file, Result):
            return replace(file, journal_body=journal)
        name, path = form.field("file_name", "fileName"), form.field("upload_path", "uploadPath")
        return self._received(file.content, file.filename or "", name, path, journal)

    def _received(self, content: bytes, original: str, name: object, path: object, journal: bytes) -> "_Received":
        return _Received(self._store.prepare(content), original, name, path, journal)

    def _keep(self, request: Request) -> Result:
        """Keep the file that was received, or answer with its error."""
        received = request.inputs[_RECEIVED]
        if isinstance(received, Result):
            return received
        result = self._add(request, received.file, received.original, received.name, received.path)
        return replace(result, journal_body=received.journal)

    def _url(self, request: Request) -> Result:
        fields = parse_json("file_url", request.headers, request.body)
        if isinstance(fields, Result):
            return fields
        url = fields["file_url"]
        content = request.inputs.get(url)
        if isinstance(content, PreparedFile):
            name, path = fields.get("file_name"), fields.get("upload_path")
            return self._add(request, content, name_in_url(url), name, path)
        reason = "no --media-route leads there" if content is None else str(content)
        return file_error("download", f"File could not be downloaded: {reason}")

    def _add(self, request: Request, file: PreparedFile, original: str, name: object, path: object) -> Result:
        try:
            added = self._store.add(request.world, request.now, file, original, name, path)
        except OSError:  # The cache has logged it.
            return file_error("storage")
        except Exception:
            # Answered here, so that the journal does not show the content of the file.
            log.exception("an uploaded file could not be kept")
            return file_error("storage")
        match added:
            case "too_large":
                return file_too_large()
            case "wrong_type":
                return file_error("wrong_type", f"File type is not supported; supported: {', '.join(FORMATS)}")
            case "quota":
                return file_error("quota")
            case upload:
                return file_success(
                    self._store.body(request.world, upload, request.headers.get(b"host")), "File uploaded successfully"
                )

    def _quota(self, request: Request) -> Result:
        return file_success(quota_body(len([*request.world.uploads.alive(request.now)])))

    def _list(self, request: Request) -> Result:
        query = dict(parse_qsl(request.query.decode("utf-8", "replace")))
        page, size = (
            int(text) if re.fullmatch(r"[1-9]\d{0,5}", text := query.get(name, "")) else default
            for name, default in (("page", 1), ("pageSize", 20))
        )
        host = request.headers.get(b"host")
        files = [self._store.body(request.world, upload, host) for upload in request.world.uploads.alive(request.now)][
            ::-1
        ]
        part = files[(page - 1) * size : page * size]
        return file_success({"files": part, "total": len(files), "page": page, "pageSize": size})

    def _delete(self, request: Request) -> Result:
        upload = request.world.uploads.get(request.path["file_id"], request.now)
        if upload is None:
            return file_error("not_found")
        request.world.uploads.remove(upload.id)
        return file_success(None, "File deleted successfully")
