"""Uploaded files as records, and their JSON bodies. The content is kept elsewhere, by its digest."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from unicodedata import category
from urllib.parse import quote, unquote, urlsplit

from evolink_contracts.spec.files import FORMATS, MAX_FILES, PREFIX, UPLOADED_FILE
from evolink_mock.core.duration import SECOND, Micros

_MAGIC: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("jpeg", re.compile(rb"\xff\xd8\xff")),
    ("png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("gif", re.compile(rb"GIF8[79]a")),
    ("webp", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
)
_IMAGE = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff[\xc0-\xfe]|GIF8[79]a|RIFF.{4}WEBP"
    rb"|BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0{3}",
    re.DOTALL,
)
_OTHER = re.compile(
    rb"%PDF|ID3|RIFF|OggS|fLaC|PK\x03\x04|\0\0[\x01\x02]\0|.{4}ftyp|\xff[\xe2-\xfb]|8BPS|\x1f\x8b|II\*\0|MM\0\*|BM|\x1aE\xdf\xa3",
    re.DOTALL,
)
"""Formats that may hold an image without being one."""
_MAX_JUNK = 4096
"""Bytes before an image that are skipped, such as a byte-order mark, empty lines or a warning."""
_MAX_NAME = 200
"""Characters of a name or a path."""
_MAX_ENDING = 20
_MOST_READ = 4096
"""Characters of a name that are read at all."""


class Upload(NamedTuple):
    """One uploaded file. `path` and `name` have no character with a meaning of its own in a URL."""

    id: str
    name: str
    original: str
    size: int
    format: str
    path: str
    digest: str
    at: Micros

    @property
    def expires(self) -> Micros:
        return self.at + UPLOADED_FILE.seconds * SECOND

    @property
    def target(self) -> str:
        """Path of the file below the base URL of a world's files, not yet in the form of a URL."""
        return "/".join(filter(None, (self.id, self.path, self.name)))


def format_of(content: bytes) -> str | None:
    """The image format, by the bytes it begins with, not by the name."""
    start = image_start(content)
    return next((form for form, magic in _MAGIC if magic.match(content, start)), None)


def image_start(content: bytes) -> int:
    """The place at which an image begins: behind what else was written before it, or 0."""
    if any(magic.match(content) for _, magic in _MAGIC) or _OTHER.match(content):
        return 0
    found = _IMAGE.search(content, 0, _MAX_JUNK + 64)
    return 0 if found is None else found.start()


def slugify(text: str) -> str:
    """A path reduced to letters, marks and digits of any alphabet, and to `.`, `_` and `-`."""
    parts = (_fit(part).strip("._") for part in text[:_MOST_READ].replace("\\", "/").split("/"))
    return _cut("/".join(filter(None, parts)), _MAX_NAME)


def file_name(text: str, form: str) -> str:
    """The last part of a path as the name of a file of this format: with its ending, however long it is."""
    parts = [part for part in text[-_MOST_READ:].replace("\\", "/").split("/") if part.strip("._ ")]
    stem, dot, ending = parts[-1].rpartition(".") if parts else ("", "", "")
    ending = _fit(ending)[:_MAX_ENDING].strip("._")
    if not dot or not ending:
        return slugify(parts[-1] if parts else "") or f"upload.{form}"
    stem = _cut(_fit(stem).lstrip("._"), _MAX_NAME - len(ending) - 1)
    return f"{stem or 'upload'}.{ending}"


def name_in_url(url: str) -> str:
    """The name of the file that a URL leads to, without its query."""
    return unquote(urlsplit(url).path.rpartition("/")[2][-_MOST_READ:])


def _fit(text: str) -> str:
    kept = (char if char in "._-" or category(char)[0] in "LMN" else " " for char in text)
    return re.sub(" +", "_", "".join(kept))


def _cut(text: str, length: int) -> str:
    return text[:length].rstrip("._/") if len(text) > length else text


def upload_body(upload: Upload, links: str, public_url: str, iso_date: Callable[[Micros], str]) -> dict[str, Any]:
    """The body of an upload; `links` is the base URL of the files of its world."""
    return {
        "file_id": upload.id,
        "file_name": upload.name,
        "original_name": upload.original,
        "file_size": upload.size,
        "mime_type": FORMATS[upload.format],
        "upload_path": upload.path,
        "file_url": f"{links}/{quote(upload.target)}",
        "download_url": f"{public_url}{PREFIX}/download/{upload.id}",
        "upload_time": iso_date(upload.at),
        "expires_at": iso_date(upload.expires),
    }


def quota_body(used: int) -> dict[str, Any]:
    return {
        "user_group": "default",
        "used_files": used,
        "max_files": MAX_FILES,
        "remain_files": max(MAX_FILES - used, 0),
        "is_custom": False,
        "quota_reason": "",
    }
