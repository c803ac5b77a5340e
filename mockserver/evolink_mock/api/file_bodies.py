"""Bodies of the file endpoints: parses JSON and multipart requests, and wraps results as the vendor does."""

import base64
import binascii
from io import BytesIO
from typing import Any, NamedTuple

import msgspec

from evolink_contracts.spec.files import FILE_ERRORS, MAX_BYTES
from evolink_mock.api.responses import Result

_encode = msgspec.json.Encoder().encode


class FormUpload(NamedTuple):
    """A multipart request: its fields, and its parts called `file` as pairs of file name and content."""

    fields: dict[str, str]
    files: list[tuple[str, bytes]]


def parse_json(required: str, body: bytes | None) -> dict[str, Any] | Result:
    """The object that a request consists of, in which `required` is a string; or the error."""
    if body is None:
        return file_too_large()
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return file_error("invalid", f"the body is not valid JSON: {str(error)[:100]}")
    if not isinstance(found, dict):
        return file_error("invalid", "the body must be a JSON object")
    if not isinstance(found.get(required), str) or not found[required]:
        return file_error("invalid", f"{required} is required and must be a string")
    return found


def parse_base64(text: str) -> bytes | Result:
    """The content of a base64 string or a data URL; or the error."""
    data = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        return file_error("invalid", f"base64_data is not base64: {str(error)[:100]}")


def parse_form(content_type: bytes, body: bytes) -> FormUpload | Result:
    """The fields and files of a multipart/form-data body; or the error."""
    # Imported late, since it would take part of every start.
    import python_multipart
    from python_multipart.exceptions import FormParserError

    form = FormUpload({}, [])

    def on_field(field: Any) -> None:
        form.fields[field.field_name.decode("utf-8", "replace")] = (field.value or b"").decode("utf-8", "replace")

    def on_file(file: Any) -> None:
        if file.field_name == b"file":
            file.file_object.seek(0)
            form.files.append(((file.file_name or b"").decode("utf-8", "replace"), file.file_object.read()))
        file.close()

    headers = {"Content-Type": content_type}
    try:
        python_multipart.parse_form(headers, BytesIO(body), on_field, on_file)
    except (FormParserError, ValueError) as error:
        return file_error("invalid", f"the body is not multipart/form-data: {str(error)[:100]}")
    return form


def file_success(data: object, msg: str = "success") -> Result:
    """A successful result in the vendor's envelope."""
    return Result(200, _encode({"success": True, "code": 200, "msg": msg, "data": data}))


def file_error(condition: str, msg: str | None = None) -> Result:
    """An error of the file endpoints in the vendor's envelope."""
    row = FILE_ERRORS[condition]
    return Result(row.status, _encode({"success": False, "code": row.code, "msg": msg or row.msg}))


def file_too_large() -> Result:
    return file_error("too_large", f"File is too large: at most {MAX_BYTES // 2**20}MB")
