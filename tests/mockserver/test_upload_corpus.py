"""A corpus of uploads: names in any alphabet, base64 as tools print it, and forms as clients write them."""

import asyncio
import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import aiohttp
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evolink_mock.api.file_bodies import parse_base64
from evolink_mock.core.upload import file_name
from tests.support.emulator import Emulator
from tests.support.media.media_samples import encoded, jpeg, photo

FILES = "/api/v1/files"
CONTENT = encoded(photo(64, 48), "PNG")
TEXT = base64.b64encode(CONTENT).decode()


def upload(emulator: Emulator, text: str, **more: Any) -> httpx.Response:
    return emulator.request("POST", f"{FILES}/upload/base64", json={"base64_data": text, **more})


def data_of(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


def error_of(response: httpx.Response) -> str:
    assert (response.status_code, response.json()["code"]) == (400, 400), response.text
    return str(response.json()["msg"])


NAMES = {
    "photo.png": "photo.png",
    "my cat (1).png": "my_cat_1_.png",
    "猫.png": "猫.png",
    "café.jpeg": "café.jpeg",
    "cafe\u0301.jpeg": "cafe\u0301.jpeg",
    "Кошка на крыше.webp": "Кошка_на_крыше.webp",
    "קוֹבֶץ.png": "קוֹבֶץ.png",
    "हिन्दी.png": "हिन्दी.png",
    "ไฟล์.gif": "ไฟล์.gif",
    "عکس٣.png": "عکس٣.png",
    "😀.png": "upload.png",
    "😀 cat.png": "cat.png",
    "???.png": "upload.png",
    ".png": "upload.png",
    "...": "upload.png",
    "": "upload.png",
    "猫": "猫",
    "a.tar.gz": "a.tar.gz",
    "cat.png.": "cat.png",
    "C:\\fakepath\\猫.png": "猫.png",
    "../../etc/猫.png": "猫.png",
    "猫.png/": "猫.png",
    "x" * 500 + ".png": "x" * 196 + ".png",
    "猫" * 500 + ".jpeg": "猫" * 195 + ".jpeg",
    'a"b\r\nc;d.png': "a_b_c_d.png",
    "100%.png": "100_.png",
    "%E7%8C%AB.png": "_E7_8C_AB.png".lstrip("_"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_keeps_its_letters_and_its_ending(emulator: Emulator, name: str) -> None:
    data = data_of(upload(emulator, TEXT, file_name=name, upload_path="Bilder/für dich"))
    expected = NAMES[name] if name else "upload"
    assert (data["file_name"], data["upload_path"]) == (expected, "Bilder/für_dich")
    assert data["file_url"].isascii()
    assert unquote(data["file_url"]).endswith(f"/{data['file_id']}/Bilder/für_dich/{expected}")
    for link in (data["file_url"], data["download_url"]):
        served = emulator.client.get(link)
        assert served.content == CONTENT
        disposition = served.headers["content-disposition"]
        plain = "".join(char if char.isascii() else "_" for char in expected)
        extended = "" if plain == expected else f"; filename*=UTF-8''{quote(expected, safe='')}"
        assert disposition == f'inline; filename="{plain}"{extended}'


def test_a_file_with_letters_can_be_the_image_of_a_task(emulator: Emulator) -> None:
    data = data_of(upload(emulator, base64.b64encode(jpeg()).decode(), file_name="猫.jpg"))
    task = emulator.create(image_urls=[data["file_url"]])
    emulator.advance("10s")
    assert emulator.query(task).json()["status"] == "completed"


@given(st.text(max_size=300))
@settings(max_examples=200, suppress_health_check=list(HealthCheck))
def test_every_name_becomes_one_that_is_stable(text: str) -> None:
    found = file_name(text, "png")
    assert found == file_name(found, "png")
    assert 0 < len(found) <= 200
    assert not re.search(r'[/\\"\s?#%;]|^\.|\.$', found)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("cat.jpg?signature=a/b&x=.png", "cat.jpg"),
        ("%E7%8C%AB.jpg", "猫.jpg"),
        ("my%20cat.jpg#part", "my cat.jpg"),
        ("a%2Fcat.jpg", "a/cat.jpg"),
    ],
)
def test_the_name_of_an_upload_by_url_is_that_of_the_file(tmp_path: Path, path: str, name: str) -> None:
    home = tmp_path / Path(name).parent
    home.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(jpeg())
    with Emulator.in_process(result_video="best", media_route={"https://cdn.example.com": str(tmp_path)}) as emulator:
        sent = emulator.request("POST", f"{FILES}/upload/url", json={"file_url": f"https://cdn.example.com/{path}"})
        data = data_of(sent)
    assert data["original_name"] == name
    assert data["file_name"] == name.rpartition("/")[2].replace(" ", "_")


def lines(text: str, width: int, end: str, indent: str = "") -> str:
    return "".join(f"{indent}{text[place : place + width]}{end}" for place in range(0, len(text), width))


URL_SAFE = base64.urlsafe_b64encode(CONTENT).decode()
ARMOURED = f"-----BEGIN CERTIFICATE-----\r\n{lines(TEXT, 64, chr(13) + chr(10))}-----END CERTIFICATE-----\r\n"
PRINTED: dict[str, str] = {
    "base64": lines(TEXT, 76, "\n"),
    "base64 of macOS": TEXT + "\n",
    "openssl": lines(TEXT, 64, "\n"),
    "MIME": lines(TEXT, 76, "\r\n"),
    "lines of an old Mac": lines(TEXT, 76, "\r"),
    "a block of YAML": lines(TEXT, 76, "\n", "    "),
    "certutil": ARMOURED,
    "surrounding white space": f" \t\r\n{TEXT}\r\n ",
    "a byte-order mark": "\ufeff" + TEXT,
    "no padding": TEXT.rstrip("="),
    "too much padding": TEXT.rstrip("=") + "====",
    "the URL-safe alphabet": URL_SAFE,
    "the URL-safe alphabet without padding": URL_SAFE.rstrip("="),
    "URL-safe in lines": lines(URL_SAFE, 76, "\n"),
    "a data URL": f"data:image/png;base64,{TEXT}",
    "a data URL in capitals": f"DATA:image/PNG;BASE64,{TEXT}",
    "a data URL with parameters": f"data:image/png;charset=utf-8;name=a.png;base64,{TEXT}",
    "a data URL without a type": f"data:;base64,{TEXT}",
    "a data URL in lines": f"data:image/png;base64,\n{lines(TEXT, 76, chr(10))}",
    "a data URL that is percent-encoded": f"data:image/png;base64,{quote(TEXT, safe='')}",
    "a data URL behind white space": f"\n data:image/png;base64,{TEXT}\n",
}


@pytest.mark.parametrize("kind", PRINTED)
def test_base64_is_decoded_as_tools_print_it(emulator: Emulator, kind: str) -> None:
    data = data_of(upload(emulator, PRINTED[kind]))
    assert emulator.client.get(data["file_url"]).content == CONTENT


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_base64_of_each_length_needs_no_padding(cut: int) -> None:
    content = CONTENT[: len(CONTENT) - cut]
    assert parse_base64(base64.b64encode(content).decode().rstrip("=")) == content


REFUSED = {
    "a character of no alphabet": (f"{TEXT[:17]}?{TEXT[17:]}", "'?' is its character 18;"),
    "a character on the second line": (f"{TEXT[:76]}\n{TEXT[76:80]}!{TEXT[80:]}", "'!' is its character 82;"),
    "a character after a data URL": (f"data:a/b;c=d;base64,{TEXT[:4]}*{TEXT[4:]}", "'*' is its character 25;"),
    "a character in indented lines": (f"  {TEXT[:4]}\r\n\t{TEXT[4:8]}#", "'#' is its character 14;"),
    "a long run of tabs": ("AAAA" + "\t" * 1_000_000 + "!", "is its character 5;"),
    "padding within": (f"{TEXT[:8]}=={TEXT[8:]}", "'=' is its character 9;"),
    "an invisible character": (f"{TEXT[:4]}\u200b{TEXT[4:]}", r"'\u200b' (U+200B) is its character 5;"),
    "another alphabet": (f"{TEXT[:4]}é{TEXT[4:]}", "'é' (U+00E9) is its character 5;"),
    "a plus that became a space": (f"{TEXT[:4]} {TEXT[4:]}", "a + may have become a space"),
    "escaped line breaks": (f"{TEXT[:4]}\\n{TEXT[4:]}", "is its character 5;"),
    "quotes": (f'"{TEXT}"', "is its character 1;"),
    "a path": ("@images/cat.png", "'@' is its character 1;"),
    "one character too few": (TEXT.rstrip("=")[: len(TEXT) // 4 * 4 - 3], "is cut off"),
    "nothing but padding": ("====", "has no content"),
    "an empty data URL": ("data:image/png;base64,", "has no content"),
    "a data URL of text": ("data:image/svg+xml,<svg/>", "without ;base64"),
    "a data URL without a comma": ("data:image/png;base64", "without ;base64"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_error_names_the_character_and_its_place(emulator: Emulator, kind: str) -> None:
    text, says = REFUSED[kind]
    assert says in error_of(upload(emulator, text))


def form(*parts: bytes, before: bytes = b"", behind: bytes = b"", boundary: bytes = b"xyz") -> bytes:
    return before + b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts) + b"--%s--\r\n" % boundary + behind


def part(disposition: str, content: bytes = CONTENT, headers: str = "") -> bytes:
    return f"Content-Disposition: form-data; {disposition}\r\n{headers}\r\n".encode() + content


def post(emulator: Emulator, body: bytes, content_type: str = "multipart/form-data; boundary=xyz") -> httpx.Response:
    return emulator.request("POST", f"{FILES}/upload/stream", {"content-type": content_type}, content=body)


FILE = part('name="file"; filename="猫.png"', headers="Content-Type: image/png\r\n")
ACCEPTED: dict[str, Callable[[], bytes]] = {
    "as it should be": lambda: form(FILE),
    "a preamble": lambda: form(FILE, before=b"This is a message in several parts.\r\n"),
    "a preamble with other boundaries": lambda: form(FILE, before=b"--other\r\n--xy\r\n--xyzz\r\n\r\n"),
    "an empty line before": lambda: form(FILE, before=b"\r\n"),
    "an epilogue": lambda: form(FILE, behind=b"\r\nThe end.\r\n"),
    "fields before and behind": lambda: form(part('name="a"', b"b"), FILE, part('name="c"', b"d")),
    "no quotes": lambda: form(part("name=file; filename=猫.png")),
    "the other order": lambda: form(part('filename="猫.png"; name="file"')),
    "both filename and filename*": lambda: form(part('name="file"; filename="猫.png"; filename*=UTF-8\'\'a.png')),
    "percent-encoded": lambda: form(part('name="file"; filename="%E7%8C%AB.png"')),
    "spaces behind each boundary": lambda: form(part('name="a"', b"b"), FILE, boundary=b"xyz").replace(
        b"--xyz\r\n", b"--xyz \t \r\n"
    ),
    "spaces behind the last boundary": lambda: form(FILE).replace(b"--xyz--", b"--xyz-- \t"),
    "no line end behind the last boundary": lambda: form(FILE)[:-2],
    "a byte-order mark": lambda: form(FILE, before=b"\xef\xbb\xbf"),
    "a byte-order mark and a preamble": lambda: form(FILE, before=b"\xef\xbb\xbfA message.\r\n"),
    "folded headers": lambda: form(
        b'Content-Disposition: form-data;\r\n\tname="file";\r\n filename="\xe7\x8c\xab.png"\r\n\r\n' + CONTENT
    ),
    "content like a boundary": lambda: form(part('name="a"', b"\r\n--xyzz\r\n--xy\r\n\n--xyz\n--xyz"), FILE),
    "empty content": lambda: form(part('name="a"', b""), FILE),
    "base64": lambda: form(
        part('name="file"; filename="猫.png"', base64.encodebytes(CONTENT), "Content-Transfer-Encoding: base64\r\n")
    ),
}


@pytest.mark.parametrize("kind", ACCEPTED)
def test_a_form_is_parsed_as_clients_write_it(emulator: Emulator, kind: str) -> None:
    data = data_of(post(emulator, ACCEPTED[kind]()))
    assert (data["original_name"], data["file_name"]) == ("猫.png", "猫.png")
    assert emulator.client.get(data["file_url"]).content == CONTENT


@pytest.mark.parametrize("boundary", ["----WebKitFormBoundaryA1", "=_a.b(c)+d", "a" * 70])
def test_each_boundary_is_found_behind_a_preamble(emulator: Emulator, boundary: str) -> None:
    body = form(FILE, before=b"before\r\n", boundary=boundary.encode())
    data_of(post(emulator, body, f'multipart/form-data; boundary="{boundary}"'))


def test_names_in_latin_1_keep_their_letters(emulator: Emulator) -> None:
    body = form(b'Content-Disposition: form-data; name="file"; filename="caf\xe9.png"\r\n\r\n' + CONTENT)
    assert data_of(post(emulator, body))["file_name"] == "café.png"


@pytest.mark.parametrize("quoting", [True, False])
def test_forms_of_aiohttp_keep_their_letters(emulator: Emulator, quoting: bool) -> None:
    writer = aiohttp.FormData(quote_fields=quoting, default_to_multipart=True)
    writer.add_field("file", CONTENT, filename="猫.png", content_type="image/png")
    payload = writer()
    assert isinstance(payload, aiohttp.MultipartWriter)
    body = asyncio.run(payload.as_bytes())
    data = data_of(post(emulator, body, payload.content_type))
    assert data["file_name"] == "猫.png"


CRLF = "end the boundaries and the headers of a form with CR and LF (RFC 2046)"
MISSING: dict[str, tuple[bytes, str]] = {
    "no filename": (form(part('name="file"')), "the part called file has no filename, so it is a text field"),
    "filename* alone": (form(part("name=\"file\"; filename*=UTF-8''a.png")), "has filename* alone, which RFC 7578"),
    "filename * alone": (form(part("name=\"file\"; FileName*=utf-8'de'a.png")), "has filename* alone"),
    "a capital": (form(part('name="File"; filename="a.png"')), "the file is in the part 'File': call it file"),
    "another name": (form(part('name="image"; filename="a.png"')), "the file is in the part 'image'"),
    "a list": (form(part('name="file[]"; filename="a.png"')), "the file is in the part 'file[]'"),
    "another name and filename* alone": (form(part("name=image; filename*=UTF-8''a")), "is in the part 'image'"),
    "fields alone": (form(part('name="a"', b"1"), part('name="b"', b"2")), "it has the text fields 'a', 'b'"),
    "no parts": (form(), "the form has no parts"),
    "two files": (form(FILE, FILE), "there must be one part called file; got 2"),
    "no name": (form(part('filename="a.png"')), 'a part has no name="..." in its Content-Disposition'),
    "no header": (form(b"\r\n" + CONTENT), "Content-Disposition"),
    "another boundary": (form(FILE, boundary=b"abc"), "it has no line --xyz, the boundary of the content type"),
    "no end": (form(FILE)[:-9], "it is cut off: the boundary behind its last part is missing"),
    "nothing": (b"", "it is empty"),
    "LF alone": (form(FILE.replace(CONTENT, b"a")).replace(b"\r\n", b"\n"), f"a line ends with LF alone; {CRLF}"),
    "CR alone": (form(part('name="file"', b"a")).replace(b"\r\n", b"\r"), f"a line ends with CR alone; {CRLF}"),
    "LF alone before the content": (form(FILE.replace(b"\r\n\r\n", b"\n\n", 1)), "ends with LF alone"),
    "LF alone between headers": (form(FILE.replace(b"\r\n", b"\n", 1)), "ends with LF alone"),
    "LF alone before the last boundary": (form(FILE).replace(b"\r\n--xyz--", b"\n--xyz--"), "ends with LF alone"),
    "no colon": (form(b"form-data\r\n\r\na"), "the line 'form-data' among its headers; write Name: value"),
    "a space before the colon": (form(FILE.replace(b":", b" :", 1)), "with no space before :"),
    "long headers": (form(part('name="a"', headers=f"X: {'x' * 9000}\r\n")), "must follow within 8192 bytes"),
    "no empty line": (form(b'Content-Disposition: form-data; name="file"'), "no empty line behind its headers"),
    "no base64": (
        form(part('name="file"; filename="a"', b"abc", "Content-Transfer-Encoding: base64\r\n")),
        "Content-Transfer-Encoding: base64, but its content is not base64; send the bytes as they are",
    ),
}


@pytest.mark.parametrize("kind", MISSING)
def test_an_error_names_what_a_form_lacks(emulator: Emulator, kind: str) -> None:
    body, says = MISSING[kind]
    assert says in error_of(post(emulator, body))


@pytest.mark.parametrize(
    ("content_type", "says"),
    [
        ("application/json", "the content type must be multipart/form-data; got 'application/json'"),
        ("application/x-www-form-urlencoded", "must be multipart/form-data"),
        ("image/png", "must be multipart/form-data; got 'image/png'"),
        ("multipart/mixed; boundary=xyz", "must be multipart/form-data"),
        (f"multipart/form-data; boundary={'x' * 257}", "its boundary has 257 bytes; use at most 70, as RFC 2046"),
        ("multipart/form-data", "the content type has no boundary; let the HTTP client write this header"),
    ],
)
def test_an_error_names_a_content_type_that_is_not_of_a_form(emulator: Emulator, content_type: str, says: str) -> None:
    assert says in error_of(post(emulator, form(FILE), content_type))


@pytest.mark.parametrize("junk", [b"\r\n\r\n", b"\xef\xbb\xbf", b"<b>Warning</b>: line 3<br />\n"])
def test_junk_before_an_uploaded_image_does_not_decide(emulator: Emulator, junk: bytes) -> None:
    data = data_of(upload(emulator, base64.b64encode(junk + CONTENT).decode()))
    assert (data["mime_type"], data["file_size"]) == ("image/png", len(junk + CONTENT))
