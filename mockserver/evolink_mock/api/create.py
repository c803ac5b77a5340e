"""The create operation: parses and validates the body, reserves credits, creates the task."""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from evolink_contracts.spec.errors import ERRORS
from evolink_mock.api.endpoint import Request
from evolink_mock.api.fault_injection import delay
from evolink_mock.api.headers import IDEMPOTENCY_HEADER
from evolink_mock.api.responses import Outcome, Result, error_invalid, error_result, with_retry_after
from evolink_mock.body_encodings import body_encoding_error
from evolink_mock.core.behaviour import Behaviour
from evolink_mock.core.billing import quote
from evolink_mock.core.bodies import created_body
from evolink_mock.core.duration import SECOND
from evolink_mock.core.request_headers import header_text
from evolink_mock.core.task import Task, to_credits
from evolink_mock.core.validation import CreateRequest, Refusal, Validator
from evolink_mock.nesting import nesting_error
from evolink_mock.scenarios.delivery_faults import DELIVERY_FAULTS
from evolink_mock.scenarios.directive import LONGEST_READ, OPENING, extract_directive, unread_directive
from evolink_mock.scenarios.precedence import Decision
from evolink_mock.settings import Settings
from evolink_mock.worlds.tasks import NewTask
from evolink_mock.worlds.world import World

log = logging.getLogger("evolink_mock")

_NEUTRAL_URL = "https://looked.at/"
"""Passes every check of a name."""

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode


class CreateOperation:
    """Creates by the rules that the settings choose."""

    def __init__(self, settings: Settings, behaviour: Behaviour) -> None:
        self._settings = settings
        self._behaviour = behaviour
        self._choices = settings.choices
        validator = Validator(behaviour.models, settings.choices, behaviour.policy, behaviour.check_callback_url)
        self._validate = partial(behaviour.validate, validator)

    def parse(self, request: Request) -> object:
        """The decoded body, or the error where it cannot be decoded."""
        return self._oversize() if request.body is None else self._json(request, request.body)

    def execute(self, request: Request, body: object, decision: Decision) -> Outcome:
        """Carry a create out: its parsed body, and the scenario that applies to its task."""
        if isinstance(body, Result):
            return body
        world, now, files = request.world, request.now, request.inputs
        idempotency = self._idempotency(request, body)
        if isinstance(idempotency, Result):
            return idempotency
        create = self._validated(body, files) if files else self._validate(body)
        if isinstance(create, Refusal):
            return self._validation_error(create, str(body.get("model")) if isinstance(body, dict) else "")
        if not world.may_use(create.model.name):
            return error_result("create", "model_access_denied", model=create.model.name)
        if (reached := world.tasks.limit_reached(create.model.family, now)) is not None:
            return _over_limit(create.model.family, *reached)
        if world.tasks.is_full(now):
            limit = self._settings.task_limit
            message = (
                f"This emulator keeps at most {limit} tasks for a key (task_limit); reset the world or raise the limit"
            )
            return error_result("create", "rate_limited", message)
        inputs = tuple(each.input for each in files.values() if each.input is not None) if files else ()
        created = world.tasks.create(
            NewTask(create, decision, idempotency, inputs, world.config.public_url.of(request.headers.get(b"host"))),
            now,
        )
        if created is None:
            return self._insufficient(world, create)
        name, task = created
        result = Result(200, self._created(name, task), task=name, source=decision.source)
        fault = decision.scenario.delivery
        if task.has_callback and fault is not None and DELIVERY_FAULTS[fault].completes_immediately:
            return delay(result, partial(world.outbox.first_attempt, name, self._behaviour.policy.timeout + 1))
        return result

    def _validated(self, body: object, files: Mapping[str, Any]) -> CreateRequest | Refusal:
        """Validate a file that was probed by its content, and any other by its name."""
        if not isinstance(body, dict):
            return self._validate(body)
        request = self._validate(_without_names(body, files))
        if isinstance(request, Refusal):
            return request
        values = {name: body[name] for name in request.values}
        failures = (each.failure for each in files.values() if each.failure is not None)
        return request._replace(values=values, deferred_failure=next(failures, request.deferred_failure))

    def _insufficient(self, world: World, request: CreateRequest) -> Result:
        body = ERRORS["create", "insufficient_quota"].body()
        if self._choices.quota_details == "include":
            body["error"]["action_url"] = "/dashboard/credits"
            body["error"]["account_balance_credits"] = to_credits(world.view().ledger.remaining)
            body["error"]["estimated_credits"] = to_credits(quote(request, request.duration * SECOND, self._choices))
        return Result(402, _encode(body))

    def _created(self, name: str, task: Task) -> bytes:
        return _encode(created_body(name, task, self._behaviour.models[task.model], self._choices))

    def _idempotency(self, request: Request, body: object) -> tuple[str, bytes] | Result | None:
        """The key of a create with the digest of its request, or the result where it was used before (S2)."""
        header = request.headers.get(IDEMPOTENCY_HEADER)
        if header is None:
            return None
        try:
            key = self._behaviour.idempotency_key(header)
        except ValueError as error:
            return self._invalid(str(error))
        if key is None:
            return None
        world, digest = request.world, self._behaviour.request_digest(_encode_sorted(body))
        name = world.tasks.idempotency.task_of(key)
        task = None if name is None else world.tasks.find(name, request.now)
        if name is None or task is None:
            return key, digest
        if task.idempotency != (key, digest):
            return error_result("create", "idempotency_conflict")
        if world.tasks.idempotency.is_unanswered(key):
            return error_result("create", "paid_outcome_unknown")
        return Result(200, self._created(name, task), ((b"idempotency-replayed", b"true"),), task=name)

    def _json(self, request: Request, body: bytes) -> object:
        content_type = request.headers.get(b"content-type", b"application/json")
        if not self._behaviour.is_json(content_type):
            shown = header_text(content_type)[:60]
            return self._invalid(f"the content type must be application/json; got {shown!r}")
        if not body.strip():
            return self._invalid("the body is empty; send a JSON object")
        deep, reason = nesting_error(body), ""
        try:
            if deep is None:
                return _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            reason = str(error)[:200]
        encoding = body_encoding_error(body, request.headers.get(b"content-encoding", b""))
        if deep is not None and encoding is None:
            return self._invalid(deep)
        return self._invalid(f"the body is not valid JSON: {encoding or reason}")

    def _invalid(self, message: str | None) -> Result:
        return error_invalid(self._choices.invalid_code, message)

    def _validation_error(self, refusal: Refusal, model: str) -> Result:
        if refusal.condition == "invalid_request":
            return self._invalid(refusal.message)
        return error_result("create", refusal.condition, refusal.message, model=model)

    def _oversize(self) -> Result:
        message = f"Request body is too large: at most {self._settings.max_body} bytes"
        if self._choices.oversize_status == 400:
            return self._invalid(message)
        return error_result("create", "body_too_large", message)


