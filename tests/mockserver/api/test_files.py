"""File endpoints: uploads last 72 hours, have a link, and can be the image of a task."""

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from evolink_contracts.spec.files import FILE_CALLS, UPLOADED, FileCall
from evolink_mock.api import file_store, files
from evolink_mock.core.upload import slugify
from tests.support.emulator import DOCUMENTED, Emulator
from tests.support.media.media_samples import encoded, jpeg, photo
from tests.support.media.video_decoder import decode, psnr

FILES = "/api/v1/files"


def by_base64(emulator: Emulator, content: bytes, **more: Any) -> httpx.Response:
    body = {"base64_data": base64.b64encode(content).decode(), **more}
    return emulator.request("POST", f"{FILES}/upload/base64", json=body)


def uploaded(emulator: Emulator, content: bytes, **more: Any) -> dict[str, Any]:
    answer = by_base64(emulator, content, **more)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def test_the_response_has_the_documented_body(emulator: Emulator) -> None:
    content = encoded(photo(), "PNG")
    answer = by_base64(emulator, content, upload_path="photos", file_name="photo.png").json()
    assert (answer["success"], answer["code"], answer["msg"]) == (True, 200, "File uploaded successfully")
    data = answer["data"]
    assert list(data) == [
        *("file_id", "file_name", "original_name", "file_size", "mime_type", "upload_path", "file_url", "download_url"),
        *("upload_time", "expires_at"),
    ]
    assert (data["file_name"], data["upload_path"], data["mime_type"]) == ("photo.png", "photos", "image/png")
    assert data["file_size"] == len(content)
    assert data["file_id"].startswith("file_")
    assert data["file_url"].endswith(f"/{data['file_id']}/photos/photo.png")
    assert (data["upload_time"], data["expires_at"]) == ("2025-09-06T22:42:23+08:00", "2025-09-09T22:42:23+08:00")


