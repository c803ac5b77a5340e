"""Promises about create: the requests that it accepts, and its answers."""

import re
from collections.abc import Iterator
from functools import partial

from evolink_contracts.promises.promise import Finding, expect, promise
from evolink_contracts.spec.models import FLASH
from evolink_contracts.spec.wire import BILLING_RULES, TASK_ID_PATTERN, TASK_OBJECT
from evolink_contracts.trace.history import INCONCLUSIVE_FOR_CREATE, Create, History, is_inconclusive


@promise("VC-001", "accepts", "A request that breaks no rule is accepted.", "S1a")
def accepts(history: History) -> Iterator[Finding]:
    for create in history.creates:
        if create.assessment.violations or create.assessment.unsure or create.call.status in INCONCLUSIVE_FOR_CREATE:
            continue
        says = f"a valid request got {create.call.status}: {create.call.answer[:200]}"
        yield expect(create.accepted, says, create.call)


@promise("VC-002", "answers 200", "An accepted request is answered with 200, not 201 or 202.", "S1a")
def answers_200(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        yield expect(create.call.status == 200, f"the status is {create.call.status}", create.call)


_SHAPE: dict[str, type] = {
    "created": int,
    "id": str,
    "model": str,
    "object": str,
    "progress": int,
    "status": str,
    "task_info": dict,
    "type": str,
    "usage": dict,
}


@promise(
    "VC-003",
    "create fields",
    "The response to a create has every documented field, each of the documented type.",
    "S1a",
)
def create_fields(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        wrong = [name for name, kind in _SHAPE.items() if type(create.answer.get(name)) is not kind]
        yield expect(not wrong, f"missing, or of the wrong type: {', '.join(wrong)}", create.call)


@promise(
    "VC-004",
    "create literals",
    "The response to a create has status pending, progress 0, and the object and type of a video task.",
    "S1a",
)
def create_literals(history: History) -> Iterator[Finding]:
    fixed = {"object": TASK_OBJECT, "type": "video", "status": "pending", "progress": 0}
    for create in history.accepted:
        wrong = {name: create.answer.get(name) for name, value in fixed.items() if create.answer.get(name) != value}
        yield expect(create.replayed or not wrong, f"{wrong}", create.call)


@promise(
    "VC-005",
    "task_info",
    "task_info of a new task has estimated_time in whole seconds, and can_cancel true, if it has that.",
    "S1a",
)
def task_info(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        info = create.answer.get("task_info")
        estimated = info.get("estimated_time") if isinstance(info, dict) else None
        holds = (
            type(estimated) is int
            and estimated >= 0
            and isinstance(info, dict)
            and info.get("can_cancel", True) is True
        )
        yield expect(holds, f"task_info is {info}", create.call)


@promise("VC-006", "usage", "usage of a new task has the billing rule, the credits reserved and the user group.", "S1a")
def usage(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        said = create.usage
        reserved = said.get("credits_reserved")
        holds = said.get("billing_rule") in BILLING_RULES and isinstance(said.get("user_group"), str)
        holds = holds and isinstance(reserved, int | float) and not isinstance(reserved, bool) and reserved >= 0
        yield expect(holds, f"usage is {said}", create.call)


@promise(
    "VC-007",
    "id form",
    "A task id consists of task-unified-, the Unix seconds, a hyphen, and eight letters and digits.",
    "S1c",
    "recorded",
)
def id_form(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        yield expect(bool(re.fullmatch(TASK_ID_PATTERN, create.task)), f"the id is {create.task!r}", create.call)


@promise("VC-008", "ids differ", "No two tasks have the same id.", "S1a")
def ids_differ(history: History) -> Iterator[Finding]:
    first: dict[str, Create] = {}
    for create in history.accepted:
        sent = create.call.sent_headers
        if create.replayed or sent is None or "idempotency-key" in sent or not create.task:
            continue
        other = first.setdefault(create.task, create)
        yield expect(other is create, f"two creates got {create.task}", other.call, create.call)


@promise(
    "VC-009",
    "created",
    "created is in Unix seconds, and differs from the time in the id by at most one second.",
    "S1c",
    "recorded",
)
def created(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        match = re.match(r"task-unified-(\d{1,20})-", create.task)
        when = create.answer.get("created")
        holds = match is not None and type(when) is int and abs(when - int(match[1])) <= 1
        yield expect(holds, f"created is {when!r}, the id {create.task!r}", create.call)


@promise("VC-010", "model", "The response to a create names the requested model.", "S1a")
def model(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        said = create.answer.get("model")
        yield expect(said == create.body.get("model"), f"the model is {said!r}", create.call)


def _refuses(field: str, history: History) -> Iterator[Finding]:
    for create in history.creates:
        violations = create.assessment.violations
        wrong = {violation.field for violation in violations}
        if wrong == {field} and create.call.status not in INCONCLUSIVE_FOR_CREATE:
            says = f"{field}: {violations[0].rule} got {create.call.status}"
            yield expect(create.call.status == 400, says, create.call)


_FIELDS = tuple(
    promise(number, field, f"{statement} Anything else gets 400.", "S1a")(partial(_refuses, field))
    for number, field, statement in (
        ("VC-011", "model", "model is required and must be a string."),
        ("VC-012", "prompt", "prompt is required, must be a string, and has at most 1,500 characters."),
        ("VC-013", "image_urls", "image_urls is required, and has exactly one http or https URL."),
        ("VC-014", "duration", "duration is an integer from 2 to 15."),
        ("VC-015", "quality", "quality is 720p or 1080p, in exactly this spelling."),
        ("VC-016", "prompt_extend", "prompt_extend is a boolean."),
        ("VC-017", "model_params", "model_params is an object."),
        ("VC-018", "model_params.shot_type", "shot_type is single or multi."),
        ("VC-019", "audio_url", "audio_url is an http or https URL."),
        ("VC-020", "generate_audio", "generate_audio is a boolean."),
    )
)


def _refuses_callback_url(rule: str, history: History) -> Iterator[Finding]:
    for create in history.creates:
        violations = create.assessment.violations
        if violations == (("callback_url", rule),) and create.call.status not in INCONCLUSIVE_FOR_CREATE:
            says = f"{str(create.body.get('callback_url'))[:80]!r} got {create.call.status}"
            yield expect(create.call.status == 400, says, create.call)


# The page gives these rules, and not the consequence of breaking them.
_CALLBACK_URL = tuple(
    promise(number, name, f"{statement} Anything else gets 400.", "S1a")(partial(_refuses_callback_url, rule))
    for number, name, rule, statement in (
        ("VC-021", "https only", "scheme", "A callback URL uses https."),
        ("VC-022", "callback length", "length", "A callback URL has at most 2,048 characters."),
        (
            "VC-023",
            "no internal address",
            "internal",
            "A callback URL does not point to an internal address, in any spelling.",
        ),
        ("VC-024", "callback type", "type", "A callback URL is a string."),
    )
)


@promise(
    "VC-025",
    "unknown model",
    "A create with a model that the key may not use gets 403 model_access_denied.",
    "S1a",
    "inferred",
)
def unknown_model(history: History) -> Iterator[Finding]:
    for create in history.creates:
        if create.assessment.violations == (("model", "choice"),) and not is_inconclusive(create.call):
            status, code = create.call.status, create.call.error_code
            if status != 400 or not create.assessment.unsure:
                yield expect((status, code) == (403, "model_access_denied"), f"it got {status} {code}", create.call)


@promise("VC-026", "body", "A create whose body is not a JSON object gets 400.", "S1a", "inferred")
def body(history: History) -> Iterator[Finding]:
    return _refuses("body", history)


@promise("VC-027", "unknown fields", "Unknown fields are ignored.", "S7", "third party", "warning")
def unknown_fields(history: History) -> Iterator[Finding]:
    known = {"model", *(field.name for field in FLASH.fields)}
    for create in history.creates:
        if (
            create.body.keys() - known
            and not create.assessment.violations
            and create.call.status not in INCONCLUSIVE_FOR_CREATE
        ):
            yield expect(create.accepted, f"it got {create.call.status}", create.call)


@promise(
    "VC-028", "null is absent", "An optional field with the value null counts as absent.", "S10", "inferred", "warning"
)
def null_is_absent(history: History) -> Iterator[Finding]:
    for create in history.creates:
        if (
            None in create.body.values()
            and not create.assessment.violations
            and create.call.status not in INCONCLUSIVE_FOR_CREATE
        ):
            yield expect(create.accepted, f"it got {create.call.status}", create.call)


PROMISES = (
    accepts,
    answers_200,
    create_fields,
    create_literals,
    task_info,
    usage,
    id_form,
    ids_differ,
    created,
    model,
    *_FIELDS,
    *_CALLBACK_URL,
    unknown_model,
    body,
    unknown_fields,
    null_is_absent,
)
