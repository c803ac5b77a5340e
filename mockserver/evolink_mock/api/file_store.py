"""Uploaded files: records in the world that they were uploaded to, contents in the file cache, and their links."""

import re
from hashlib import blake2b
from typing import Any, Literal, NamedTuple, TypeAlias
from urllib.parse import unquote

from evolink_contracts.spec.files import MAX_BYTES, MAX_FILES
from evolink_mock.clock import iso_date
from evolink_mock.core.duration import Micros
from evolink_mock.core.upload import Upload, file_name, format_of, slugify, upload_body
from evolink_mock.media.cache import FileCache, StoredFile, digest_of
from evolink_mock.worlds.config import PublicUrl
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.world import World

LINKS = "/files"
"""The path of the links of files, behind the public URL."""

_LINK = re.compile(rf"https?://[^/]++(?:/.*?)??{LINKS}/([^/]++)/(.+)", re.DOTALL)
"""For URLs without a query or a fragment, whose end always matches: the time is linear in the URL."""

UploadError: TypeAlias = Literal["too_large", "wrong_type", "quota"]
"""Why a file is not accepted, as a condition of the file endpoints' errors."""


class PreparedFile(NamedTuple):
    """A file that was received: its size, its format if it is a supported one, and its digest in the cache."""

    size: int
    form: str | None
    digest: str
    error: OSError | None
    """The reason why it could not be written."""


class FileStore:
    """The uploaded files of all worlds. A record lasts as long as its world, or until it expires."""

    def __init__(self, worlds: WorldRegistry, cache: FileCache, public_url: PublicUrl) -> None:
        self._worlds = worlds
        self._cache = cache
        self._public_url = public_url
        self.used = False
        """Whether any file was ever uploaded."""

    def prepare(self, content: bytes) -> PreparedFile:
        """Hash a file and write it to the cache, if it can be accepted. Safe for threads."""
        form = format_of(content) if len(content) <= MAX_BYTES else None
        if form is None:
            return PreparedFile(len(content), None, "", None)
        digest = digest_of(content)
        try:
            self._cache.put(digest, content)
        except OSError as error:
            return PreparedFile(len(content), form, digest, error)
        return PreparedFile(len(content), form, digest, None)

    def add(
        self, world: World, now: Micros, file: PreparedFile, original: str, name: object, path: object
    ) -> Upload | UploadError:
        """Keep a file. `name` and `path` are those that the request chose, if they are strings.

        Raises `OSError` for a file that could not be written.
        """
        if file.size > MAX_BYTES:
            return "too_large"
        form = file.form
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
            file.size,
            form,
            slugify(path) if isinstance(path, str) else "",
            file.digest,
            now,
        )
        if file.error is not None:
            raise file.error
        world.uploads.add(upload)
        self.used = True
        return upload

    def find_in_any_world(self, file_id: str) -> Upload | None:
        """A file of any world that has not expired by that world's clock."""
        world = self._worlds.owner(file_id)
        return None if world is None else world.uploads.get(file_id, world.clock.now())

    def content(self, upload: Upload) -> bytes | None:
        """The content of a file, or `None` where the cache has dropped it."""
        return self._cache.get(upload.digest)

    def stored(self, upload: Upload) -> StoredFile | None:
        """The content of a file, to be read in parts; `None` where the cache has dropped it."""
        return self._cache.find(upload.digest)

    def body(self, world: World, upload: Upload, host: bytes | None) -> dict[str, Any]:
        """A file as the endpoints describe it, to a request with this `Host`."""
        base = self._public_url.base(self._public_url.of(host))
        return upload_body(upload, f"{base}{LINKS}/{world.token}", base, iso_date)

    def is_link(self, url: str) -> bool:
        """Whether a URL leads to this emulator's files."""
        return self._owner(url) is not None

    def content_at(self, url: str) -> bytes | None:
        """The content of the file that a link leads to at this moment."""
        found = self._owner(url)
        if found is None:
            return None
        world, rest = found
        upload = world.uploads.get(rest.partition("/")[0], world.clock.now())
        return None if upload is None or upload.target != unquote(rest) else self.content(upload)

    def _owner(self, url: str) -> tuple[World, str] | None:
        """The world that a link belongs to, by the token that only its links have, and what follows the token.

        The address decides nothing: a link has that of the request which got it.
        """
        match = None if "?" in url or "#" in url else _LINK.fullmatch(url)
        world = None if match is None else self._worlds.by_token(match[1])
        return None if match is None or world is None else (world, match[2])
