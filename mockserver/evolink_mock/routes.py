"""The API's operations, and the table of its routes: parse, ask the core, render. No rule lives here."""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property, lru_cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from starlette.routing import Route

from evolink_contracts.spec.errors import ERRORS, Operation
from evolink_contracts.spec.models import MODELS
from evolink_contracts.spec.timing import RESULT_LINK
from evolink_contracts.spec.wire import TASK_ID_PREFIX
from evolink_mock.auth import Stranger, identify
from evolink_mock.callbacks import first_attempt
from evolink_mock.core.billing import quote
from evolink_mock.core.chaos import CHAOS
from evolink_mock.core.directive import OPENING, take_directive
from evolink_mock.core.duration import SECOND, Micros
from evolink_mock.core.faults import FAULTS
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.render import created_body, credits_body
from evolink_mock.core.rules import Subject
from evolink_mock.core.scenario import Scripted
from evolink_mock.core.task import Event, Task, to_credits
from evolink_mock.core.validation import Refusal, Request, Validator
from evolink_mock.doors import BUILT_IN, Asked, Decision, Doors
from evolink_mock.errors import Answer, refuse, refuse_invalid
from evolink_mock.exchange import Call, Endpoint, Handler, Headers
from evolink_mock.injection import hold_back, injection, spoil
from evolink_mock.settings import Settings
from evolink_mock.wire import send_as_scripted
from evolink_mock.world import World
from evolink_mock.worlds import Worlds

SCENARIO_HEADER = b"x-mock-scenario"
_IDEMPOTENCY_HEADER = b"idempotency-key"
_IDEMPOTENCY_KEY = re.compile(rb"[A-Za-z0-9._-]{16,96}")

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode


