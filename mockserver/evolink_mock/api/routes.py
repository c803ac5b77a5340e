"""The API's operations, and the table of its routes: parse, ask the core, render. No rule lives here."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property, partial

import msgspec
from starlette.routing import Route

from evolink_contracts.spec.errors import ERRORS, Operation
from evolink_contracts.spec.wire import TASK_ID_PREFIX
from evolink_mock.api.auth import Stranger, identify
from evolink_mock.api.create import Creation, has_directive, without_directive
from evolink_mock.api.endpoint import Call, Endpoint, Handler, Headers
from evolink_mock.api.fault_injection import scripted
from evolink_mock.api.fault_sender import send_as_scripted
from evolink_mock.api.responses import Answer, refuse, refuse_invalid
from evolink_mock.api.result_videos import ResultLinks
from evolink_mock.core.bodies import credits_body
from evolink_mock.core.duration import Micros
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.task import Event, Task
from evolink_mock.scenarios.language import Scripted
from evolink_mock.scenarios.precedence import BUILT_IN, Decision, Lookup, ScenarioResolver, subject_of, subject_of_task
from evolink_mock.scenarios.rules import Subject
from evolink_mock.settings import Settings
from evolink_mock.worlds.registry import Worlds
from evolink_mock.worlds.world import World

SCENARIO_HEADER = b"x-mock-scenario"

_encode = msgspec.json.Encoder().encode


class Api:
    """The operations of one emulator. Each takes a call and gives its answer, at once."""

    def __init__(
        self,
        settings: Settings,
        worlds: Worlds,
        resolver: ScenarioResolver,
        let_pass: Callable[[World, Micros], Awaitable[None]],
        links: ResultLinks,
    ) -> None:
        self._links = links
        self._settings = settings
        self._resolver = resolver
        self._let_pass = let_pass
        self._choices = settings.choices
        self._worlds = worlds
        self._creation = Creation(settings)

    def routes(self) -> list[Route]:
        """Every route of the API, most used first."""
        task: dict[str, Handler] = {"GET": self.query}
        if self._choices.cancel_route:
            task["DELETE"] = self.cancel
        table: list[tuple[str, Operation, Mapping[str, Handler]]] = [
            ("/v1/tasks/{task_id}", "query", task),
            ("/v1/videos/generations", "create", {"POST": self.create}),
            ("/v1/credits", "credits", {"GET": self.credits}),
            ("/media/{token}/{name}.mp4", "any", self._links.handlers()),
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
        return Endpoint(operation, handlers, self._open_world, outside, max_body, send_as_scripted, otherwise)

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
        body = self._creation.read(call)
        directed = has_directive(body)
        if not directed and self._silent(call, None):
            return self._creation.make(call, body, BUILT_IN)
        directive = None
        if directed:
            try:
                body, directive = without_directive(call, body)
            except ValueError as error:
                return _no_scenario(error)
        return self._scripted(
            call, "create", partial(subject_of, body), partial(self._creation.make, call, body), directive
        )

    def query(self, call: Call) -> Answer:
        """GET /v1/tasks/{task_id} (S1b)."""
        found = self._task(call)
        task = None if isinstance(found, Answer) else found
        if self._silent(call, task):
            return self._shown(call, found)
        subject = partial(subject_of_task, call.path["task_id"], task)
        answer = self._scripted(call, "query", subject, lambda _: self._shown(call, found), task=task)
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
        return self._scripted(call, "credits", partial(Subject, "credits"), lambda _: self._balance(call))

    def _balance(self, call: Call) -> Answer:
        call.world.settle(call.now)
        return Answer(200, _encode(credits_body(call.world.store.ledger)))

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
        return SCENARIO_HEADER not in call.headers and self._resolver.may_skip(call.world.script, task)

    def _scripted(
        self,
        call: Call,
        operation: Scripted,
        subject: Callable[[], Subject],
        carry_out: Callable[[Decision], Answer],
        directive: str | None = None,
        task: Task | None = None,
    ) -> Answer:
        """The answer to an operation, after the doors have decided what shall go wrong with it."""
        header = call.headers.get(SCENARIO_HEADER)
        text = None if header is None else header.decode("latin-1")
        try:
            decision = self._resolver.decide(Lookup(call.world.script, operation, directive, text, task, subject))
        except ValueError as error:
            return _no_scenario(error)
        return scripted(call, operation, decision, subject, partial(carry_out, decision), self._let_pass)

    def _task(self, call: Call) -> Task | Answer:
        name = call.path["task_id"]
        if _malformed(name):
            return refuse("query", "invalid_task_id")
        found = call.world.find(name, call.now)
        if found is not None:
            return found
        foreign = name not in call.world.store and self._worlds.holding(name, call.world) is not None
        return refuse("query", self._choices.foreign_task if foreign else "task_not_found")


def _no_scenario(error: ValueError) -> Answer:
    return refuse_invalid("invalid_mock_scenario", str(error))


def _malformed(task_id: str) -> bool:
    return not task_id.startswith(TASK_ID_PREFIX)
