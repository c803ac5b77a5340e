"""What create promises: which requests it takes, and what it answers to those."""

import re
from collections.abc import Iterator
from functools import partial

from evolink_contracts.promises.registry import Finding, expect, invariant
from evolink_contracts.spec.models import MODELS
from evolink_contracts.spec.sources import Basis
from evolink_contracts.spec.wire import BILLING_RULES, TASK_ID_PATTERN, TASK_OBJECT
from evolink_contracts.trace.history import UNAVAILABLE, Create, History, in_trouble

FLASH = MODELS["wan2.6-image-to-video-flash"]


@invariant("VC-001", "accepts", "A request that breaks no rule is accepted.", "S1a")
def accepts(history: History) -> Iterator[Finding]:
    for create in history.creates:
        if create.judged.faults or create.judged.unsure or create.call.status in UNAVAILABLE:
            continue
        says = f"a request without a fault got {create.call.status}: {create.call.answer[:200]}"
        yield expect(create.accepted, says, create.call)


@invariant("VC-002", "answers 200", "An accepted request is answered with 200, not 201 or 202.", "S1a")
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


@invariant("VC-003", "create fields", "The answer to a create has every documented field, each of its type.", "S1a")
def create_fields(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        wrong = [name for name, kind in _SHAPE.items() if type(create.answer.get(name)) is not kind]
        yield expect(not wrong, f"missing or of another type: {', '.join(wrong)}", create.call)


@invariant("VC-004", "create literals", "A new task is a pending video at 0 %.", "S1a")
def create_literals(history: History) -> Iterator[Finding]:
    fixed = {"object": TASK_OBJECT, "type": "video", "status": "pending", "progress": 0}
    for create in history.accepted:
        wrong = {name: create.answer.get(name) for name, value in fixed.items() if create.answer.get(name) != value}
        yield expect(create.replayed or not wrong, f"{wrong}", create.call)


@invariant("VC-005", "task_info", "A create says that it can be cancelled, and estimates whole seconds.", "S1a")
def task_info(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        info = create.answer.get("task_info")
        estimated = info.get("estimated_time") if isinstance(info, dict) else None
        holds = type(estimated) is int and estimated >= 0 and isinstance(info, dict) and info.get("can_cancel") is True
        yield expect(holds, f"task_info is {info}", create.call)


@invariant("VC-006", "usage", "A create says how it is billed, what is reserved, and for which group.", "S1a")
def usage(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        said = create.usage
        reserved = said.get("credits_reserved")
        holds = said.get("billing_rule") in BILLING_RULES and isinstance(said.get("user_group"), str)
        holds = holds and isinstance(reserved, int | float) and not isinstance(reserved, bool) and reserved >= 0
        yield expect(holds, f"usage is {said}", create.call)


@invariant(
    "VC-007", "id form", "An id is task-unified-, Unix seconds, and eight letters and digits.", "S1c", "observed"
)
def id_form(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        yield expect(bool(re.fullmatch(TASK_ID_PATTERN, create.task)), f"the id is {create.task!r}", create.call)


@invariant("VC-008", "ids differ", "No two tasks have the same id.", "S1a")
def ids_differ(history: History) -> Iterator[Finding]:
    first: dict[str, Create] = {}
    for create in history.accepted:
        if create.replayed or "idempotency-key" in create.call.sent_headers or not create.task:
            continue
        other = first.setdefault(create.task, create)
        yield expect(other is create, f"two creates got {create.task}", other.call, create.call)


@invariant("VC-009", "created", "created is a Unix second, at most one from that in the id.", "S1c", "observed")
def created(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        match = re.match(r"task-unified-(\d{1,20})-", create.task)
        when = create.answer.get("created")
        holds = match is not None and type(when) is int and abs(when - int(match[1])) <= 1
        yield expect(holds, f"created is {when!r}, the id {create.task!r}", create.call)


@invariant("VC-010", "model", "The answer names the model that was asked for.", "S1a")
def model(history: History) -> Iterator[Finding]:
    for create in history.accepted:
        said = create.answer.get("model")
        yield expect(said == create.body.get("model"), f"the model is {said!r}", create.call)


def _refuses(field: str, history: History) -> Iterator[Finding]:
    for create in history.creates:
        faults = create.judged.faults
        if faults and {fault.field for fault in faults} == {field} and create.call.status not in UNAVAILABLE:
            says = f"{field}: {faults[0].rule} got {create.call.status}"
            yield expect(create.call.status == 400, says, create.call)


_FIELDS: tuple[tuple[str, str, str, Basis], ...] = (
    ("VC-011", "model", "model is required, and a string.", "documented"),
    ("VC-012", "prompt", "prompt is required, a string, and has at most 1,500 characters.", "documented"),
    ("VC-013", "image_urls", "image_urls is required, and has exactly one http or https URL.", "documented"),
    ("VC-014", "duration", "duration is an integer from 2 to 15.", "documented"),
    ("VC-015", "quality", "quality is 720p or 1080p, in this spelling.", "documented"),
    ("VC-016", "prompt_extend", "prompt_extend is a boolean.", "documented"),
    ("VC-017", "model_params", "model_params is an object.", "documented"),
    ("VC-018", "model_params.shot_type", "shot_type is single or multi.", "documented"),
    ("VC-019", "audio_url", "audio_url is an http or https URL.", "documented"),
    ("VC-020", "generate_audio", "generate_audio is a boolean.", "documented"),
)
for _number, _field, _statement, _basis in _FIELDS:
    invariant(_number, _field, f"{_statement} Anything else gets 400.", "S1a", _basis)(partial(_refuses, _field))


def _refuses_callback(rule: str, history: History) -> Iterator[Finding]:
    for create in history.creates:
        faults = create.judged.faults
        if faults == (("callback_url", rule),) and create.call.status not in UNAVAILABLE:
            says = f"{str(create.body.get('callback_url'))[:80]!r} got {create.call.status}"
            yield expect(create.call.status == 400, says, create.call)


_CALLBACKS = (
    ("VC-021", "https only", "scheme", "A callback URL is https."),
    ("VC-022", "callback length", "length", "A callback URL has at most 2,048 characters."),
    ("VC-023", "no internal address", "internal", "A callback URL leads to no internal address, however it is spelt."),
    ("VC-024", "callback type", "type", "A callback URL is a string."),
)
for _number, _name, _rule, _statement in _CALLBACKS:
    # The page gives the rules and not the consequence.
    _promise = invariant(_number, _name, f"{_statement} Anything else gets 400.", "S1a", "documented")
    _promise(partial(_refuses_callback, _rule))


@invariant("VC-025", "unknown model", "A model that is not granted gets 403 model_access_denied.", "S1a", "inferred")
def unknown_model(history: History) -> Iterator[Finding]:
    for create in history.creates:
        if create.judged.faults == (("model", "choice"),) and not in_trouble(create.call):
            error = create.answer.get("error")
            code = error.get("code") if isinstance(error, dict) else None
            holds = (create.call.status, code) == (403, "model_access_denied")
            yield expect(holds, f"it got {create.call.status} {code}", create.call)


@invariant("VC-026", "body", "What is no JSON object gets 400.", "S1a", "inferred")
def body(history: History) -> Iterator[Finding]:
    yield from _refuses("body", history)


@invariant("VC-027", "unknown fields", "Fields that are not known are ignored.", "S7", "third party", "warning")
def unknown_fields(history: History) -> Iterator[Finding]:
    known = {"model", *(field.name for field in FLASH.fields)}
    for create in history.creates:
        if create.body.keys() - known and not create.judged.faults and create.call.status not in UNAVAILABLE:
            yield expect(create.accepted, f"it got {create.call.status}", create.call)


@invariant("VC-028", "null is absent", "An optional field that is null counts as absent.", "S10", "inferred", "warning")
def null_is_absent(history: History) -> Iterator[Finding]:
    for create in history.creates:
        if None in create.body.values() and not create.judged.faults and create.call.status not in UNAVAILABLE:
            yield expect(create.accepted, f"it got {create.call.status}", create.call)
