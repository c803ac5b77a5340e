"""Document and behaviour agree: what is answered is documented, and what is documented is answered."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from evolink_contracts.spec.errors import FAILURES
from evolink_contracts.spec.openapi import render_openapi
from evolink_contracts.spec.sources import CONFLICTS
from evolink_mock import create_app
from evolink_mock.settings import KeyRule
from tests.support.emulator import DOCUMENTED, Emulator, settings

CREATE, TASK, CREDITS = "/v1/videos/generations", "/v1/tasks/{task_id}", "/v1/credits"
UNKNOWN = "task-unified-1757169743-zzzzzzzz"

Exchange = tuple[str, str, httpx.Response]
"""The method, the path as the document has it, and the answer."""


class Document:
    """What an emulator says of itself."""

    def __init__(self, emulator: Emulator) -> None:
        self.content = emulator.request("GET", "/openapi.json").json()

    def judge(self, method: str, path: str, response: httpx.Response) -> None:
        """The answer's status, content type, headers and body are documented."""
        answers = self.content["paths"][path][method]["responses"]
        status = str(response.status_code)
        assert status in answers, f"{method} {path} answers {status}, undocumented: {response.text}"
        assert response.headers["content-type"] in answers[status]["content"]
        for name, header in answers[status]["headers"].items():
            assert name in response.headers or not header["required"]
        schema = answers[status]["content"][response.headers["content-type"]]["schema"]
        validator = Draft202012Validator(schema | {"components": self.content["components"]})
        assert [error.message for error in validator.iter_errors(response.json())] == [], response.text


# From behaviour to document

WANTED: list[dict[str, Any]] = [
    DOCUMENTED,
    {"model": "wan2.6-image-to-video", "prompt": "x", "image_urls": ["https://a.example/a.png"], "duration": None},
    {"model": "wan2.6-text-to-video", "prompt": "", "aspect_ratio": "9:16", "quality": "1080p"},
    DOCUMENTED | {"generate_audio": False, "model_params": {"shot_type": "multi"}, "aspect_ratio": "1:1"},
    DOCUMENTED | {"image_urls": ["https://a.example/a.gif"], "audio_url": "https://a.example/a.wav"},
]
FAULTY: list[Any] = [
    [],
    {},
    {"model": 5},
    DOCUMENTED | {"model": "x"},
    DOCUMENTED | {"prompt": "x" * 1501},
    DOCUMENTED | {"image_urls": []},
    DOCUMENTED | {"image_urls": ["ftp://a.example/a.png"]},
    DOCUMENTED | {"duration": 16},
    DOCUMENTED | {"quality": "720P"},
    DOCUMENTED | {"model_params": {"shot_type": "x"}},
    DOCUMENTED | {"callback_url": "https://127.0.0.1/"},
]


def creates(emulator: Emulator) -> Iterator[Exchange]:
    for body in (*WANTED, *FAULTY):
        yield "post", CREATE, emulator.post(body)
    yield "post", CREATE, emulator.post_raw(b"")
    yield "post", CREATE, emulator.post_raw(b"{")
    yield "post", CREATE, emulator.post_raw(b"{}", "text/plain")
    yield "post", CREATE, emulator.post_raw(b" " * 2_000_000)


def reads(emulator: Emulator, tasks: list[str]) -> Iterator[Exchange]:
    for task in (*tasks, UNKNOWN, "nonsense"):
        yield "get", TASK, emulator.query(task)
    yield "get", CREDITS, emulator.request("GET", CREDITS)


def cancels(emulator: Emulator, tasks: list[str]) -> Iterator[Exchange]:
    for task in (*tasks, UNKNOWN, "nonsense"):
        yield "delete", TASK, emulator.request("DELETE", f"/v1/tasks/{task}")


