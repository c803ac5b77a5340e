"""File endpoints, which have a host of their own: formats, limits, lifetime and refusals of uploads."""

from collections.abc import Mapping
from dataclasses import dataclass
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
class FileCall:
    """One route of the file endpoints."""

    method: str
    path: str
    summary: str


FILE_CALLS = (
    FileCall("POST", f"{PREFIX}/upload/base64", "upload a file as base64, plain or as a data URL"),
    FileCall("POST", f"{PREFIX}/upload/stream", "upload a file as multipart/form-data"),
    FileCall("POST", f"{PREFIX}/upload/url", "upload the file of a URL"),
    FileCall("GET", f"{PREFIX}/quota", "show how many files are kept, and how many may be"),
    FileCall("GET", f"{PREFIX}/list", "list the files of the key"),
    FileCall("DELETE", f"{PREFIX}/{{file_id}}", "delete a file"),
    FileCall("GET", f"{PREFIX}/download/{{file_id}}", "download a file; it needs no key"),
)