class Api:
    """The operations of one emulator. Each takes a call and gives its answer, at once."""

    def __init__(
        self,
        settings: Settings,
        worlds: Worlds,
        doors: Doors,
        let_pass: Callable[[World, Micros], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._doors = doors
        self._let_pass = let_pass
        self._choices = settings.choices
        self._worlds = worlds
        self._validator = Validator(MODELS, settings.choices)

    def routes(self) -> list[Route]:
        """Every route of the API, most used first."""
        task: dict[str, Handler] = {"GET": self.query}
        if self._choices.cancel_route:
            task["DELETE"] = self.cancel
        table: list[tuple[str, Operation, Mapping[str, Handler]]] = [
            ("/v1/tasks/{task_id}", "query", task),
            ("/v1/videos/generations", "create", {"POST": self.create}),
            ("/v1/credits", "credits", {"GET": self.credits}),
            ("/media/{token}/{name}.mp4", "any", {"GET": self.media}),
            ("/openapi.json", "any", {"GET": self.openapi}),
        ]
        return [Route(path, self._endpoint(operation, handlers)) for path, operation, handlers in table]

    def unknown_route(self) -> Endpoint:
        """Answers what no route matches, whatever the method."""
        return self._endpoint("any", {}, otherwise=self.not_found)

    def _endpoint(
        self, operation: Operation, handlers: Mapping[str, Handler], otherwise: Handler | None = None
    ) -> Endpoint:
        outside, max_body = self._worlds.outside, self._settings.max_body
        return Endpoint(operation, handlers, self._open_world, outside, max_body, otherwise, send_as_scripted)

    def _open_world(self, operation: Operation, headers: Headers, path: Mapping[str, str]) -> World | Answer:
        if "token" in path:
            return self._worlds.by_token(path["token"]) or self._worlds.outside
        if operation == "query" and self._choices.task_id_check == "before_auth" and _malformed(path["task_id"]):
            return refuse("query", "invalid_task_id")
        key = identify(headers.get(b"authorization"), self._settings.keys)
        if isinstance(key, Stranger):
            return self._worlds.outside if operation == "any" else self._unauthorized(operation, key)
        return self._worlds.of(key)

    def _unauthorized(self, operation: Operation, stranger: Stranger) -> Answer:
        if self._choices.unauthorized_message == "by_cause":
            worded = ERRORS["query" if stranger.cause == "missing" else "create", "unauthorized"]
            return refuse(operation, "unauthorized", worded.message)
        return refuse(operation, "unauthorized")

    # Operations

    def create(self, call: Call) -> Answer:
        """POST /v1/videos/generations (S1a)."""
        body = None if call.body is None else self._json(call)
        prompt = body.get("prompt") if type(body) is dict else None
        directed = type(prompt) is str and OPENING in prompt
        if not directed and self._silent(call, None):
            return self._made(call, body, BUILT_IN)
        try:
            body, directive = _without_directive(call, body) if directed else (body, None)
            decision = self._decide(call, "create", directive, None, partial(_subject_of, body))
        except ValueError as error:
            return _no_scenario(error)
        return self._scripted(call, "create", decision, partial(self._made, call, body, decision), body)

    def _made(self, call: Call, body: object, decision: Decision) -> Answer:
        if call.body is None:
            return self._oversize()
        if isinstance(body, Answer):
            return body
        world, now = call.world, call.now
        idempotency = self._idempotency(call, body)
        if isinstance(idempotency, Answer):
            return idempotency
        request = self._validator.judge(body)
        if isinstance(request, Refusal):
            return self._refused(request, str(body.get("model")) if isinstance(body, dict) else "")
        if not world.may_use(request.model.name):
            return refuse("create", "model_access_denied", model=request.model.name)
        if world.limits is not None and (refused := _over_limit(world, request, now)) is not None:
            return refused
        if world.is_full(now):
            limit = self._settings.task_limit
            message = f"This emulator keeps at most {limit} tasks for a key (task_limit); reset the world or raise it"
            return refuse("create", "rate_limited", message)
        made = world.create(request, now, decision.door, decision.text, decision.rule, idempotency)
        if made is None:
            return self._insufficient(world, request)
        name, task = made
        answer = Answer(200, self._created(name, task), task=name, door=decision.door)
        chaos = decision.scenario.delivery
        if task.calls and chaos is not None and CHAOS[chaos].instant:
            hold_back(answer, partial(first_attempt, world, name))
        return answer

    def _insufficient(self, world: World, request: Request) -> Answer:
        body = ERRORS["create", "insufficient_quota"].body()
        if self._choices.quota_details == "include":
            body["error"]["action_url"] = "/dashboard/credits"
            body["error"]["account_balance_credits"] = to_credits(world.store.ledger.remaining)
            body["error"]["estimated_credits"] = to_credits(quote(request, request.duration, self._choices))
        return Answer(402, _encode(body))

    def _created(self, name: str, task: Task) -> bytes:
        return _encode(created_body(name, task, MODELS[task.model], self._choices))

    def _idempotency(self, call: Call, body: object) -> tuple[str, bytes] | Answer | None:
        """The key of a create with the digest of its request, or the answer where it was used before (S2)."""
        header = call.headers.get(_IDEMPOTENCY_HEADER)
        if header is None:
            return None
        if not _IDEMPOTENCY_KEY.fullmatch(header):
            return self._invalid("Idempotency-Key must have 16 to 96 characters of A-Z, a-z, 0-9 and ._-")
        key, world = header.decode("ascii"), call.world
        digest = blake2b(_encode_sorted(body), digest_size=16).digest()
        name = world.named.get(key)
        task = None if name is None else world.find(name, call.now)
        if name is None or task is None:
            return key, digest
        if task.idempotency != (key, digest):
            return refuse("create", "idempotency_conflict")
        if key in world.unanswered:
            return refuse("create", "paid_outcome_unknown")
        return Answer(200, self._created(name, task), ((b"idempotency-replayed", b"true"),), task=name)

    def query(self, call: Call) -> Answer:
        """GET /v1/tasks/{task_id} (S1b)."""
        found = self._task(call)
        task = None if isinstance(found, Answer) else found
        if self._silent(call, task):
            return self._shown(call, found)
        try:
            decision = self._decide(call, "query", None, task, partial(_subject_of_task, call.path["task_id"], task))
        except ValueError as error:
            return _no_scenario(error)
        answer = self._scripted(call, "query", decision, partial(self._shown, call, found))
        if task is not None:
            answer.task = call.path["task_id"]  # For the journal, also where something else is answered.
        return answer

    def _shown(self, call: Call, found: Task | Answer) -> Answer:
        if isinstance(found, Answer):
            return found
        if self._choices.quota_on_read == "when_empty" and call.world.store.ledger.remaining <= 0:
            return refuse("query", "quota_exceeded")
        name, world = call.path["task_id"], call.world
        if found.plan.reads:
            found = world.read(name, found, call.now)
        state = world.look(found, call.now)
        if found.scenario is not None and state.ended is not None:
            world.settle(world.clock.now())
            world.outbox.seen(name, world.clock.now())
        return Answer(200, world.shown(name, found, state), task=name)

    def cancel(self, call: Call) -> Answer:
        """DELETE /v1/tasks/{task_id}: only an unpublished draft had it (S1e), so only `cancel_route` serves it."""
        found = self._task(call)
        if isinstance(found, Answer):
            return found
        name, world = call.path["task_id"], call.world
        world.settle(call.now)
        elapsed = call.now - found.created
        if state_of(found, call.now).ended is not None:
            return refuse("query", "invalid_task_id", "Task has ended and cannot be cancelled")
        world.end(name, found, Event("cancelled", elapsed))
        body = {
            "id": name,
            "object": "task.cancelled",
            "status": "cancelled",
            "message": "Task has been cancelled successfully",
        }
        return Answer(200, _encode(body), task=name)

    def credits(self, call: Call) -> Answer:
        """GET /v1/credits (S1d)."""
        if self._silent(call, None):
            return self._balance(call)
        try:
            decision = self._decide(call, "credits", None, None, partial(Subject, "credits"))
        except ValueError as error:
            return _no_scenario(error)
        return self._scripted(call, "credits", decision, partial(self._balance, call))

    def _balance(self, call: Call) -> Answer:
        call.world.settle(call.now)
        return Answer(200, _encode(credits_body(call.world.store.ledger)))

    def media(self, call: Call) -> Answer:
        """GET the result of a completed task, as its link says, for 24 hours after completion (S1a)."""
        name = call.path["name"]
        task = call.world.find(name, call.now)
        state = task and state_of(task, call.now)
        if task is None or state is None or state.status != "completed" or state.ended is None:
            return refuse(
                "any", "link_not_found", "No video at this address: its task is unknown, forgotten or unfinished"
            )
        if call.now >= task.created + state.ended + RESULT_LINK.seconds * SECOND:
            hours = RESULT_LINK.seconds // 3600
            message = f"This link has expired: result links are valid for {hours} hours after completion"
            expired = refuse("any", "link_expired", message)
            expired.task = name
            return expired
        return Answer(200, placeholder_clip(), content_type=b"video/mp4", task=name)

    def openapi(self, call: Call) -> Answer:
        """The OpenAPI 3.1 document of everything above that the vendor documents."""
        return Answer(200, self._document)

    def not_found(self, call: Call) -> Answer:
        """Any unknown route."""
        return refuse_invalid(
            self._choices.not_found_code, "No such route; GET /openapi.json lists those of the API", 404
        )

    # Parts of operations

    @cached_property
    def _document(self) -> bytes:
        from evolink_contracts.spec.openapi import render_openapi

        document = render_openapi(self._settings.public_url, cancel_route=self._choices.cancel_route)
        return msgspec.json.format(_encode(document), indent=2)

    def _silent(self, call: Call, task: Task | None) -> bool:
        """Whether no door says anything, but perhaps the prompt's: a quick look, since nearly always none does."""
        return SCENARIO_HEADER not in call.headers and self._doors.silent(call.world, task)

    def _decide(
        self,
        call: Call,
        operation: Scripted,
        directive: str | None,
        task: Task | None,
        subject: Callable[[], Subject],
    ) -> Decision:
        """Raises `ValueError` for what is no scenario."""
        header = call.headers.get(SCENARIO_HEADER)
        text = None if header is None else header.decode("latin-1")
        return self._doors.decide(Asked(call.world, operation, directive, text, task, subject))

    def _scripted(
        self,
        call: Call,
        operation: Scripted,
        decision: Decision,
        carry_out: Callable[[], Answer],
        body: object = None,
    ) -> Answer:
        """The answer that a scenario makes of an operation."""
        world = call.world
        act = injection(world, decision, operation, call.path.get("task_id", ""), call.now)
        if act.condition is not None:
            model = body.get("model") if isinstance(body, dict) else None
            answer = refuse(operation, act.condition, model=str(model or next(iter(MODELS))))
            if act.retry_after is not None:
                answer.headers = (*answer.headers, _retry_after(act.retry_after))
        elif act.fault is None or FAULTS[act.fault].carried_out:
            answer = carry_out()
        else:
            answer = Answer(0, b"")
        if act.fault is not None:
            spoil(answer, act.fault, act.drip_time)
        if act.latency:
            hold_back(answer, partial(self._let_pass, world, act.latency))
        if decision is not BUILT_IN:
            answer.door, answer.scenario, answer.rule = decision.door, decision.text, decision.rule
        key = call.headers.get(_IDEMPOTENCY_HEADER)
        if operation == "create" and answer.hold is not None and key is not None:
            world.unanswered.add(key.decode("latin-1"))
            answer.hold = partial(_unanswered, world, key.decode("latin-1"), answer.hold)
        return answer

    def _json(self, call: Call) -> object:
        """The decoded body, or the refusal of what is no JSON."""
        content_type = call.headers.get(b"content-type", b"application/json")
        if content_type.partition(b";")[0].strip().lower() != b"application/json":
            shown = content_type[:60].decode("latin-1")
            return self._invalid(f"the content type must be application/json; got {shown!r}")
        body = call.body or b""
        if not body.strip():
            return self._invalid("the body is empty; send a JSON object")
        try:
            return _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            mark = " (it begins with a byte-order mark)" if body.startswith(b"\xef\xbb\xbf") else ""
            return self._invalid(f"the body is not valid JSON{mark}: {str(error)[:200]}")
        except RecursionError:
            return self._invalid("the body is not valid JSON: it is nested too deeply")

    def _invalid(self, message: str | None) -> Answer:
        return refuse_invalid(self._choices.invalid_code, message)

    def _refused(self, refusal: Refusal, model: str) -> Answer:
        if refusal.condition == "invalid_request":
            return self._invalid(refusal.message)
        return refuse("create", refusal.condition, refusal.message, model=model)

    def _oversize(self) -> Answer:
        message = f"Request body is too large: at most {self._settings.max_body} bytes"
        if self._choices.oversize_status == 400:
            return self._invalid(message)
        return refuse("create", "body_too_large", message)

    def _task(self, call: Call) -> Task | Answer:
        name = call.path["task_id"]
        if _malformed(name):
            return refuse("query", "invalid_task_id")
        found = call.world.find(name, call.now)
        if found is not None:
            return found
        foreign = name not in call.world.store and self._worlds.holding(name, call.world) is not None
        return refuse("query", self._choices.foreign_task if foreign else "task_not_found")


def _without_directive(call: Call, body: Any) -> tuple[object, str]:
    """The body as it is read and noted, and what the directive in its prompt says. Raises `ValueError`."""
    try:
        prompt, directive = take_directive(body["prompt"])
    except ValueError as error:
        raise ValueError(f"prompt: {error}") from None
    body = {**body, "prompt": prompt}
    call.body = _encode(body)
    return body, directive


def _no_scenario(error: ValueError) -> Answer:
    return refuse_invalid("invalid_mock_scenario", str(error))


def _subject_of(body: object) -> Subject:
    """What a create asks for, which nobody has judged yet."""
    if not isinstance(body, dict):
        return Subject("create")
    images = body.get("image_urls")
    image = images[0] if isinstance(images, list) and images else ""
    texts = (body.get("model"), body.get("prompt"), image, body.get("callback_url"))
    return Subject("create", *(text if isinstance(text, str) else "" for text in texts))


def _subject_of_task(name: str, task: Task | None) -> Subject:
    about = Subject("query") if task is None else _subject_of(_decode(task.request))
    return about._replace(operation="query", task=name)


def _retry_after(seconds: int) -> tuple[bytes, bytes]:
    return b"retry-after", b"%d" % seconds


def _over_limit(world: World, request: Request, now: Micros) -> Answer | None:
    assert world.limits is not None
    world.settle(now)
    reached = world.limits.wait(request.model.family, now)
    if reached is None:
        return None
    answer = refuse("create", "rate_limited")
    answer.headers = (_retry_after(reached[1]),)
    answer.rule = f"{request.model.family}: {reached[0]}"
    return answer


async def _unanswered(world: World, key: str, hold: Callable[[], Awaitable[None]]) -> None:
    try:
        await hold()
    finally:
        world.unanswered.discard(key)


def _malformed(task_id: str) -> bool:
    return not task_id.startswith(TASK_ID_PREFIX)


@lru_cache(maxsize=1)
def placeholder_clip() -> bytes:
    """The bytes of a short MP4, the same for every task."""
    return (Path(__file__).parent / "media" / "placeholder.mp4").read_bytes()
