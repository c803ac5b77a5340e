"""Invalid input never causes a 500: each kind gets a documented 4xx, and the emulator goes on."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.emulator import DOCUMENTED, Emulator

VALID = b'{"model":"wan2.6-image-to-video-flash","prompt":"p","image_urls":["https://a.example/1.png"]%s}'
BODIES: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 400),
    "white space": (b" \n\t ", 400),
    "malformed": (b'{"model": ', 400),
    "trailing garbage": (VALID % b"" + b"}", 400),
    "single quotes": (b"{'model': 'x'}", 400),
    "NaN": (VALID % b',"duration":NaN', 400),
    "infinity": (VALID % b',"duration":-Infinity', 400),
    "a number too large for a float": (VALID % b',"duration":1e999', 400),
    "a huge integer": (VALID % b',"duration":' + b"9" * 30 + b"}", 400),
    "an integer of 10,000 digits": (VALID % (b',"duration":' + b"9" * 10_000), 400),
    "deep lists": (b"[" * 100_000, 400),
    "deep objects": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 400),
    "depth inside an extra field": (VALID % (b',"x":' + b"[" * 5_000 + b"]" * 5_000), 400),
    "invalid UTF-8": (VALID % b',"x":"\xff\xfe"', 400),
    "UTF-16": ('{"model":"x"}'.encode("utf-16"), 400),
    "a lone surrogate": (VALID % b',"x":"\\ud800"', 400),
    "a byte-order mark": (b"\xef\xbb\xbf" + VALID % b"", 400),
    "a NUL": (VALID % b"" + b"\x00", 400),
    "a raw control character in a string": (VALID % b',"x":"\x01"', 400),
    "a list at the top": (b"[]", 400),
    "a string at the top": (b'"model"', 400),
    "a number at the top": (b"1", 400),
    "null at the top": (b"null", 400),
    "5 MB": (VALID % (b',"x":"' + b"x" * 5_000_000 + b'"'), 413),
}


@pytest.mark.parametrize("kind", BODIES)
def test_an_invalid_body_gets_a_documented_error(emulator: Emulator, kind: str) -> None:
    content, status = BODIES[kind]
    response = emulator.post_raw(content)
    assert response.status_code == status
    assert set(response.json()["error"]) == {"code", "message", "type"}
    assert len(response.content) < 1000
    assert emulator.post(DOCUMENTED).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json5", "multipart/form-data", ""]
)
def test_an_error_names_a_wrong_content_type(emulator: Emulator, content_type: str) -> None:
    response = emulator.post_raw(VALID % b"", content_type)
    assert response.status_code == 400
    assert "application/json" in response.json()["error"]["message"]


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", None])
def test_each_spelling_of_the_json_content_type_is_accepted(emulator: Emulator, content_type: str | None) -> None:
    assert emulator.post_raw(VALID % b"", content_type).status_code == 200


def test_duplicate_keys_and_harmless_irregularities_are_accepted(emulator: Emulator) -> None:
    assert emulator.post_raw(VALID % b',"duration":99,"duration":5').status_code == 200
    assert emulator.post_raw(b"\r\n " + VALID % b',"duration":5' + b"\n").status_code == 200
    assert emulator.post_raw(VALID % b',"callback_url":null,"model_params":null').status_code == 200


@pytest.mark.parametrize(
    "task",
    ["x" * 10_000, "task-unified-" + "x" * 10_000, "%00", "task-unified-%00%0d%0a", "%ff", "task-unified-%F0%9F"],
)
def test_malformed_task_ids_are_rejected(emulator: Emulator, task: str) -> None:
    response = emulator.query(task)
    assert response.status_code in (400, 404)
    assert response.json()["error"]["code"] in ("invalid_task_id", "task_not_found")


def test_very_long_paths_are_rejected(emulator: Emulator) -> None:
    response = emulator.request("GET", "/" + "a/" * 5_000)
    assert response.status_code == 404


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic abc", "sk-local", "Bearer a b", "Bearer \x7f"]
)
def test_malformed_keys_are_unauthenticated(emulator: Emulator, authorization: str) -> None:
    response = emulator.client.get("/v1/credits", headers={b"Authorization": authorization.encode()})
    assert response.status_code == 401


@pytest.mark.parametrize("key", ["k", "x" * 256, "clé", "a.b_c~d+e/f==", '"quoted\\"'])
def test_any_other_key_is_accepted(emulator: Emulator, key: str) -> None:
    headers = {b"Authorization": b"Bearer " + key.encode()}
    assert emulator.client.get("/v1/credits", headers=headers).status_code == 200


def test_the_size_of_headers_is_limited(emulator: Emulator) -> None:
    response = emulator.request("GET", "/v1/credits", {"X-Padding": "x" * 40_000})
    assert response.status_code == 400
    assert "headers" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "scenario", ["", ";", "create", "create=", "=x", "create=x;create=x", "x" * 1000, "create=\x7f"]
)
def test_malformed_scenarios_are_rejected(emulator: Emulator, scenario: str) -> None:
    response = emulator.post(DOCUMENTED, {"X-Mock-Scenario": scenario})
    assert response.status_code == 400
    assert "X-Mock-Scenario" in response.json()["error"]["message"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*DOCUMENTED, "model_params", "x"]), inner)
    ),
    max_leaves=12,
)


@given(body=JSON)
def test_no_json_value_causes_a_500(emulator: Emulator, body: object) -> None:
    response = emulator.post(body)
    assert response.status_code in (200, 400, 403)
    assert response.json()


@given(
    changes=st.dictionaries(
        st.sampled_from([*DOCUMENTED, "quality", "callback_url", "model_params", "audio_url"]), JSON
    )
)
def test_no_field_value_causes_a_500(emulator: Emulator, changes: dict[str, object]) -> None:
    response = emulator.post(DOCUMENTED | changes)
    assert response.status_code in (200, 400, 403)


@given(content=st.binary(max_size=200))
def test_no_sequence_of_bytes_causes_a_500(emulator: Emulator, content: bytes) -> None:
    assert emulator.post_raw(content).status_code in (400, 403)


@given(body=JSON, path=st.sampled_from(["clock", "worlds", "tasks/x/cancel", "tasks/x/outcome"]))
def test_no_body_of_a_control_call_causes_a_500(emulator: Emulator, body: object, path: str) -> None:
    assert emulator.request("POST", f"/__mock/{path}", json=body).status_code in (200, 400, 404)


COMPLETE = VALID % b""
CREATE = "/v1/videos/generations"
ENCODED: dict[str, tuple[bytes, dict[str, str], str]] = {
    "gzip": (gzip.compress(COMPLETE), {"content-encoding": "gzip"}, "is compressed with gzip; send it uncompressed"),
    "gzip without its header": (gzip.compress(COMPLETE), {}, "is compressed with gzip"),
    "zlib": (zlib.compress(COMPLETE), {"content-encoding": "deflate"}, "is compressed with deflate"),
    "zlib without its header": (zlib.compress(COMPLETE, 9), {}, "is compressed with deflate"),
    "raw deflate": (zlib.compress(COMPLETE)[2:-4], {"content-encoding": "deflate"}, "is compressed with deflate"),
    "brotli": (b"\x1b\x5f\x00\xf8\x8d\x94", {"content-encoding": "br"}, "is compressed with br"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x58", {}, "is compressed with zstd"),
    "two codings": (gzip.compress(COMPLETE), {"content-encoding": "identity, gzip"}, "is compressed with gzip"),
    "UTF-16 with a mark": (COMPLETE.decode().encode("utf-16"), {}, "is in UTF-16; send it in UTF-8"),
    "UTF-16, little end first": (COMPLETE.decode().encode("utf-16-le"), {}, "is in UTF-16"),
    "UTF-16, big end first": (COMPLETE.decode().encode("utf-16-be"), {}, "is in UTF-16"),
    "UTF-16 with other letters first": ('"猫"'.encode("utf-16-le"), {}, "is in UTF-16"),
    "UTF-32 with a mark": (COMPLETE.decode().encode("utf-32"), {}, "is in UTF-32"),
    "UTF-32, little end first": (COMPLETE.decode().encode("utf-32-le"), {}, "is in UTF-32"),
    "UTF-32, big end first": (COMPLETE.decode().encode("utf-32-be"), {}, "is in UTF-32"),
    "a byte-order mark": (b"\xef\xbb\xbf" + COMPLETE, {}, "begins with a byte-order mark; send it without one"),
    "Latin-1": ('{"prompt": "café"}'.encode("latin-1"), {}, "is not UTF-8: byte 15 is 0xe9"),
}


@pytest.mark.parametrize("kind", ENCODED)
@pytest.mark.parametrize(
    "path",
    [
        CREATE,
        *(f"/api/v1/files/upload/{name}" for name in ("base64", "url", "stream")),
        *(f"/__mock/{name}" for name in ("clock", "worlds", "scenarios", "scenarios/default", "tasks/task-1/outcome")),
    ],
)
def test_an_error_names_the_encoding_of_a_body(emulator: Emulator, path: str, kind: str) -> None:
    content, headers, says = ENCODED[kind]
    form = path.endswith("stream")
    content_type = "multipart/form-data; boundary=abc" if form else "application/json"
    if form and kind == "Latin-1":
        says = "it has no line --abc"
    refused = emulator.request("POST", path, {"content-type": content_type, **headers}, content=content)
    assert refused.status_code == 400
    assert says in refused.text


def test_the_brackets_of_compressed_bytes_are_not_counted_as_nesting(emulator: Emulator) -> None:
    content = gzip.compress(b"")[:10] + b"[" * 100
    for path in (CREATE, "/api/v1/files/upload/base64", "/api/v1/files/upload/url", "/__mock/clock"):
        refused = emulator.request("POST", path, {"content-type": "application/json"}, content=content)
        assert "is compressed with gzip" in refused.text


def test_a_header_of_a_coding_does_not_decide_about_a_plain_body(emulator: Emulator) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert emulator.request("POST", CREATE, headers, content=COMPLETE).status_code == 200
    malformed = emulator.request("POST", CREATE, headers, content=b'{"model": x^2}').json()["error"]["message"]
    assert "compressed" not in malformed
    assert "malformed" in malformed
