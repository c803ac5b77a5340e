"""Uploaded files: records in the world that they were uploaded to, contents in the file cache, and their links."""

from hashlib import blake2b
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote

from evolink_contracts.spec.files import MAX_BYTES, MAX_FILES
from evolink_mock.clock import iso_date
from evolink_mock.core.duration import Micros
from evolink_mock.core.upload import Upload, file_name, format_of, slugify, upload_body
from evolink_mock.media.cache import FileCache, digest_of
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.world import World

LINKS = "/files"
"""The path of the links of files, behind the public URL."""

UploadError: TypeAlias = Literal["too_large", "wrong_type", "quota"]
"""Why a file is not accepted, as a condition of the file endpoints' errors."""


class FileStore:
    """The uploaded files of all worlds. A record lasts as long as its world, or until it expires."""

    def __init__(self, worlds: WorldRegistry, cache: FileCache, public_url: str) -> None:
        self._worlds = worlds
        self._cache = cache
        self._public_url = public_url
        self._prefix = f"{public_url}{LINKS}/"
        self.used = False
        """Whether any file was ever uploaded."""

    def add(
        self, world: World, now: Micros, content: bytes, original: str, name: object, path: object
    ) -> Upload | UploadError:
        """Keep a file. `name` and `path` are those that the request chose, if they are strings."""
        if len(content) > MAX_BYTES:
            return "too_large"
        form = format_of(content)
        if form is None:
            return "wrong_type"
        if world.uploads.drop_expired(now) >= MAX_FILES:
            return "quota"
        chosen = name if isinstance(name, str) and name else original
        unique = blake2b(b"%d" % world.uploads.count, key=world.seed.secret, digest_size=6).hexdigest()
        upload = Upload(
            f"file_{unique}",
            file_name(chosen, form),
            original[:200],
            len(content),
            form,
            slugify(path) if isinstance(path, str) else "",
            digest_of(content),
            now,
        )
        self._cache.put(upload.digest, content)
        world.uploads.add(upload)
        self.used = True
        return upload

    def find_in_any_world(self, file_id: str) -> Upload | None:
        """A file of any world that has not expired by that world's clock."""
        found = (world.uploads.get(file_id, world.clock.now()) for world in self._worlds)
        return next(filter(None, found), None)

    def content(self, upload: Upload) -> bytes | None:
        """The content of a file, or `None` where the cache has dropped it."""
        return self._cache.get(upload.digest)

    def body(self, world: World, upload: Upload) -> dict[str, Any]:
        """A file as the endpoints describe it."""
        return upload_body(upload, f"{self._prefix}{world.token}", self._public_url, iso_date)

    def is_link(self, url: str) -> bool:
        """Whether a URL leads to this emulator's files."""
        return url.startswith(self._prefix)

    def content_at(self, url: str) -> bytes | None:
        """The content of the file that a link leads to at this moment."""
        token, _, rest = url.removeprefix(self._prefix).partition("/")
        world = self._worlds.by_token(token) if self.is_link(url) else None
        upload = None if world is None else world.uploads.get(rest.partition("/")[0], world.clock.now())
        return None if upload is None or upload.target != unquote(rest) else self.content(upload)
