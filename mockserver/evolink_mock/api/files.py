"""The file endpoints: upload by base64, stream or URL; quota, list, removal; and what the links of files lead to."""

import base64
import binascii
import re
from collections.abc import Callable, Collection, Mapping
from hashlib import blake2b
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec.structs import replace
from starlette.routing import Route

from evolink_contracts.spec.errors import Operation
from evolink_contracts.spec.files import FILE_ERRORS, FORMATS, MAX_BYTES, MAX_FILES, PREFIX
from evolink_mock.api.auth import Unauthenticated, authenticate
from evolink_mock.api.endpoint import Endpoint, Handler, Prepare, Request, WorldResolver
from evolink_mock.api.fault_sender import send_with_fault
from evolink_mock.api.file_response import file_response, preflight, without_range
from evolink_mock.api.headers import Headers
from evolink_mock.api.responses import Result
from evolink_mock.clock import iso_date
from evolink_mock.core.upload import Upload, format_of, quota_body, slugify, upload_body
from evolink_mock.media.cache import FileCache, digest_of
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.world import World

LINKS = "/files"
"""What links to files begin with, behind the public URL."""
_BODY = MAX_BYTES * 4 // 3 + 64 * 1024
"""Bytes of a request with the largest file in base64."""

_encode = msgspec.json.Encoder().encode


