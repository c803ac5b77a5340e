"""File endpoints, which have a host of their own: formats, limits, lifetime and refusals of uploads."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from evolink_contracts.spec.sources import Basis
from evolink_contracts.spec.timing import Lifetime

HOST = "https://files-api.evolink.ai"
PREFIX = "/api/v1/files"

FORMATS: Mapping[str, str] = MappingProxyType(
    {"jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}
)
"""Formats of an upload, one file for each call (S1d)."""
MAX_BYTES = 100 * 1024 * 1024
"""From the vendor's client (S2)."""
MAX_FILES = 2000
"""From the page's example of a quota (S1d)."""

UPLOADED_FILE = Lifetime(name="uploaded file", seconds=72 * 3600, since="its upload", basis="documented", source="S1d")


@dataclass(frozen=True)
class FileError:
    """A refusal of the file endpoints: `{"success": false, "code": …, "msg": …}`."""

    condition: str
    status: int
    code: int
    msg: str
    basis: Basis = "vendor client"
    source: str = "S2"


_ROWS = (
    FileError("too_large", 413, 40001, "File is too large"),
    FileError("wrong_type", 400, 40002, "File type is not supported"),
    FileError("quota", 403, 40003, "File quota exceeded"),
    FileError("download", 400, 40004, "File could not be downloaded"),
    FileError("storage", 500, 50001, "File could not be stored"),
    FileError("internal", 500, 500, "Internal server error", "inferred", "S10"),
    FileError("unauthorized", 401, 401, "Invalid or expired token", "inferred", "S10"),
    FileError("invalid", 400, 400, "Invalid request parameters", "inferred", "S10"),
    FileError("not_found", 404, 404, "File not found", "inferred", "S10"),
)
FILE_ERRORS: Mapping[str, FileError] = MappingProxyType({row.condition: row for row in _ROWS})


@dataclass(frozen=True)
class FileField:
    """A field of the request of an upload; in a form, `alias` is another name of it."""

    name: str
    required: bool
    meaning: str
    alias: str = ""
    basis: Basis = "documented"
    source: str = "S1d"


@dataclass(frozen=True)
class FileCall:
    """One route of the file endpoints; `fields` are those of its body: JSON, or a form."""

    method: str
    path: str
    summary: str
    fields: tuple[FileField, ...] = ()
    is_form: bool = False


_PATH = FileField("upload_path", False, "directory in the link of the file")

FILE_CALLS = (
    FileCall(
        "POST",
        f"{PREFIX}/upload/base64",
        "upload a file as base64, plain or as a data URL",
        (
            FileField("base64_data", True, "content of the file in base64, plain or as a data URL"),
            FileField("file_name", False, "name of the file; `upload` unless given"),
            _PATH,
        ),
    ),
    FileCall(
        "POST",
        f"{PREFIX}/upload/stream",
        "upload a file as multipart/form-data",
        (
            FileField("file", True, "the file: a part with a `filename`"),
            FileField("file_name", False, "name of the file; that of the part unless given", "fileName"),
            replace(_PATH, alias="uploadPath"),
        ),
        is_form=True,
    ),
    FileCall(
        "POST",
        f"{PREFIX}/upload/url",
        "upload the file of a URL",
        (
            FileField("file_url", True, "URL of the file; the emulator fetches it by a media route"),
            FileField("file_name", False, "name of the file; that in the URL unless given"),
            _PATH,
        ),
    ),
    FileCall("GET", f"{PREFIX}/quota", "show how many files are kept, and how many may be"),
    FileCall("GET", f"{PREFIX}/list", "list the files of the key"),
    FileCall("DELETE", f"{PREFIX}/{{file_id}}", "delete a file"),
    FileCall("GET", f"{PREFIX}/download/{{file_id}}", "download a file; it needs no key"),
)

UPLOADED: Mapping[str, object] = MappingProxyType(
    {
        "success": True,
        "code": 200,
        "msg": "File uploaded successfully",
        "data": {
            "file_id": "file_abc123",
            "file_name": "photo.png",
            "original_name": "photo.png",
            "file_size": 2048,
            "mime_type": "image/png",
            "upload_path": "photos",
            "file_url": "https://files.evolink.ai/photos/photo.png",
            "download_url": "https://files.evolink.ai/api/v1/files/download/file_abc123",
            "upload_time": "2025-10-09T00:00:00+08:00",
            "expires_at": "2025-10-12T00:00:00+08:00",
        },
    }
)
"""The response to an upload, as the page shows it (S1d)."""
