"""The control API, rendered from its route table, with answers of an emulator that is run for the page."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import msgspec

from docs.render import Page
from docs.render.markdown import block, code, join, json_block, sentence, table
from evolink_contracts.spec.models import FLASH
from evolink_contracts.spec.openapi.examples import request_example
from evolink_mock import InProcessTransport, Settings, create_app
from evolink_mock.control.endpoint import ControlCall
from evolink_mock.worlds.journal import EVENTS

_URL = "http://127.0.0.1:8080"
_BODIES: Mapping[str, object] = {
    "POST /deliveries/{number}/resend": {"body": {"status": "archived"}},
}
"""Bodies of calls whose summary shows none that is JSON."""
_LONGEST = 1600
"""Characters of an answer that is shown."""


def calls() -> tuple[ControlCall, ...]:
    """The route table."""
    return create_app(Settings()).control.table()


def _body() -> str:
    return join(_INTRODUCTION, *_sections())


def _sections() -> Iterator[str]:
    with Session() as shared:
        for call in calls():
            if call.method == "GET":
                yield _call(call, shared)
            else:
                with Session() as own:
                    yield _call(call, own)
        yield from (_outside(text) for text in shared.outside())


def _call(call: ControlCall, session: "Session") -> str:
    summary, example = _split(call)
    rows = [(code(name), sentence(meaning)) for name, meaning in call.parameters.items()]
    answer = session.answer(call, example)
    return join(
        f"## {code(f'{call.method} /__mock{call.path}')}",
        sentence(summary),
        "" if call.of_world else "It concerns no single world and needs no API key.",
        table(("Query parameter", "Meaning"), rows) if rows else "",
        form(call.body) if call.body is not None else "",
        f"Request body:\n\n{block(json.dumps(example), 'json')}" if example is not None else "",
        f"Response:\n\n{json_block(answer)}" if answer is not None else "",
        table(("Event", "Meaning"), [(code(name), sentence(meaning)) for name, meaning in EVENTS.items()])
        if call.path == "/events"
        else "",
    )


def _split(call: ControlCall) -> tuple[str, Any]:
    """The summary without its example bodies, and the first of these."""
    if call.body is None:
        return call.summary, None
    words, _, examples = call.summary.partition("{")
    name = f"{call.method} {call.path}"
    example = _BODIES[name] if name in _BODIES else json.JSONDecoder().raw_decode("{" + examples)[0]
    return words.rstrip(" :"), example


def form(body: type[msgspec.Struct]) -> str:
    """The fields of a body; those of an object within it have its name and a dot before them."""
    return table(("Field", "Type", "Meaning"), _fields(msgspec.json.schema(body), f"#/$defs/{body.__name__}", ""))


def _fields(schema: Mapping[str, Any], reference: str, prefix: str) -> Iterator[tuple[str, str, str]]:
    form = schema["$defs"][reference.rpartition("/")[2]]
    for name, field in form["properties"].items():
        required = "" if name not in form.get("required", ()) else " Required."
        yield code(prefix + name), _type(field), sentence(_description(field)) + required
        for inner in dict.fromkeys(_references(field)):
            yield from _fields(schema, inner, f"{prefix}{name}." if "items" not in str(field) else f"{prefix}{name}[].")


def _description(field: Mapping[str, Any]) -> str:
    """The description of a field, or of one of its alternatives."""
    parts = (field, *field.get("anyOf", ()))
    return next((str(part["description"]) for part in parts if "description" in part), "")


def _references(field: Any) -> Iterator[str]:
    if isinstance(field, Mapping):
        yield from ([field["$ref"]] if "$ref" in field else [])
        for part in field.values():
            yield from _references(part)
    elif isinstance(field, list):
        for part in field:
            yield from _references(part)


def _type(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(code(value) for value in field["enum"] if value is not None)
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(part) for part in field["anyOf"]))
    if "$ref" in field or "allOf" in field:
        return "object"
    kinds = field.get("type", "any JSON")
    return kinds if isinstance(kinds, str) else " or ".join(kinds)


class Session:
    """An emulator with some tasks, whose clock is manual, so that its answers are the same on each run."""

    def __init__(self) -> None:
        settings = Settings(clock="manual", generation_time="10s", result_video="plain", public_url=_URL)
        headers = {"authorization": "Bearer sk-local", "user-agent": "curl/8.5.0"}
        app = create_app(settings)
        self._client = httpx.Client(transport=InProcessTransport(app), base_url=_URL, headers=headers)

    def __enter__(self) -> "Session":
        body = {**request_example(FLASH), "callback_url": "https://sink.mock/500,200"}
        self._task = self._create(body)
        self._client.post("/__mock/clock", json={"advance": "12s"})
        self._unfinished = [self._create(request_example(FLASH)) for _ in range(2)]
        self._client.post("/__mock/scenarios", json={"scenario": "fail=service_error", "times": 2})
        return self

    def __exit__(self, *raised: object) -> None:
        self._client.close()

    def _create(self, body: Mapping[str, object]) -> str:
        return str(self._client.post("/v1/videos/generations", json=body).json()["id"])

    def outside(self) -> list[str]:
        """The routes that the index lists and the table lacks, such as `GET /__mock/ui: the page`."""
        listed = self._client.get("/__mock/").json()["calls"]
        known = {f"{call.method} /__mock{call.path}" for call in calls()}
        return [text for text in listed if text.partition(":")[0] not in known]

    def answer(self, call: ControlCall, example: object) -> Any:
        """The answer of a call, with the first row of each list; `None` for one that is too long for a page."""
        task = self._unfinished.pop() if call.path.endswith(("/cancel", "/outcome")) else self._task
        path = call.path.replace("{task_id}", task).replace("{number}", "1")
        content = None if example is None else json.dumps(example)
        response = self._client.request(call.method, f"/__mock{path}", content=content)
        response.raise_for_status()
        shown = _shortened(response.json())
        return shown if len(json.dumps(shown)) <= _LONGEST else None


def _shortened(value: Any) -> Any:
    if isinstance(value, list):
        return [_shortened(row) for row in value[:1]]
    if isinstance(value, dict):
        return {name: _shortened(part) for name, part in value.items()}
    return value


def _outside(text: str) -> str:
    route, _, summary = text.partition(": ")
    return join(f"## {code(route)}", sentence(summary))


_INTRODUCTION = """\
Calls below `/__mock` observe and control the emulator. A call concerns the world of the API key that it is sent with
(`Authorization: Bearer KEY`), with `?world=ID` the world with that id, or with `?all=true` every world. Bodies and
answers are JSON; `POST` bodies need no content type. Errors have the form
`{"error": {"code": …, "message": …, "type": "mock_control_error"}}`. When the emulator is bound to a non-loopback
address, every call except `health` and `ready` needs the header `X-Mock-Token`.

The answers below are those of an emulator with `--clock manual`; lists are cut to their first row."""

PAGE = Page("Control API", "Every call below `/__mock`: parameters, body and answer.", _body)