def refused_callers(emulator: Emulator) -> Iterator[Exchange]:
    """Without a key, with a wrong one, with headers that are too large, and with a scenario that does not exist."""
    for headers in ({}, {"Authorization": "Bearer sk-invalid"}):
        yield "post", CREATE, emulator.client.post(CREATE, json=DOCUMENTED, headers=headers)
        yield "get", TASK, emulator.client.get("/v1/tasks/nonsense", headers=headers)
        yield "get", CREDITS, emulator.client.get(CREDITS, headers=headers)
    for more in ({"X-Padding": "x" * 40_000}, {"X-Mock-Scenario": "create=nonsense"}):
        yield "post", CREATE, emulator.post(DOCUMENTED, more)
        yield "get", TASK, emulator.query(UNKNOWN, more)
        yield "get", CREDITS, emulator.request("GET", CREDITS, more)


def exchanges(emulator: Emulator, cancel_route: bool) -> Iterator[Exchange]:
    """Whatever can happen: tasks of every ending, read in every state, among requests of every kind."""
    plain, cancelled, failing = emulator.create(), emulator.create(), emulator.create("fail=service_error")
    tasks = [plain, cancelled, failing, emulator.as_key("sk-foreign").create()]
    for moment in ("0s", "5s"):
        emulator.advance(moment)
        yield from reads(emulator, tasks)
    emulator.control(f"tasks/{cancelled}/cancel", {})
    yield from creates(emulator)
    yield from refused_callers(emulator)
    emulator.advance("5s")
    yield from reads(emulator, tasks)
    if cancel_route:
        yield from cancels(emulator, [emulator.create(), *tasks])
    emulator.advance("1h")
    yield from reads(emulator, tasks)


READINGS = [(row.setting, reading.value) for row in CONFLICTS.values() for reading in row.readings]


@pytest.mark.parametrize(("setting", "reading"), [*READINGS, ("task_retention", 60), ("balance", 35.7)])
def test_every_answer_is_documented_whatever_the_settings(setting: str, reading: Any) -> None:
    given = {setting: reading} | ({"balance": 35.7} if setting == "quota_on_read" else {})
    with Emulator.in_process(**given) as emulator:
        document = Document(emulator)
        for method, path, response in exchanges(emulator, bool(given.get("cancel_route"))):
            document.judge(method, path, response)


@pytest.mark.parametrize("code", FAILURES)
def test_every_failed_task_is_documented(emulator: Emulator, code: str) -> None:
    task = emulator.create(f"fail={code}")
    emulator.advance("10s")
    response = emulator.query(task)
    assert response.json()["error"]["code"] == code
    Document(emulator).judge("get", TASK, response)


