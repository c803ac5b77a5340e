"""Promises about refusals: their shape, their codes, and their order."""

import re
from collections.abc import Iterator

from evolink_contracts.promises.promise import Finding, expect, promise
from evolink_contracts.spec.errors import ERRORS
from evolink_contracts.spec.wire import TASK_ID_PREFIX
from evolink_contracts.trace.events import Call
from evolink_contracts.trace.history import (
    CREATE_PATH,
    CREDITS_PATH,
    TASK_PATH,
    History,
    from_intermediary,
    is_inconclusive,
)


def _refusals(history: History) -> Iterator[Call]:
    return (call for call in history.refusals if not from_intermediary(call))


def _operation(call: Call) -> str:
    if call.path == CREATE_PATH:
        return "create"
    if call.path == CREDITS_PATH and call.method == "GET":
        return "credits"
    return "query" if call.path.startswith(TASK_PATH) else "any"


@promise(
    "VC-030", "error shape", "An error response is an object with error.code, error.message and error.type.", "S1a"
)
def error_shape(history: History) -> Iterator[Finding]:
    for call in _refusals(history):
        error = call.error or {}
        code = int if _operation(call) == "credits" else str
        holds = type(error.get("code")) is code and isinstance(error.get("message"), str)
        holds = holds and isinstance(error.get("type"), str)
        yield expect(holds, f"the body is {call.answer[:200]}", call)


@promise(
    "VC-031", "error rows", "The status, code and type of an error response are those of a documented error.", "S1a"
)
def error_rows(history: History) -> Iterator[Finding]:
    known = [(row.operation, row.status, row.code, row.type) for row in ERRORS.values()]
    for call in _refusals(history):
        error, operation = call.error or {}, _operation(call)
        said = (call.status, error.get("code"), error.get("type"))
        holds = (operation, *said) in known or ("any", *said) in known
        yield expect(holds, f"{operation} was refused with {said}", call)


@promise(
    "VC-032", "key first", "A request with a missing or invalid key gets 401, whatever else is wrong with it.", "S1a"
)
def key_first(history: History) -> Iterator[Finding]:
    for call in history.calls:
        if call.access != "granted" and call.path.startswith("/v1/") and not from_intermediary(call):
            says = f"a request whose key is {call.access} got {call.status}"
            yield expect(call.status == 401, says, call)


@promise("VC-033", "invalid parameters", "An invalid parameter gets the code invalid_request.", "S1a")
def faulty_parameters(history: History) -> Iterator[Finding]:
    row = ERRORS["create", "invalid_request"]
    for create in history.creates:
        faults = create.assessment.violations
        if faults and faults[0] != ("model", "choice") and create.call.status == 400:
            error = create.call.error or {}
            said = (error.get("code"), error.get("type"))
            yield expect(said == (row.code, row.type), f"code and type are {said}", create.call)


@promise(
    "VC-034",
    "JSON",
    "Every response has a JSON body and a JSON content type, error responses included.",
    "S7",
    "third party",
)
def all_json(history: History) -> Iterator[Finding]:
    for call in history.calls:
        if call.path.startswith("/v1/") and call.method != "HEAD" and not from_intermediary(call):
            if call.headers is None and call.json is not None:
                continue  # A recording without headers does not show the content type.
            kind = (call.headers or {}).get("content-type", "")
            holds = kind.partition(";")[0].strip().lower() == "application/json" and call.json is not None
            yield expect(holds, f"the content type is {kind!r}, the body {call.answer[:80]!r}", call)


@promise(
    "VC-035",
    "task id form",
    "A query whose id does not begin with task-unified- gets 400, and its error names task_id.",
    "S1b",
)
def task_id_form(history: History) -> Iterator[Finding]:
    for call in history.queries:
        name = call.path.removeprefix(TASK_PATH)
        if call.access != "granted" or is_inconclusive(call):
            continue
        if not name.startswith(TASK_ID_PREFIX) and re.fullmatch(r"[\w-]+", name):
            error = call.error or {}
            said = (call.status, error.get("code"), error.get("param"))
            yield expect(said == (400, "invalid_task_id", "task_id"), f"it got {said}", call)


@promise("VC-036", "no such task", "A query of an id that was never issued gets 404 task_not_found.", "S1b")
def no_such_task(history: History) -> Iterator[Finding]:
    for call in history.queries:
        name = call.path.removeprefix(TASK_PATH)
        if (
            call.access == "granted"
            and name not in history.owners
            and call.notes.get("unknown")
            and not is_inconclusive(call)
        ):
            said = (call.status, call.error_code)
            yield expect(said == (404, "task_not_found"), f"it got {said}", call)


@promise(
    "VC-037",
    "request ids",
    "Every response has an X-Request-Id, and no two responses have the same one.",
    "S2",
    "vendor client",
    "warning",
)
def request_ids(history: History) -> Iterator[Finding]:
    seen: dict[str, Call] = {}
    for call in history.calls:
        if call.headers is not None and call.path.startswith("/v1/") and not from_intermediary(call):
            said = call.headers.get("x-request-id") or call.headers.get("x-oneapi-request-id")
            yield expect(bool(said), "the response has no X-Request-Id", call)
            if said and (other := seen.setdefault(f"{call.who} {said}", call)) is not call:
                yield expect(False, f"two responses have {said}", other, call)


@promise(
    "VC-038",
    "unknown routes",
    "A request for an unknown path or method gets 404 or 405 and a JSON error.",
    "S10",
    "inferred",
    "warning",
)
def unknown_routes(history: History) -> Iterator[Finding]:
    for call in history.calls:
        if call.notes.get("no route") and not is_inconclusive(call):
            yield expect(call.status in (404, 405) and bool(call.error), f"it got {call.status}", call)


PROMISES = (
    error_shape,
    error_rows,
    key_first,
    faulty_parameters,
    all_json,
    task_id_form,
    no_such_task,
    request_ids,
    unknown_routes,
)
