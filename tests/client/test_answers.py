"""Whatever comes back is a typed value or a named error, and nothing else."""

import json
import pickle
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evolink_client import ApiError, EvolinkError, RateLimited, ServerError, Task, UnexpectedAnswer
from evolink_client._answers import Answer, read, refusal, retry_after
from evolink_client._models import read_credits, read_task
from evolink_contracts.spec.errors import ERRORS

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
KEYS = st.text(max_size=8)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)
NAMES = ["id", "status", "progress", "results", "error", "usage", "task_info", "created", "model", "code", "message"]
PARTS = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3)
SHAPED = st.dictionaries(st.sampled_from(NAMES), JSON | PARTS, max_size=9)
BODIES = (JSON | SHAPED | SHAPED.map(lambda body: {"error": body})).map(json.dumps) | st.text(max_size=40)
STATUSES = st.sampled_from([200, 201, 204, 302, 400, 418, 429, 500, 502])
READERS: list[Callable[[object], Any]] = [read_task, read_credits]


@pytest.mark.parametrize("reader", READERS)
@given(BODIES, STATUSES)
@example("[" * 100_000, 200)
def test_any_answer_is_a_value_or_a_named_error(reader: Callable[[object], Any], body: str, status: int) -> None:
    answer = Answer(status, {}, body.encode("utf-8", "surrogatepass"))
    found: object
    try:
        found = read(answer, reader, 0)
    except EvolinkError as error:
        found = error
    if status != 200:
        assert isinstance(found, ApiError if status >= 400 else UnexpectedAnswer)
    assert found is not None
    assert len(str(found)) < 3000 or not isinstance(found, EvolinkError)


TASK: dict[str, Any] = {
    "created": 1757169743,
    "id": "task-unified-1757169743-7cvnl5zw",
    "model": "wan2.6-image-to-video-flash",
    "object": "video.generation.task",
    "progress": 0,
    "status": "pending",
    "task_info": {"can_cancel": True, "estimated_time": 120},
    "type": "video",
    "usage": {"billing_rule": "per_call", "credits_reserved": 5, "user_group": "default"},
}


def test_the_documented_answer_is_read_and_what_is_not_documented_is_kept() -> None:
    task = read_task(TASK | {"surprise": [1]}, "req")
    assert (task.id, task.status, task.progress, task.created) == (TASK["id"], "pending", 0, 1757169743)
    assert (task.can_cancel, task.estimated_time, task.request_id) == (True, 120.0, "req")
    assert task.usage is not None
    assert (task.usage.billing_rule, task.usage.credits_reserved) == ("per_call", 5.0)
    assert dict(task.extra) == {"object": "video.generation.task", "type": "video", "surprise": [1]}
    assert not task.ended
    with pytest.raises(TypeError):
        task.extra["x"] = 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"id": None}, "task.id is missing"),
        ({"status": 5}, "task.status is a int where a str belongs"),
        ({"progress": "50"}, "task.progress is a str where a int belongs"),
        ({"progress": True}, "task.progress is a bool where a int belongs"),
        ({"results": "https://x"}, "task.results is a str where a list belongs"),
        ({"results": [5]}, "task.results holds something else than strings"),
        ({"error": "no"}, "task.error is no object"),
        ({"usage": {"credits_reserved": "5"}}, "task.usage.credits_reserved is a str where a float belongs"),
    ],
)
def test_a_wrong_type_is_named_with_its_place_and_what_was_received(changed: dict[str, Any], says: str) -> None:
    answer = Answer(200, {}, json.dumps(TASK | changed).encode())
    with pytest.raises(UnexpectedAnswer) as error:
        read(answer, read_task, 0)
    assert says in str(error.value)
    assert error.value.excerpt == answer.content.decode()[:500]


@pytest.mark.parametrize("status", ["queued", "canceled", "archived", "✓"])
def test_an_unknown_status_raises_nothing_by_itself(status: str) -> None:
    assert read(Answer(200, {}, json.dumps(TASK | {"status": status}).encode()), read_task, 0).status == status


@pytest.mark.parametrize("key", ERRORS, ids=lambda key: f"{key[0]} {key[1]}")
def test_every_documented_error_is_read_whole(key: Any) -> None:
    row = ERRORS[key]
    body = row.body()
    found = refusal(Answer(row.status, {"x-request-id": "req_1"}, json.dumps(body).encode()), 0)
    assert isinstance(found, ApiError)
    assert (found.status, found.code, found.message) == (row.status, str(row.code), row.message)
    assert (found.type, found.param, found.request_id) == (row.type, row.param, "req_1")


def test_a_page_of_a_gateway_is_a_server_error_with_its_beginning() -> None:
    found = refusal(Answer(502, {"content-type": "text/html"}, b"<html>" + b"x" * 9000), 0)
    assert isinstance(found, ServerError)
    assert found.message == "<html>" + "x" * 494
    assert found.code is None


def test_a_body_of_an_upstream_that_passed_through_is_read() -> None:
    body = b'{"error": {"message": "Resource exhausted.", "type": "", "param": "", "code": 429}}'
    found = refusal(Answer(429, {"retry-after": "7"}, body), 0)
    assert isinstance(found, RateLimited)
    assert (found.code, found.message, found.retry_after) == ("429", "Resource exhausted.", 7.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Sat, 06 Sep 2025 14:42:33 GMT", 10.0),
        ("Sat, 06 Sep 2025 14:42:13 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("", None),
        ("1" * 30, 111111111.0),
    ],
)
def test_retry_after_is_understood_in_both_forms(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, 1757169743) == seconds


def test_a_task_can_be_kept_copied_and_taken_apart() -> None:
    task = read_task(TASK | {"surprise": {"deep": [1]}})
    assert isinstance(task, Task)
    assert pickle.loads(pickle.dumps(task)) == deepcopy(task) == task
    assert asdict(task)["extra"]["surprise"] == {"deep": [1]}
    assert "surprise" in repr(task)