class FileEndpoints:
    """Each world has its files, for as long as it lasts; what is in them is on a shelf."""

    def __init__(
        self,
        worlds: WorldRegistry,
        keys: Collection[str],
        shelf: FileCache,
        public_url: str,
        request_served: Callable[[], None],
    ) -> None:
        self._request_served = request_served
        self._worlds = worlds
        self._keys = keys
        self._shelf = shelf
        self._public_url = public_url
        self.fetch: Prepare | None = None
        """Brings the file of an upload by URL, where any URL leads somewhere."""
        self.heard: Callable[[], None] = lambda: None
        """Called after an upload."""

    def routes(self) -> list[Route]:
        table: list[tuple[str, Mapping[str, Handler], Prepare | None]] = [
            (f"{PREFIX}/upload/base64", {"POST": self._base64}, None),
            (f"{PREFIX}/upload/stream", {"POST": self._stream}, None),
            (f"{PREFIX}/upload/url", {"POST": self._url}, self._fetched),
            (f"{PREFIX}/quota", {"GET": self._quota}, None),
            (f"{PREFIX}/list", {"GET": self._list}, None),
            (f"{PREFIX}/{{file_id}}", {"DELETE": self._delete}, None),
            (f"{LINKS}/{{token}}/{{file_id}}/{{rest:path}}", _served_by(self._file), None),
        ]
        public = self._endpoint(_served_by(self._download), None, self._open_to_all)
        return [
            Route(f"{PREFIX}/download/{{file_id}}", public),
            *(Route(path, self._endpoint(handlers, prepare, self._open)) for path, handlers, prepare in table),
        ]

    def _endpoint(self, handlers: Mapping[str, Handler], prepare: Prepare | None, opener: WorldResolver) -> Endpoint:
        outside, served = self._worlds.anonymous, self._request_served
        return Endpoint("any", handlers, opener, outside, _BODY, send_with_fault, served, prepare=prepare)

    def _open_to_all(self, operation: Operation, headers: Headers, path: Mapping[str, str]) -> World:
        return self._worlds.anonymous

    def _open(self, operation: Operation, headers: Headers, path: Mapping[str, str]) -> World | Result:
        if "token" in path:
            return self._worlds.by_token(path["token"]) or self._worlds.anonymous
        key = authenticate(headers.get(b"authorization"), self._keys)
        return _refused("unauthorized") if isinstance(key, Unauthenticated) else self._worlds.get_or_create(key)

    async def _fetched(self, authorization: bytes | None, body: bytes | None) -> Mapping[str, Any]:
        return {} if self.fetch is None else await self.fetch(authorization, body)

    # Uploads

    def _base64(self, call: Request) -> Result:
        asked = _object_with("base64_data", call.body)
        if isinstance(asked, Result):
            return asked
        text = asked["base64_data"]
        data = text.partition(",")[2] if text.startswith("data:") else text
        try:
            content = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError) as error:
            return _refused("invalid", f"base64_data is no base64: {str(error)[:100]}")
        result = self._add(call, content, asked.get("upload_path"), asked.get("file_name"), "upload")
        return replace(result, journal_body=_encode({**asked, "base64_data": f"({len(text)} characters)"}))

    def _stream(self, call: Request) -> Result:
        if call.body is None:
            return _too_large()
        # Imported where it is needed, since it would take part of every start.
        from python_multipart import parse_form
        from python_multipart.exceptions import FormParserError

        fields: dict[str, str] = {}
        files: list[tuple[str, bytes]] = []

        def on_field(field: Any) -> None:
            fields[field.field_name.decode("utf-8", "replace")] = (field.value or b"").decode("utf-8", "replace")

        def on_file(file: Any) -> None:
            if file.field_name == b"file":
                file.file_object.seek(0)
                files.append(((file.file_name or b"").decode("utf-8", "replace"), file.file_object.read()))
            file.close()

        kind = {"Content-Type": call.headers.get(b"content-type", b"").decode("latin-1").encode()}
        try:
            parse_form(kind, BytesIO(call.body), on_field, on_file)
        except (FormParserError, ValueError) as error:
            return _refused("invalid", f"the body is no multipart/form-data: {str(error)[:100]}")
        if len(files) != 1:
            result = _refused("invalid", f"there must be one part called file; got {len(files)}")
        else:
            path = fields.get("upload_path", fields.get("uploadPath"))
            name = fields.get("file_name", fields.get("fileName"))
            result = self._add(call, files[0][1], path, name, files[0][0])
        return replace(result, journal_body=f"(a form of {len(call.body)} bytes)".encode())

    def _url(self, call: Request) -> Result:
        asked = _object_with("file_url", call.body)
        if isinstance(asked, Result):
            return asked
        url = asked["file_url"]
        content = call.inputs.get(url)
        if isinstance(content, bytes):
            return self._add(call, content, asked.get("upload_path"), asked.get("file_name"), url.rpartition("/")[2])
        why = "no --media-route leads there" if content is None else str(content)
        return _refused("download", f"File could not be downloaded: {why}")

    def _add(self, call: Request, content: bytes, path: object, name: object, original: str) -> Result:
        world = call.world
        if len(content) > MAX_BYTES:
            return _too_large()
        form = format_of(content)
        if form is None:
            return _refused("wrong_type", f"File type is not supported; supported: {', '.join(FORMATS)}")
        if world.uploads.drop_expired(call.now) >= MAX_FILES:
            return _refused("quota")
        called = name if isinstance(name, str) and name else original
        drawn = blake2b(b"%d" % world.uploads.count, key=world.seed.secret, digest_size=6).hexdigest()
        upload = Upload(
            f"file_{drawn}",
            slugify(called).rpartition("/")[2] or f"upload.{form}",
            original[:200],
            len(content),
            form,
            slugify(path) if isinstance(path, str) else "",
            digest_of(content),
            call.now,
        )
        self._shelf.put(upload.digest, content)
        world.uploads.add(upload)
        self.heard()
        return _success(self._shown(world, upload), "File uploaded successfully")

    # Looking after them

    def _quota(self, call: Request) -> Result:
        return _success(quota_body(len([*call.world.uploads.alive(call.now)])))

    def _list(self, call: Request) -> Result:
        asked = dict(parse_qsl(call.query.decode("latin-1")))
        page, size = (
            int(text) if re.fullmatch(r"[1-9]\d{0,5}", text := asked.get(name, "")) else default
            for name, default in (("page", 1), ("pageSize", 20))
        )
        files = [self._shown(call.world, upload) for upload in call.world.uploads.alive(call.now)][::-1]
        part = files[(page - 1) * size : page * size]
        return _success({"files": part, "total": len(files), "page": page, "pageSize": size})

    def _delete(self, call: Request) -> Result:
        if call.world.uploads.get(call.path["file_id"], call.now) is None:
            return _refused("not_found")
        call.world.uploads.remove(call.path["file_id"])
        return _success(None, "File deleted successfully")

    def _shown(self, world: World, upload: Upload) -> dict[str, Any]:
        return upload_body(upload, f"{self._public_url}{LINKS}/{world.token}", self._public_url, iso_date)

    # What links lead to

    def _file(self, call: Request) -> Result:
        upload = call.world.uploads.get(call.path["file_id"], call.now)
        if upload is None or upload.target != f"{upload.id}/{call.path['rest']}":
            return _refused("not_found")
        return self._served(call, upload)

    def _download(self, call: Request) -> Result:
        """Whoever has the link may have the file, as with the links of results."""
        found = (world.uploads.get(call.path["file_id"], world.clock.now()) for world in self._worlds)
        upload = next(filter(None, found), None)
        return _refused("not_found") if upload is None else self._served(call, upload)

    def _served(self, call: Request, upload: Upload) -> Result:
        content = self._shelf.get(upload.digest)
        if content is None:
            return _refused("storage", "File is no longer kept: media_limit bytes were exceeded")
        return file_response(call.headers, content, upload.name, FORMATS[upload.format].encode())

    def content_of(self, url: str) -> bytes | None:
        """A file by its link, as it is now, for whoever uses it in a create."""
        start = f"{self._public_url}{LINKS}/"
        token, _, rest = url.removeprefix(start).partition("/")
        world = self._worlds.by_token(token) if url.startswith(start) else None
        upload = None if world is None else world.uploads.get(rest.partition("/")[0], world.clock.now())
        if upload is None or upload.target != rest:
            return None
        return self._shelf.get(upload.digest)

    def is_own(self, url: str) -> bool:
        return url.startswith(f"{self._public_url}{LINKS}/")


def _served_by(get: Handler) -> Mapping[str, Handler]:
    return {"GET": get, "HEAD": lambda call: get(without_range(call)), "OPTIONS": preflight}


def _object_with(required: str, body: bytes | None) -> dict[str, Any] | Result:
    """What was asked for, which has this string in it."""
    if body is None:
        return _too_large()
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _refused("invalid", f"the body is not valid JSON: {str(error)[:100]}")
    if not isinstance(found, dict):
        return _refused("invalid", "the body must be a JSON object")
    if not isinstance(found.get(required), str) or not found[required]:
        return _refused("invalid", f"{required} is required, and a string")
    return found


def _too_large() -> Result:
    return _refused("too_large", f"File is too large: at most {MAX_BYTES // 2**20}MB")


def _success(data: object, msg: str = "success") -> Result:
    return Result(200, _encode({"success": True, "code": 200, "msg": msg, "data": data}))


def _refused(condition: str, msg: str | None = None) -> Result:
    row = FILE_ERRORS[condition]
    return Result(row.status, _encode({"success": False, "code": row.code, "msg": msg or row.msg}))
