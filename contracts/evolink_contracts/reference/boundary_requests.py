"""Boundary-value analysis of create: each field one below, at and above its limits, of each wrong type, and missing."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from evolink_contracts.spec.fields import Field
from evolink_contracts.spec.models import FLASH, Model

_WRONG_TYPES: tuple[object, ...] = (5, 5.0, "5", True, [], ["5"], {}, {"a": 1})
_KINDS = {"string": str, "url": str, "integer": int, "boolean": bool, "object": dict, "urls": list}
_INVALID_URLS = ("", "cat.png", "//example.com/cat.png", "ftp://example.com/cat.png", "http://", "https:///cat.png")

INTERNAL_URLS = (
    "https://127.0.0.1/hook",
    "https://10.0.0.1/hook",
    "https://172.16.0.1/hook",
    "https://172.31.255.255/hook",
    "https://192.168.1.1/hook",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/hook",
    "https://0.0.0.0/hook",
    "https://localhost/hook",
    "https://app.localhost/hook",
    "https://[::1]/hook",
    "https://[fc00::1]/hook",
    "https://[fe80::1]/hook",
    "https://[::ffff:127.0.0.1]/hook",
    "https://2130706433/hook",
    "https://0x7f.1/hook",
    "https://017700000001/hook",
)
"""Internal addresses in every spelling that some client understands."""
PUBLIC_URLS = (
    "https://example.com/hook?secret=a%2Fb",
    "https://8.8.8.8/hook",
    "https://172.15.255.255/hook",
    "https://172.32.0.1/hook",
    "https://example.com:8443/hook",
    "https://10.example.com/hook",
)


class BoundaryRequest(NamedTuple):
    """A create request at the limit of a rule: a description, and the body as it is sent."""

    title: str
    body: bytes
    content_type: str | None = "application/json"


def minimal_request(model: Model = FLASH) -> dict[str, Any]:
    """The smallest request that a model accepts."""
    return {"model": model.name} | {field.name: field.example for field in model.fields if field.required}


def boundary_requests(model: Model = FLASH) -> Iterator[BoundaryRequest]:
    """Every boundary request of a model, valid and invalid ones."""
    yield _request("nothing but what is required", minimal_request(model))
    everything = {field.name: field.example for field in model.fields if field.parent is None}
    yield _request("every field", {"model": model.name} | everything)
    yield _request("unknown fields", minimal_request(model) | {"aspect_ratio": "16:9", "seed": 7, "x": None})
    for field in model.fields:
        for value in _values(field):
            yield _request(f"{field.path} {_short(value)}", _with(model, field, value))
        bare = minimal_request(model)
        bare.pop(field.name, None)
        yield _request(f"no {field.path}", bare)
    for name in (None, 5, "", "sora-2", model.name.upper()):
        yield _request(f"model {_short(name)}", minimal_request(model) | {"model": name})
    yield _request("no model", {name: value for name, value in minimal_request(model).items() if name != "model"})
    for body in (b"", b" ", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", b"[" * 5000):
        yield BoundaryRequest(f"the body {body[:8]!r}", body)
    yield BoundaryRequest("a form", b"prompt=cat", "application/x-www-form-urlencoded")
    yield BoundaryRequest("JSON called text", json.dumps(minimal_request(model)).encode(), "text/plain")


def _request(title: str, body: object) -> BoundaryRequest:
    return BoundaryRequest(title, json.dumps(body).encode())


def _with(model: Model, field: Field, value: object) -> dict[str, Any]:
    if field.parent is None:
        return minimal_request(model) | {field.name: value}
    return minimal_request(model) | {field.parent: {field.name: value}}


def _values(field: Field) -> Iterator[object]:
    kind = _KINDS[field.kind]
    yield None
    yield from (value for value in _WRONG_TYPES if type(value) is not kind)
    yield from field.choices
    if field.choices:
        yield from (field.choices[-1].upper() + " ", "", "480p")
    if field.minimum is not None and field.maximum is not None:
        yield from (field.minimum - 1, field.minimum, field.maximum, field.maximum + 1)
    if field.kind == "boolean":
        yield from (True, False)
    if field.kind == "string" and field.max_length is not None:
        yield from ("x" * (field.max_length + step) for step in (-1, 0, 1))
        yield from ("🎬" * (field.max_length + step) for step in (0, 1))
    if field.kind == "urls":
        good = "https://example.com/a.png"
        yield from ([], [good], [good, good], [None], *([url] for url in _INVALID_URLS))
    if field.kind == "url":
        yield from _INVALID_URLS
        yield "http://example.com/a.mp3"
        yield "https://example.com/a.mp3"
    if field.kind == "url" and field.media is None:
        yield from INTERNAL_URLS
        yield from PUBLIC_URLS
        start = "https://example.com/"
        yield from (start + "x" * (field.max_length + step - len(start)) for step in (-1, 0, 1) if field.max_length)


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    size = len(value) if isinstance(value, str) else len(text)
    return text if len(text) <= 60 else f"{text[:40]}… of {size} characters"