def test_each_upload_endpoint_gives_the_same_file(emulator: Emulator) -> None:
    content = jpeg()
    data_url = f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
    answers = [
        by_base64(emulator, content),
        emulator.request("POST", f"{FILES}/upload/base64", json={"base64_data": data_url}),
        emulator.request(
            "POST", f"{FILES}/upload/stream", files={"file": ("my cat.jpg", content)}, data={"uploadPath": "cats"}
        ),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        data = answer.json()["data"]
        assert emulator.client.get(data["file_url"]).content == content
        assert emulator.client.get(data["download_url"]).content == content
    assert data["original_name"] == "my cat.jpg"
    assert data["file_url"].endswith("/cats/my_cat.jpg")


def upload_by(emulator: Emulator, call: FileCall, fields: dict[str, str]) -> httpx.Response:
    """An upload with some of the fields of its call; `file` is a file in a form."""
    if not call.is_form:
        return emulator.request(call.method, call.path, json=fields)
    content = fields.pop("file", "").encode("latin-1")
    files = {"file": ("part.jpg", content)} if content else {"other": ("part.jpg", b"content")}
    return emulator.request(call.method, call.path, data=fields, files=files)


@pytest.mark.parametrize("call", [call for call in FILE_CALLS if call.fields], ids=lambda call: call.path)
@pytest.mark.parametrize("by_alias", [False, True])
def test_each_field_of_the_facts_is_one_of_the_upload(tmp_path: Path, call: FileCall, by_alias: bool) -> None:
    (tmp_path / "cat.jpg").write_bytes(content := jpeg())
    values = {
        "base64_data": base64.b64encode(content).decode(),
        "file": content.decode("latin-1"),
        "file_url": "https://cdn.example.com/cat.jpg",
        "file_name": "chosen.jpg",
        "upload_path": "cats",
    }
    sent = {(field.alias if by_alias and field.alias else field.name): values[field.name] for field in call.fields}
    required = [field.name for field in call.fields if field.required]
    with Emulator.in_process(media_route={"https://cdn.example.com": str(tmp_path)}) as emulator:
        data = upload_by(emulator, call, dict(sent)).json()["data"]
        assert (data["file_name"], data["upload_path"], data["file_size"]) == ("chosen.jpg", "cats", len(content))
        refused = upload_by(emulator, call, {name: text for name, text in sent.items() if name not in required})
        assert refused.status_code == 400
        assert required[0] in refused.json()["msg"]


def test_the_response_has_the_fields_of_the_example(emulator: Emulator) -> None:
    answer = by_base64(emulator, jpeg(), file_name="photo.jpg").json()
    data = answer.pop("data")
    example = {**UPLOADED}
    expected = example.pop("data")
    assert isinstance(expected, dict)
    assert answer == example
    assert {name: type(value) for name, value in data.items()} == {name: type(each) for name, each in expected.items()}


def test_an_upload_by_url_is_fetched_through_a_media_route(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(jpeg())
    with Emulator.in_process(result_video="best", media_route={"https://cdn.example.com": str(tmp_path)}) as emulator:
        path = f"{FILES}/upload/url"
        found = emulator.request("POST", path, json={"file_url": "https://cdn.example.com/cat.jpg"})
        assert found.json()["data"]["original_name"] == "cat.jpg"
        for url, why in (("https://cdn.example.com/dog.jpg", "it is not there"), ("https://x.example/", "no --media")):
            refused = emulator.request("POST", path, json={"file_url": url})
            assert (refused.status_code, refused.json()["code"]) == (400, 40004)
            assert why in refused.json()["msg"]


def test_a_file_expires_after_72_hours(emulator: Emulator) -> None:
    data = uploaded(emulator, jpeg())
    emulator.advance("71h")
    assert emulator.client.get(data["file_url"]).status_code == 200
    assert emulator.request("GET", f"{FILES}/quota").json()["data"]["used_files"] == 1
    emulator.advance("1h")
    assert emulator.client.get(data["file_url"]).status_code == 404
    assert emulator.client.get(data["download_url"]).status_code == 404
    assert emulator.request("GET", f"{FILES}/quota").json()["data"]["used_files"] == 0


def test_links_are_valid_in_their_world_until_the_file_expires(emulator: Emulator) -> None:
    data = uploaded(emulator, jpeg())
    assert emulator.key not in data["file_url"]
    other = emulator.as_key("sk-other")
    assert other.request("GET", f"{FILES}/list").json()["data"]["total"] == 0
    emulator.control("worlds", {"reset": True})
    for link in (data["file_url"], data["download_url"]):
        assert emulator.client.get(link).status_code == 404


def test_files_can_be_listed_and_deleted(emulator: Emulator) -> None:
    first, second = uploaded(emulator, jpeg()), uploaded(emulator, encoded(photo(), "GIF"))
    assert first["file_id"] != second["file_id"]
    listed = emulator.request("GET", f"{FILES}/list").json()["data"]
    assert [file["file_id"] for file in listed["files"]] == [second["file_id"], first["file_id"]]
    part = emulator.request("GET", f"{FILES}/list?page=2&pageSize=1").json()["data"]
    assert [file["file_id"] for file in part["files"]] == [first["file_id"]]
    assert (part["total"], part["page"], part["pageSize"]) == (2, 2, 1)
    assert emulator.request("DELETE", f"{FILES}/{first['file_id']}").json()["success"] is True
    assert emulator.request("DELETE", f"{FILES}/{first['file_id']}").status_code == 404
    assert emulator.client.get(first["file_url"]).status_code == 404
    assert uploaded(emulator, jpeg())["file_id"] not in (first["file_id"], second["file_id"])


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(b"<svg/>", 400, 40002), (b"%PDF-1.7", 400, 40002), (b"", 400, 400), (encoded(photo(), "BMP"), 400, 40002)],
)
def test_only_images_of_supported_formats_are_accepted(
    emulator: Emulator, content: bytes, status: int, code: int
) -> None:
    refused = by_base64(emulator, content)
    assert (refused.status_code, refused.json()["success"], refused.json()["code"]) == (status, False, code)


def test_size_and_number_of_files_are_limited(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_store, "MAX_FILES", 1)
    monkeypatch.setattr(file_store, "MAX_BYTES", 100_000)
    large = by_base64(emulator, jpeg() + bytes(100_000))
    assert (large.status_code, large.json()["code"]) == (413, 40001)
    uploaded(emulator, jpeg())
    assert by_base64(emulator, jpeg()).json()["code"] == 40003


