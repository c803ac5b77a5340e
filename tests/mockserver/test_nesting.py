"""One limit of depth for all JSON and TOML: what a create accepts can be read anywhere later, whatever the stack."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.nesting import MAX_DEPTH, is_nested_too_deeply, nesting_error
from evolink_mock.scenarios.toml_lines import TomlError, parse_toml
from tests.support.emulator import DOCUMENTED, Emulator

HUGE = 1_000_000


def nested(depth: int, kind: str = "list") -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


def depth_of(value: object) -> int:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if parts is None else 1 + max(map(depth_of, parts), default=0)


TEXTS = st.text(st.sampled_from('[]{}",:\\a 1'), max_size=8)
VALUES = st.recursive(
    st.none() | TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)


@given(VALUES, st.integers(MAX_DEPTH - 6, MAX_DEPTH))
def test_exactly_what_is_deeper_than_the_limit_is_refused(value: object, around: int) -> None:
    for _ in range(around):
        value = [value, "]]"]
    deep = depth_of(value) > MAX_DEPTH
    assert is_nested_too_deeply(value) is deep
    assert (nesting_error(json.dumps(value).encode()) is not None) is deep
    assert (nesting_error(msgspec.json.format(msgspec.json.encode(value))) is not None) is deep


@pytest.mark.parametrize(
    "part", ["[", "]", "{}", "[],", '"",', '\\"', '"', '"\\', "[[]],", '{"a":', "[" * 63 + "]" * 63]
)
@pytest.mark.parametrize("before", ["", "[" * 65, '[" '])
def test_a_text_is_checked_in_a_time_that_is_linear_in_it(part: str, before: str) -> None:
    """In quadratic time, most of these would take minutes."""
    nesting_error((before + part * (HUGE // len(part))).encode())


def test_the_path_of_what_is_too_deep_is_named() -> None:
    body = {"x": "[{", "model_params": {"some": nested(MAX_DEPTH, "dict")}}
    assert nesting_error(json.dumps(body).encode()) == (
        "the body is nested more than 64 levels deep, in model_params.some.a.a…"
    )
    assert nesting_error(json.dumps({"a": "[" * 100}).encode()) is None
    assert nesting_error(b"[" * 65) == "the body is nested more than 64 levels deep, in [].[].[].[]…"


@pytest.mark.parametrize("kind", ["list", "dict"])
@pytest.mark.parametrize("spare", [0, 1, 900, 20_000])
def test_a_create_is_accepted_up_to_the_limit_and_refused_above(emulator: Emulator, kind: str, spare: int) -> None:
    extra = nested(MAX_DEPTH - 2, kind)
    text = json.dumps({**DOCUMENTED, "model_params": {"x": "HERE"}}).replace(
        '"HERE"',
        json.dumps(extra)[: -(MAX_DEPTH - 2)] + "[" * spare + "]" * spare + json.dumps(extra)[-(MAX_DEPTH - 2) :],
    )
    response = emulator.post_raw(text.encode())
    if spare:
        assert response.status_code == 400
        assert "nested more than 64 levels deep, in model_params.x" in response.json()["error"]["message"]
    else:
        assert response.status_code == 200


def test_a_task_at_the_limit_can_be_read_everywhere(emulator: Emulator) -> None:
    params = {"x": nested(MAX_DEPTH - 2, "dict")}
    task = emulator.create(model_params=params, callback_url="https://sink.mock/200")
    emulator.control("scenarios", {"scenario": "query=internal_error", "match": {"prompt_contains": "no such"}})
    emulator.advance("20s")
    assert emulator.query(task).status_code == 200
    assert emulator.control(f"tasks/{task}")["request"]["model_params"] == params
    (delivery,) = emulator.control("deliveries")["deliveries"]
    assert delivery["status"] == "delivered"
    for path in ("tasks", "deliveries", "journal", "events", "inbox"):
        assert emulator.control(f"{path}?all=true")


@pytest.mark.parametrize("depth", [MAX_DEPTH, 1000, 30_000])
@pytest.mark.parametrize("path", ["/__mock/worlds", "/__mock/clock", "/__mock/scenarios", "/__mock/scenarios/default"])
def test_control_calls_refuse_what_is_nested_too_deeply(emulator: Emulator, path: str, depth: int) -> None:
    body = b'{"x":' + b"[" * depth + b"]" * depth + b"}"
    refused = emulator.request("POST", path, content=body)
    assert refused.status_code == 400
    assert "The body is nested more than 64 levels deep" in refused.json()["error"]["message"]


@pytest.mark.parametrize("depth", [MAX_DEPTH, 30_000])
def test_a_resend_and_an_upload_refuse_what_is_nested_too_deeply(emulator: Emulator, depth: int) -> None:
    emulator.create(callback_url="https://sink.mock/200")
    emulator.advance("20s")
    value = "[" * depth + "]" * depth
    refused = emulator.request("POST", "/__mock/deliveries/1/resend", content=f'{{"body":{value}}}')
    assert (refused.status_code, "64 levels" in refused.json()["error"]["message"]) == (400, True)
    for path in ("base64", "url"):
        refused = emulator.request("POST", f"/api/v1/files/upload/{path}", content=f'{{"base64_data":{value}}}')
        assert (refused.status_code, "64 levels" in refused.json()["msg"]) == (400, True)


@pytest.mark.parametrize("depth", [MAX_DEPTH, 200, 5000])
@pytest.mark.parametrize("form", ["x = {}", "x.{}y = 1", "[x.{}y]"])
def test_a_toml_document_is_refused_above_the_limit(depth: int, form: str) -> None:
    text = form.format("[" * depth + "]" * depth if form == "x = {}" else "a." * depth)
    with pytest.raises(TomlError, match="nested more than 64 levels deep"):
        parse_toml(text.encode())
    assert parse_toml(form.format("[" * 60 + "]" * 60 if form == "x = {}" else "a." * 60).encode())
