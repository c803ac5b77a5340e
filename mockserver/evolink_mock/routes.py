"""The API's operations, and the table of its routes: parse, ask the core, render. No rule lives here."""

from collections.abc import Mapping
from functools import cached_property, lru_cache, partial
from pathlib import Path

import msgspec
from starlette.routing import Route

from evolink_contracts.spec.errors import ERRORS, Operation
from evolink_contracts.spec.models import MODELS
from evolink_contracts.spec.timing import RESULT_LINK
from evolink_contracts.spec.wire import TASK_ID_PREFIX
from evolink_mock.auth import Stranger, identify
from evolink_mock.callbacks import first_attempt
from evolink_mock.core.chaos import CHAOS
from evolink_mock.core.duration import SECOND
from evolink_mock.core.lifecycle import observe
from evolink_mock.core.render import created_body, credits_body
from evolink_mock.core.scenario import DEFAULT, Scenario, parse_scenario
from evolink_mock.core.task import Door, Event, Task
from evolink_mock.core.validation import Refusal, Validator
from evolink_mock.errors import Answer, refuse, refuse_invalid
from evolink_mock.exchange import Call, Endpoint, Handler, Headers
from evolink_mock.settings import Settings
from evolink_mock.world import World
from evolink_mock.worlds import Worlds

SCENARIO_HEADER = b"x-mock-scenario"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Api:
    """The operations of one emulator. Each takes a call and gives its answer, at once."""

    def __init__(self, settings: Settings, worlds: Worlds) -> None:
        self._settings = settings
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
        return Endpoint(operation, handlers, self._open_world, self._worlds.outside, self._settings.max_body, otherwise)

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
        scenario = self._scenario(call, "create")
        if isinstance(scenario, Answer):
            return scenario
        if call.body is None:
            return self._oversize()
        body = self._json(call)
        if isinstance(body, Answer):
            return body
        request = self._validator.judge(body)
        if isinstance(request, Refusal):
            return self._refused(request, str(body.get("model")) if isinstance(body, dict) else "")
        if not call.world.may_use(request.model.name):
            return refuse("create", "model_access_denied", model=request.model.name)
        if call.world.is_full(call.now):
            limit = self._settings.task_limit
            message = f"This emulator keeps at most {limit} tasks for a key (task_limit); reset the world or raise it"
            return refuse("create", "rate_limited", message)
        door: Door = "default" if scenario is DEFAULT else "header"
        made = call.world.create(request, scenario, door, call.now)
        if made is None:
            return refuse("create", "insufficient_quota")
        name, task = made
        body = _encode(created_body(name, task, request.model, self._choices))
        instant = task.calls and scenario.delivery is not None and CHAOS[scenario.delivery].instant
        hold = partial(first_attempt, call.world, name) if instant else None
        return Answer(200, body, task=name, door=door, hold=hold)

    def query(self, call: Call) -> Answer:
        """GET /v1/tasks/{task_id} (S1b)."""
        scenario = self._scenario(call, "query")
        if isinstance(scenario, Answer):
            return scenario
        found = self._task(call)
        if isinstance(found, Answer):
            return found
        if self._choices.quota_on_read == "when_empty" and call.world.store.ledger.remaining <= 0:
            return refuse("query", "quota_exceeded")
        name, world = call.path["task_id"], call.world
        state = world.look(found, call.now)
        if found.delivery is not None and state.ended is not None:
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
        if observe(found.plan, elapsed, found.events).ended is not None:
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
        scenario = self._scenario(call, "credits")
        if isinstance(scenario, Answer):
            return scenario
        call.world.settle(call.now)
        return Answer(200, _encode(credits_body(call.world.store.ledger)))

    def media(self, call: Call) -> Answer:
        """GET the result of a completed task, as its link says, for 24 hours after completion (S1a)."""
        name = call.path["name"]
        task = call.world.find(name, call.now)
        state = task and observe(task.plan, call.now - task.created, task.events)
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

    def _scenario(self, call: Call, operation: Operation) -> Scenario | Answer:
        """What the caller asks to go wrong, or the answer where that is this very answer."""
        header = call.headers.get(SCENARIO_HEADER)
        if header is None:
            return DEFAULT
        try:
            scenario = parse_scenario(header.decode("latin-1"))
        except ValueError as error:
            return refuse_invalid("invalid_mock_scenario", f"X-Mock-Scenario: {error}")
        condition = scenario.refusal_of(operation)
        return scenario if condition is None else self._injected(call, operation, condition)

    def _injected(self, call: Call, operation: Operation, condition: str) -> Answer:
        model = ""
        if condition == "model_access_denied":
            body = self._json(call)
            model = str(body.get("model")) if isinstance(body, dict) and body.get("model") else next(iter(MODELS))
        answer = refuse(operation, condition, model=model)
        answer.door = "header"
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


def _malformed(task_id: str) -> bool:
    return not task_id.startswith(TASK_ID_PREFIX)


@lru_cache(maxsize=1)
def placeholder_clip() -> bytes:
    """The bytes of a short MP4, the same for every task."""
    return (Path(__file__).parent / "media" / "placeholder.mp4").read_bytes()