@pytest.mark.parametrize("path", ["upload/base64", "upload/stream", "upload/url"])
def test_unauthenticated_and_malformed_uploads_are_rejected(emulator: Emulator, path: str) -> None:
    assert emulator.client.post(f"{FILES}/{path}", json={}).status_code == 401
    for body in (b"", b"{", b"[]", b"{}", b'{"base64_data": "?", "file_url": 5}', b"\xff" * 99):
        refused = emulator.request("POST", f"{FILES}/{path}", {"content-type": "application/json"}, content=body)
        assert (refused.status_code, refused.json()["code"]) == (400, 400), refused.text


def test_the_journal_leaves_out_uploaded_content(emulator: Emulator) -> None:
    uploaded(emulator, jpeg())
    emulator.request("POST", f"{FILES}/upload/stream", files={"file": ("cat.jpg", jpeg())})
    rows = emulator.control("journal")["rows"]
    assert all(len(json.dumps(row)) < 5000 for row in rows)


def test_an_uploaded_image_is_the_first_frame_of_the_video() -> None:
    with Emulator.in_process(result_video="best") as emulator:
        data = uploaded(emulator, jpeg(800, 600))
        task = emulator.create(image_urls=[data["file_url"]], duration=2, generate_audio=False)
        emulator.advance("10s")
        found = decode(emulator.client.get(emulator.query(task).json()["results"][0]).content)
    shown = photo(800, 600).resize((found.width, found.height), Image.Resampling.LANCZOS)
    assert psnr(found.first, np.asarray(shown)) >= 30


def test_an_uploaded_image_is_probed(emulator: Emulator) -> None:
    small, gif = uploaded(emulator, jpeg(100, 100)), uploaded(emulator, encoded(photo(), "GIF"), file_name="cat.png")
    for data, code in ((small, "invalid_parameters"), (gif, "image_processing_error")):
        task = emulator.create(image_urls=[data["file_url"]])
        emulator.advance("10s")
        assert emulator.query(task).json()["error"]["code"] == code
    emulator.request("DELETE", f"{FILES}/{small['file_id']}")
    answer = emulator.post({**DOCUMENTED, "image_urls": [small["file_url"]]})
    emulator.advance("10s")
    gone = emulator.query(answer.json()["id"]).json()["error"]
    assert gone["message"] == "The image is not there: its upload is unknown or expired"


@given(st.text(max_size=60))
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
def test_every_file_name_becomes_one_that_is_valid_in_a_url(text: str) -> None:
    found = slugify(text)
    assert found == slugify(found)
    assert ".." not in found.split("/")
    assert httpx.URL(f"http://x.example/{found}").path == f"/{found}"


def test_what_fails_here_has_the_shape_of_the_file_endpoints(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_store.FileStore, "add", broken)
    answer = by_base64(emulator, jpeg())
    assert (answer.status_code, answer.json()) == (
        500,
        {"success": False, "code": 50001, "msg": "File could not be stored"},
    )
    monkeypatch.setattr(files, "quota_body", broken)
    answer = emulator.request("GET", f"{FILES}/quota")
    assert (answer.status_code, answer.json()) == (
        500,
        {"success": False, "code": 500, "msg": "Internal server error"},
    )


def test_a_large_form_needs_no_temporary_file(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_directory(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    for name in ("NamedTemporaryFile", "TemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, no_directory)
    content = jpeg() + b"\0" * 3_000_000
    answer = emulator.request("POST", f"{FILES}/upload/stream", files={"file": ("cat.jpg", content)})
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["file_size"] == len(content)


@pytest.mark.parametrize("end", ["?", "#", "", "/"])
@pytest.mark.parametrize("part", ["/files/a", "/files/", "/files", "/", "a/"])
def test_a_url_is_recognised_as_a_link_in_a_time_that_is_linear_in_it(emulator: Emulator, part: str, end: str) -> None:
    """In quadratic time, some of these would take minutes."""
    uploaded(emulator, jpeg())
    url = f"http://h/{part * (500_000 // len(part))}{end}"
    answer = emulator.request("POST", "/api/v1/files/upload/url", json={"file_url": url})
    assert answer.json()["code"] == 40004
