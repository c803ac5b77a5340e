"""The API's operations, and the table of its routes: parse, ask the core, render. No rule lives here."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property, partial

import msgspec
from starlette.routing import Route

from evolink_contracts.spec.errors import ERRORS, Operation
from evolink_contracts.spec.timing import CallbackPolicy
from evolink_contracts.spec.wire import TASK_ID_PREFIX
from evolink_mock.api.auth import Unauthenticated, authenticate
from evolink_mock.api.create import CreateOperation, has_directive, without_directive
from evolink_mock.api.endpoint import Endpoint, Handler, Headers, Request
from evolink_mock.api.fault_injection import apply_scenario
from evolink_mock.api.fault_sender import send_with_fault
from evolink_mock.api.responses import Result, error_invalid, error_result
from evolink_mock.api.result_videos import ResultVideos
from evolink_mock.core.bodies import credits_body
from evolink_mock.core.duration import Micros
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.task import EarlyEnd, Task
from evolink_mock.scenarios.language import ScenarioOperation
from evolink_mock.scenarios.precedence import (
    BUILT_IN,
    Decision,
    Lookup,
    ScenarioResolver,
    facts_of_create,
    facts_of_query,
)
from evolink_mock.scenarios.rules import RequestFacts
from evolink_mock.settings import Settings
from evolink_mock.worlds.registry import WorldRegistry
from evolink_mock.worlds.world import World

SCENARIO_HEADER = b"x-mock-scenario"

_encode = msgspec.json.Encoder().encode


class Api:
    """The operations of one emulator. Each takes a call and gives its answer, at once."""

    def __init__(
        self,
        settings: Settings,
        worlds: WorldRegistry,
        resolver: ScenarioResolver,
        let_pass: Callable[[World, Micros], Awaitable[None]],
        links: ResultVideos,
        request_served: Callable[[], None],
        policy: CallbackPolicy,
    ) -> None:
        self._policy = policy
        self._request_served = request_served
        self._links = links
        self._settings = settings
        self._resolver = resolver
        self._let_pass = let_pass
        self._choices = settings.choices
        self._worlds = worlds
        self._creation = CreateOperation(settings, policy)

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
        outside, max_body = self._worlds.anonymous, self._settings.max_body
        return Endpoint(
            operation,
            handlers,
            self._open_world,
            outside,
            max_body,
            send_with_fault,
            self._request_served,
            otherwise,
        )

    def _open_world(self, operation: Operation, headers: Headers, path: Mapping[str, str]) -> World | Result:
        if "token" in path:
            return self._worlds.by_token(path["token"]) or self._worlds.anonymous
        if operation == "query" and self._choices.task_id_check == "before_auth" and _malformed(path["task_id"]):
            return error_result("query", "invalid_task_id")
        key = authenticate(headers.get(b"authorization"), self._settings.keys)
        if isinstance(key, Unauthenticated):
            return self._worlds.anonymous if operation == "any" else self._unauthorized(operation, key)
        return self._worlds.get_or_create(key)

    def _unauthorized(self, operation: Operation, stranger: Unauthenticated) -> Result:
        if self._choices.unauthorized_message == "by_cause":
            worded = ERRORS["query" if stranger.cause == "missing" else "create", "unauthorized"]
            return error_result(operation, "unauthorized", worded.message)
        return error_result(operation, "unauthorized")

    # Operations

    def create(self, call: Request) -> Result:
        """POST /v1/videos/generations (S1a)."""
        body = self._creation.parse(call)
        directed = has_directive(body)
        if not directed and self._no_scenario_applies(call, None):
            return self._creation.execute(call, body, BUILT_IN)
        directive = None
        if directed:
            try:
                body, directive = without_directive(call, body)
            except ValueError as error:
                return _invalid_scenario(error)
        return self._with_scenario(
            call, "create", partial(facts_of_create, body), partial(self._creation.execute, call, body), directive
        )

    def query(self, call: Request) -> Result:
        """GET /v1/tasks/{task_id} (S1b)."""
        found = self._task(call)
        task = None if isinstance(found, Result) else found
        if self._no_scenario_applies(call, task):
            return self._task_response(call, found)
        subject = partial(facts_of_query, call.path["task_id"], task)
        answer = self._with_scenario(call, "query", subject, lambda _: self._task_response(call, found), task=task)
        if task is not None:
            answer.task = call.path["task_id"]  # For the journal, also where something else is answered.
        return answer

    def _task_response(self, call: Request, found: Task | Result) -> Result:
        if isinstance(found, Result):
            return found
        if self._choices.quota_on_read == "when_empty" and call.world.store.ledger.remaining <= 0:
            return error_result("query", "quota_exceeded")
        name, world = call.path["task_id"], call.world
        if found.plan.queries_to_end:
            found = world.count_query(name, found, call.now)
        state = world.observe(found, call.now)
        if found.scenario is not None and state.ended is not None:
            world.apply_due(world.clock.now())
            world.outbox.release_on_query(name, world.clock.now())
        return Result(200, world.shown(name, found, state), task=name)

    def cancel(self, call: Request) -> Result:
        """DELETE /v1/tasks/{task_id}: only an unpublished draft had it (S1e), so only `cancel_route` serves it."""
        found = self._task(call)
        if isinstance(found, Result):
            return found
        name, world = call.path["task_id"], call.world
        world.apply_due(call.now)
        elapsed = call.now - found.created
        if state_of(found, call.now).ended is not None:
            return error_result("query", "invalid_task_id", "Task has ended and cannot be cancelled")
        world.end(name, found, EarlyEnd("cancelled", elapsed))
        body = {
            "id": name,
            "object": "task.cancelled",
            "status": "cancelled",
            "message": "Task has been cancelled successfully",
        }
        return Result(200, _encode(body), task=name)

    def credits(self, call: Request) -> Result:
        """GET /v1/credits (S1d)."""
        if self._no_scenario_applies(call, None):
            return self._balance(call)
        return self._with_scenario(call, "credits", partial(RequestFacts, "credits"), lambda _: self._balance(call))

    def _balance(self, call: Request) -> Result:
        call.world.apply_due(call.now)
        return Result(200, _encode(credits_body(call.world.store.ledger)))

    def openapi(self, call: Request) -> Result:
        """The OpenAPI 3.1 document of everything above that the vendor documents."""
        return Result(200, self._document)

    def not_found(self, call: Request) -> Result:
        """Any unknown route."""
        return error_invalid(
            self._choices.not_found_code, "No such route; GET /openapi.json lists those of the API", 404
        )

    # Parts of operations

    @cached_property
    def _document(self) -> bytes:
        from evolink_contracts.spec.openapi import render_openapi

        cancel_route = self._choices.cancel_route
        document = render_openapi(self._settings.public_url, cancel_route=cancel_route, policy=self._policy)
        return msgspec.json.format(_encode(document), indent=2)

    def _no_scenario_applies(self, call: Request, task: Task | None) -> bool:
        """Whether no door says anything, but perhaps the prompt's: a quick look, since nearly always none does."""
        return SCENARIO_HEADER not in call.headers and self._resolver.may_skip(call.world.scenarios, task)

    def _with_scenario(
        self,
        call: Request,
        operation: ScenarioOperation,
        subject: Callable[[], RequestFacts],
        carry_out: Callable[[Decision], Result],
        directive: str | None = None,
        task: Task | None = None,
    ) -> Result:
        """The answer to an operation, after the doors have decided what shall go wrong with it."""
        header = call.headers.get(SCENARIO_HEADER)
        text = None if header is None else header.decode("latin-1")
        try:
            decision = self._resolver.decide(Lookup(call.world.scenarios, operation, directive, text, task, subject))
        except ValueError as error:
            return _invalid_scenario(error)
        return apply_scenario(call, operation, decision, subject, partial(carry_out, decision), self._let_pass)

    def _task(self, call: Request) -> Task | Result:
        name = call.path["task_id"]
        if _malformed(name):
            return error_result("query", "invalid_task_id")
        found = call.world.find(name, call.now)
        if found is not None:
            return found
        foreign = name not in call.world.store and self._worlds.other_owner(name, call.world) is not None
        return error_result("query", self._choices.foreign_task if foreign else "task_not_found")


def _invalid_scenario(error: ValueError) -> Result:
    return error_invalid("invalid_mock_scenario", str(error))


def _malformed(task_id: str) -> bool:
    return not task_id.startswith(TASK_ID_PREFIX)