def _without_names(body: Mapping[str, Any], files: Mapping[str, Any]) -> dict[str, Any]:
    """The body with a neutral URL in the place of each file that was probed."""

    def neutral(value: object) -> object:
        return _NEUTRAL_URL if isinstance(value, str) and value in files else value

    replaced = dict(body)
    # A value of the wrong type stays, so that its refusal shows what was sent.
    if isinstance(images := body.get("image_urls"), list):
        replaced["image_urls"] = [neutral(each) for each in images]
    if isinstance(body.get("audio_url"), str):
        replaced["audio_url"] = neutral(body["audio_url"])
    return replaced


def has_directive(body: object) -> bool:
    """Whether the prompt has a directive; what only looks like one is logged."""
    prompt = body.get("prompt") if type(body) is dict else None
    # A longer prompt is refused for its length, or fails later for it, whatever a directive says.
    if type(prompt) is not str or "[" not in prompt or len(prompt) > LONGEST_READ:
        return False
    if (note := unread_directive(prompt)) is not None:
        log.warning("%s", note)
    return OPENING in prompt


def without_directive(body: object) -> tuple[object, str]:
    """The body without the directive in its prompt, and the directive. Raises `ValueError`."""
    assert isinstance(body, dict)
    try:
        prompt, directive = extract_directive(body["prompt"])
    except ValueError as error:
        raise ValueError(f"prompt: {error}") from None
    return {**body, "prompt": prompt}, directive


def _over_limit(family: str, limit: str, seconds: int) -> Result:
    error = with_retry_after(error_result("create", "rate_limited"), seconds)
    return replace(error, rule=f"{family}: {limit}")
