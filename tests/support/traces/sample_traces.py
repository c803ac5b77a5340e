"""Sample traces: for each promise the shortest trace that keeps it, and the shortest that breaks it."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from evolink_contracts.reference.boundary_requests import minimal_request
from evolink_contracts.runs.receiver_promises import completed, failed
from evolink_contracts.spec.errors import ERRORS
from evolink_contracts.spec.examples import EXAMPLE_TASK_ID
from evolink_contracts.trace.events import Attempt, Call, Event, Outcome
from evolink_contracts.trace.history import CREATE_PATH, CREDITS_PATH, TASK_PATH

ID, OTHER = EXAMPLE_TASK_ID, "task-unified-1757169743-abcdefgh"
URL = "https://your-domain.com/hook?secret=a%2Fb"
JSON = {"content-type": "application/json"}
DAY = 24 * 3600.0
CREATED: dict[str, Any] = {
    "created": 1757169743,
    "id": ID,
    "model": "wan2.6-image-to-video-flash",
    "object": "video.generation.task",
    "progress": 0,
    "status": "pending",
    "task_info": {"can_cancel": True, "estimated_time": 120},
    "type": "video",
    "usage": {"billing_rule": "per_second", "credits_reserved": 11.9, "user_group": "default"},
}


class Sample(NamedTuple):
    """A trace that keeps a promise, and one that breaks it."""

    held: tuple[Event, ...]
    broken: tuple[Event, ...]


def sample(held: Event | tuple[Event, ...], broken: Event | tuple[Event, ...]) -> Sample:
    return Sample(*(each if isinstance(each, tuple) else (each,) for each in (held, broken)))


def answered(status: int, body: object, **more: Any) -> dict[str, Any]:
    return {"status": status, "answer": json.dumps(body), "headers": {**JSON, "x-request-id": "1"}, **more}


def create(asked: Mapping[str, Any] | None = None, says: Mapping[str, Any] | None = None, **more: Any) -> Call:
    """A create of the smallest request with these fields, answered with the documented body and these changes."""
    sent = json.dumps(minimal_request() | dict(asked or {}))
    given = {"sent": sent, "sent_headers": JSON, **answered(200, CREATED | dict(says or {})), **more}
    return Call(0.0, "POST", CREATE_PATH, **given)


def refused(condition: str, asked: Mapping[str, Any] | None = None, operation: Any = "create", **more: Any) -> Call:
    """The same, refused as the row of a condition says."""
    row = ERRORS[operation, condition]
    return create(asked, **{**answered(row.status, row.body()), **more})


def task(status: str, **changed: Any) -> dict[str, Any]:
    body = completed(ID)
    if status == "failed":
        body = failed(ID)
    elif status != "completed":
        del body["results"]
        body |= {"status": status, "progress": 0 if status == "pending" else 50, "task_info": {"can_cancel": True}}
    return body | changed


def answered_with(at: float, body: object, **more: Any) -> Call:
    """A query that was answered with this."""
    return Call(at, "GET", f"{TASK_PATH}{ID}", **answered(200, body, **more))


def read(at: float, status: str = "completed", *without: str, **changed: Any) -> Call:
    """A query, answered with a task in this state, with these changes and without these fields."""
    return answered_with(at, {field: value for field, value in task(status, **changed).items() if field not in without})


def asked(at: float, name: str, condition: str, **more: Any) -> Call:
    """A query that was refused."""
    row = ERRORS["query", condition]
    return Call(at, "GET", f"{TASK_PATH}{name}", **{**answered(row.status, row.body()), **more})


def attempt(at: float, outcome: Outcome = 200, **more: Any) -> Attempt:
    body = json.dumps(more.pop("says", task("completed")))
    return Attempt(at, **{"url": URL, "body": body, "outcome": outcome, "headers": JSON, **more})


def look(at: float, used: Any, remaining: Any = 100, **more: Any) -> Call:
    user = {"remaining_credits": remaining, "used_credits": used}
    body = {"data": {"token": {**user, "unlimited_credits": False}, "user": user}, "message": "", "success": True}
    return Call(at, "GET", CREDITS_PATH, **answered(200, body, **more))


def invalid(asked: Mapping[str, Any]) -> Sample:
    """A request that must be refused, and was or was not."""
    return sample(refused("invalid_request", asked), create(asked))


CALLED = create({"callback_url": URL}, notes={"listens": True})
LATER = look(1000.0, 0)
KEY = {"idempotency-key": "contract-kit.key_0001", **JSON}
KEYED = create(sent_headers=KEY)
REPLAYED = create(sent_headers=KEY, headers={**JSON, "idempotency-replayed": "true"})
SETTLED = {"notes": {"settled": True}}
LINK = "https://media.evolink.ai/v.mp4"

SAMPLES: Mapping[str, Sample] = {
    "VC-001": sample(create(), refused("invalid_request")),
    "VC-002": sample(create(), create(status=201)),
    "VC-003": sample(create(), create(says={"usage": None})),
    "VC-004": sample(create(), create(says={"status": "queued"})),
    "VC-005": sample(create(), create(says={"task_info": {"can_cancel": True, "estimated_time": "2 min"}})),
    "VC-006": sample(create(), create(says={"usage": {"billing_rule": "per_frame"}})),
    "VC-007": sample(create(), create(says={"id": "task-unified-1757169743-7CVNL5ZW"})),
    "VC-008": sample((create(), create(says={"id": OTHER})), (create(), create())),
    "VC-009": sample(create(), create(says={"created": 1757169745})),
    "VC-010": sample(create(), create(says={"model": "wan2.6-image-to-video"})),
    "VC-011": invalid({"model": None}),
    "VC-012": invalid({"prompt": "x" * 1501}),
    "VC-013": invalid({"image_urls": []}),
    "VC-014": invalid({"duration": 16}),
    "VC-015": invalid({"quality": "720P"}),
    "VC-016": invalid({"prompt_extend": "true"}),
    "VC-017": invalid({"model_params": []}),
    "VC-018": invalid({"model_params": {"shot_type": "many"}}),
    "VC-019": invalid({"audio_url": "cat.mp3"}),
    "VC-020": invalid({"generate_audio": 1}),
    "VC-021": invalid({"callback_url": "http://example.com/"}),
    "VC-022": invalid({"callback_url": "https://example.com/".ljust(2049, "x")}),
    "VC-023": invalid({"callback_url": "https://10.0.0.1/"}),
    "VC-024": invalid({"callback_url": 5}),
    "VC-025": sample(
        refused("model_access_denied", {"model": "sora-2"}), refused("invalid_request", {"model": "sora-2"})
    ),
    "VC-026": sample(refused("invalid_request", sent="[]"), create(sent="[]")),
    "VC-027": sample(create({"seed": 7}), refused("invalid_request", {"seed": 7})),
    "VC-028": sample(create({"quality": None}), refused("invalid_request", {"quality": None})),
    "VC-030": sample(refused("invalid_request"), create(**answered(400, {"error": "bad request"}))),
    "VC-031": sample(refused("invalid_request"), create(**answered(422, ERRORS["create", "invalid_request"].body()))),
    "VC-032": sample(refused("unauthorized", access="missing"), refused("invalid_request", access="wrong")),
    "VC-033": sample(refused("invalid_request", {"duration": 1}), refused("invalid_parameter", {"duration": 1})),
    "VC-034": sample(create(), create(headers={"content-type": "text/html"})),
    "VC-035": sample(asked(1.0, "nonsense", "invalid_task_id"), asked(1.0, "nonsense", "task_not_found")),
    "VC-036": sample(
        asked(1.0, OTHER, "task_not_found", notes={"unknown": True}),
        asked(1.0, OTHER, "permission_denied", notes={"unknown": True}),
    ),
    "VC-037": sample(create(), (create(), read(1.0))),
    "VC-038": sample(
        Call(0.0, "GET", "/v1/x", **answered(404, ERRORS["query", "task_not_found"].body()), notes={"no route": True}),
        Call(0.0, "GET", "/v1/x", **answered(200, {}), notes={"no route": True}),
    ),
    "VC-040": sample(read(1.0), read(1.0, "completed", "model")),
    "VC-041": sample(read(1.0), answered_with(1.0, task("completed") | {"status": "succeeded"})),
    "VC-042": sample((read(1.0, "pending"), read(2.0)), (read(1.0), read(2.0, "processing"))),
    "VC-043": sample(
        (read(1.0, "processing"), read(2.0)), (read(1.0, "processing"), read(2.0, "processing", progress=49))
    ),
    "VC-044": sample(read(1.0), read(1.0, "processing", progress=100)),
    "VC-045": sample(read(1.0), read(1.0, "completed", "results")),
    "VC-046": sample(read(1.0, "failed"), read(1.0, "failed", "error")),
    "VC-047": sample(read(1.0, "failed"), read(1.0, "failed", progress=50)),
    "VC-048": sample(
        (create(notes={"fails": "service_error"}), read(1.0, "failed")),
        (create(notes={"fails": "quota_exceeded"}), read(1.0, "failed")),
    ),
    "VC-049": sample(read(1.0), read(1.0, task_info={"can_cancel": True})),
    "VC-050": sample((read(1.0), read(2.0)), (read(1.0), read(2.0, results=["https://media.evolink.ai/w.mp4"]))),
    "VC-051": sample((create(), read(1.0)), (create(), read(1.0, created=1757169744))),
    "VC-052": sample(read(1.0), read(1.0, usage={"credits_used": 11.9})),
    "VC-053": sample((create(), read(1.0)), (create(), asked(1.0, ID, "task_not_found"))),
    "VC-054": sample(
        Call(1.0, "GET", LINK, 200, access="missing", notes={"age": DAY - 5}),
        Call(1.0, "GET", LINK, 200, access="missing", notes={"age": DAY + 5}),
    ),
    "VC-055": sample(
        answered_with(1.0, task("completed"), notes={"ended": True}),
        answered_with(1.0, task("processing"), notes={"ended": True}),
    ),
    "VC-060": sample((read(1.0), attempt(1.0)), (read(1.0), attempt(1.0, says=task("completed", event=1)))),
    "VC-061": sample((CALLED, attempt(1.0)), (CALLED, attempt(1.0, url="https://your-domain.com/hook?secret=a/b"))),
    "VC-062": sample(attempt(1.0), attempt(1.0, method="GET")),
    "VC-063": sample(attempt(1.0), attempt(1.0, says=task("processing"))),
    "VC-064": sample(attempt(1.0, 204), (attempt(1.0, 204), attempt(2.0))),
    "VC-065": sample((CALLED, attempt(1.0, 302), attempt(2.0), LATER), (CALLED, attempt(1.0, 302), LATER)),
    "VC-066": sample(
        tuple(attempt(float(at), 500) for at in (1, 2, 4, 8)), tuple(attempt(float(at), 500) for at in (1, 2, 4, 8, 16))
    ),
    "VC-067": sample((attempt(1.0, 500), attempt(2.0)), (attempt(1.0, 500), attempt(3.0))),
    "VC-068": sample(attempt(1.0, "timeout", took=10.0), attempt(1.0, "timeout", took=5.0)),
    "VC-069": sample((CALLED, read(1.0), attempt(1.0), LATER), (CALLED, read(1.0), LATER)),
    "VC-070": sample(create(), (create(), attempt(1.0))),
    "VC-071": sample(
        (read(1.0, "processing"), attempt(2.0), read(3.0)), (attempt(1.0), read(2.0, "processing"), read(3.0))
    ),
    "VC-072": sample(
        (attempt(1.0, 500), attempt(2.0)), (attempt(1.0, 500), attempt(2.0, says=task("completed", attempt=2)))
    ),
    "VC-073": sample(attempt(1.0), attempt(1.0, headers={**JSON, "x-signature": "abc"})),
    "VC-080": sample(create(notes={"priced": True}), create({"duration": 10}, notes={"priced": True})),
    "VC-081": sample(
        (create({"generate_audio": False}, {"usage": {"credits_reserved": 6}}), create(says={"id": OTHER})),
        (create({"generate_audio": False}), create(says={"id": OTHER})),
    ),
    "VC-082": sample(look(0.0, 0), look(0.0, "0")),
    "VC-083": sample(
        (look(0.0, 0, **SETTLED), create(), read(1.0), look(2.0, 11.9, **SETTLED)),
        (look(0.0, 0, **SETTLED), create(), read(1.0, "failed"), look(2.0, 11.9, **SETTLED)),
    ),
    "VC-084": sample((look(0.0, 0, 100), look(1.0, 11.9, 88.1)), (look(0.0, 0, 100), look(1.0, 11.9, 100))),
    "VC-085": sample(refused("insufficient_quota", notes={"remaining": 10}), create(notes={"remaining": 10})),
    "VC-090": sample(
        (create(), asked(1.0, ID, "permission_denied", who="b")),
        (create(), answered_with(1.0, task("pending"), who="b")),
    ),
    "VC-091": sample((KEYED, REPLAYED), (KEYED, create(says={"id": OTHER}, sent_headers=KEY))),
    "VC-092": sample(
        (KEYED, refused("idempotency_conflict", {"duration": 9}, sent_headers=KEY)),
        (KEYED, create({"duration": 9}, sent_headers=KEY)),
    ),
    "VC-093": sample(
        refused("invalid_request", sent_headers={**JSON, "idempotency-key": "short"}),
        create(sent_headers={**JSON, "idempotency-key": "short"}),
    ),
}