@pytest.mark.parametrize("broken", ["api.create.created_body", "api.routes.query_body", "api.routes.credits_body"])
def test_even_a_defect_of_the_emulator_answers_a_documented_500(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    task = emulator.create()
    monkeypatch.setattr(f"evolink_mock.{broken}", fail)
    answers = [*reads(emulator, [task]), ("post", CREATE, emulator.post(DOCUMENTED))]
    assert [response.status_code for _, _, response in answers].count(500) == 1
    for method, path, response in answers:
        Document(emulator).judge(method, path, response)


@pytest.mark.parametrize("cancel_route", [False, True])
def test_every_route_below_v1_is_documented_with_its_methods(cancel_route: bool) -> None:
    """HEAD aside, which HTTP gives to whatever has GET."""
    rows = create_app(settings(cancel_route=cancel_route)).table.rows
    # The row of batches only keeps their path from being taken for a task: it is not served yet.
    served = {row.path for row in rows if row.path.startswith("/v1")} - {"/v1/tasks/batch"}
    with Emulator.in_process(cancel_route=cancel_route) as emulator:
        documented = Document(emulator).content["paths"]
        assert served == documented.keys()
        for path, operations in documented.items():
            allowed = emulator.request("TRACE", path.replace("{task_id}", UNKNOWN)).headers["allow"].lower()
            assert set(allowed.split(", ")) - {"head"} == operations.keys()


# From document to behaviour

EXAMPLES = [
    pytest.param(method, path, int(status), name, example["value"], id=f"{method} {path} {status} {name}")
    for path, operations in render_openapi("", cancel_route=True)["paths"].items()
    for method, operation in operations.items()
    for status, answer in operation["responses"].items()
    for name, example in answer["content"]["application/json"]["examples"].items()
]


def at(progress: int) -> Callable[[Emulator], httpx.Response]:
    """A query at the moment at which a task has come so far."""

    def query(emulator: Emulator) -> httpx.Response:
        task = emulator.create()
        plan = emulator.control(f"tasks/{task}")["plan"]
        starts, ends = (plan[moment] - 1757169743 for moment in ("starts_at", "ends_at"))
        emulator.advance(f"{starts + (ends - starts) * (progress - 0.5) / 98:.6f}s")
        return emulator.query(task)

    return query


def ended(scenario: str | None) -> Callable[[Emulator], httpx.Response]:
    def query(emulator: Emulator) -> httpx.Response:
        task = emulator.create(scenario)
        emulator.advance("10s")
        return emulator.query(task)

    return query


def balance_after_a_create(emulator: Emulator) -> httpx.Response:
    emulator.create()
    return emulator.request("GET", CREDITS)


def cancel(emulator: Emulator, task: str) -> httpx.Response:
    return emulator.request("DELETE", f"/v1/tasks/{task}")


PRODUCED: dict[tuple[str, str], Callable[[Emulator], httpx.Response]] = {
    ("post", "created"): lambda emulator: emulator.post(DOCUMENTED),
    ("get", "pending"): lambda emulator: emulator.query(emulator.create()),
    ("get", "processing"): at(65),
    ("get", "completed"): ended(None),
    ("get", "failed"): ended("fail=content_policy_violation"),
    ("get", "limited"): balance_after_a_create,
    ("delete", "cancelled"): lambda emulator: cancel(emulator, emulator.create()),
    ("delete", "invalid_task_id"): lambda emulator: cancel(emulator, "nonsense"),
    ("delete", "unauthorized"): lambda emulator: cancel(emulator.as_key("sk-invalid"), UNKNOWN),
    ("delete", "permission_denied"): lambda emulator: cancel(emulator, emulator.as_key("sk-foreign").create()),
    ("delete", "task_not_found"): lambda emulator: cancel(emulator, UNKNOWN),
}
"""How to bring about what no scenario names."""
OPERATIONS = {CREATE: "create", TASK: "query", CREDITS: "credits"}


def produce(emulator: Emulator, method: str, path: str, name: str) -> httpx.Response:
    if (method, name) in PRODUCED:
        return PRODUCED[method, name](emulator)
    headers = {"X-Mock-Scenario": f"{OPERATIONS[path]}={name}"}
    if name == "headers_too_large":
        headers = {"X-Padding": "x" * 40_000}
    body = {"json": DOCUMENTED} if method == "post" else {}
    return emulator.request(method, path.replace("{task_id}", UNKNOWN), headers, **body)


@pytest.fixture(scope="module")
def customers() -> Iterator[Emulator]:
    """An emulator with three customers, one of them poor; with a route and an answer that are off by default."""
    keys = {"sk-local": KeyRule(balance=1000), "sk-foreign": KeyRule(), "sk-empty": KeyRule(balance=0)}
    choices = {"cancel_route": True, "quota_on_read": "when_empty"}
    with Emulator.in_process(keys=keys, **choices) as emulator:
        yield emulator


@pytest.mark.parametrize(("method", "path", "status", "name", "example"), EXAMPLES)
def test_every_documented_example_is_an_answer_to_something(
    customers: Emulator, method: str, path: str, status: int, name: str, example: dict[str, Any]
) -> None:
    """To the byte, but for ids and links, which are drawn: of these the schema says the form."""
    customers.control("worlds?all=true", {"reset": True})
    response = produce(customers, method, path, name)
    body = response.json()
    drawn = {key: example[key] for key in ("id", "results") if key in body and key in example}
    assert response.status_code == status
    assert json.dumps(body | drawn) == json.dumps(example)
    assert response.text == json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    Document(customers).judge(method, path, response)


def test_every_documented_answer_has_an_example_and_so_was_seen() -> None:
    documented = {
        (method, path, int(status))
        for path, operations in render_openapi("", cancel_route=True)["paths"].items()
        for method, operation in operations.items()
        for status in operation["responses"]
    }
    assert {tuple(example.values[:3]) for example in EXAMPLES} == documented
