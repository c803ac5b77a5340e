"""Operations and route table of the API: parse, call the core, render. The rules are in `core`."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property, partial

import msgspec
from msgspec.structs import replace

from evolink_contracts.spec.errors import ERRORS, Operation
from evolink_contracts.spec.wire import TASK_ID_PREFIX
from evolink_mock.api.auth import Unauthenticated, authenticate
from evolink_mock.api.create import CreateOperation, has_directive, without_directive
from evolink_mock.api.endpoint import Endpoint, EndpointContext, Handler, Preparation, Request
from evolink_mock.api.fault_injection import apply_scenario
from evolink_mock.api.headers import SCENARIO_HEADER, Headers
from evolink_mock.api.responses import Outcome, Result, amend, error_invalid, error_result
from evolink_mock.api.result_videos import ResultVideos
from evolink_mock.api.route_table import RouteRow
from evolink_mock.core.behaviour import Behaviour, own_task
from evolink_mock.core.bodies import credits_body
from evolink_mock.core.duration import Micros
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.request_headers import header_text
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
from evolink_mock.worlds.registry import WorldLimitReached, WorldRegistry
from evolink_mock.worlds.rendering import query_body
from evolink_mock.worlds.world import World

_encode = msgspec.json.Encoder().encode


class Api:
    """The operations of one emulator, each a handler."""

    def __init__(
        self,
        settings: Settings,
        worlds: WorldRegistry,
        resolver: ScenarioResolver,
        let_pass: Callable[[World, Micros], Awaitable[None]],
        videos: ResultVideos,
        input_files: Preparation,
        context: EndpointContext,
        behaviour: Behaviour,
    ) -> None:
        self._videos = videos
        self._input_files = input_files
        self._context = context
        self._behaviour = behaviour
        self._settings = settings
        self._resolver = resolver
        self._let_pass = let_pass
        self._choices = settings.choices
        self._worlds = worlds
        self._keys = settings.accepted_keys()
        self._creation = CreateOperation(settings, behaviour)

    def rows(self) -> list[RouteRow]:
        """Every route of the API, most used first."""
        task: dict[str, Handler] = {"GET": self.query}
        if self._choices.cancel_route:
            task["DELETE"] = self.cancel
        table: list[tuple[str, Operation, Mapping[str, Handler]]] = [
            ("/v1/tasks/{task_id}", "query", task),
            ("/v1/videos/generations", "create", {"POST": self.create}),
            ("/v1/credits", "credits", {"GET": self.credits}),
            ("/media/{token}/{name}.mp4", "any", self._videos.handlers()),
            ("/openapi.json", "any", {"GET": self.openapi}),
        ]
        batch = RouteRow("/v1/tasks/batch", self._endpoint("query", {"GET": self._query_batch}, self.not_found))
        return [batch, *(RouteRow(path, self._endpoint(operation, handlers)) for path, operation, handlers in table)]

    def unknown_route(self) -> Endpoint:
        """The endpoint of every path that no route matches, for all methods."""
        return self._endpoint("any", {}, otherwise=self.not_found)

    def _endpoint(
        self, operation: Operation, handlers: Mapping[str, Handler], otherwise: Handler | None = None
    ) -> Endpoint:
        preparation = self._input_files if operation == "create" else None
        max_body = self._settings.max_body
        return Endpoint(operation, handlers, self._open_world, max_body, self._context, otherwise, preparation)

    def _open_world(self, operation: Operation, headers: Headers, path: Mapping[str, str]) -> World | Result:
        if "token" in path:
            return self._worlds.by_token(path["token"]) or self._worlds.anonymous
        if operation == "query" and self._choices.task_id_check == "before_auth" and _malformed(path["task_id"]):
            return error_result("query", "invalid_task_id")
        key = authenticate(headers.get(b"authorization"), self._keys, self._behaviour.bearer_key)
        if isinstance(key, Unauthenticated):
            return self._worlds.anonymous if operation == "any" else self._unauthorized(operation, key)
        try:
            return self._worlds.get_or_create(key)
        except WorldLimitReached as reached:
            return (
                self._worlds.anonymous if operation == "any" else error_result(operation, "rate_limited", str(reached))
            )

    def _unauthorized(self, operation: Operation, reason: Unauthenticated) -> Result:
        remark = self._keys.refusal(reason.key) if reason.cause == "refused" else ""
        message = None
        if self._choices.unauthorized_message == "by_cause":
            message = ERRORS["query" if reason.cause == "missing" else "create", "unauthorized"].message
        return replace(error_result(operation, "unauthorized", message), remark=remark)

    # Operations

    def create(self, request: Request) -> Outcome:
        """POST /v1/videos/generations (S1a)."""
        body = self._creation.parse(request)
        directed = has_directive(body)
        if not directed and self._no_scenario_applies(request, None):
            return self._creation.execute(request, body, BUILT_IN)
        directive = None
        if directed:
            try:
                body, directive = without_directive(body)
            except ValueError as error:
                return _invalid_scenario(error)
        facts, execute = partial(facts_of_create, body), partial(self._creation.execute, request, body)
        outcome = self._with_scenario(request, "create", facts, execute, directive)
        return amend(outcome, partial(replace, journal_body=_encode(body))) if directed else outcome

    def query(self, request: Request) -> Outcome:
        """GET /v1/tasks/{task_id} (S1b)."""
        found = self._task(request)
        task = None if isinstance(found, Result) else found
        if self._no_scenario_applies(request, task):
            return self._task_response(request, found)
        name = request.path["task_id"]
        facts = partial(facts_of_query, name, task)
        outcome = self._with_scenario(request, "query", facts, lambda _: self._task_response(request, found), task=task)
        if task is None:
            return outcome
        # The journal names the task even where a scenario replaces the response.
        return amend(outcome, partial(replace, task=name))

    def _query_batch(self, request: Request) -> Outcome:
        """The newest of the vendor's clients posts to this path (S13), so that it is no task to another method."""
        return self.query(replace(request, path={"task_id": "batch"}))

    def _task_response(self, request: Request, found: Task | Result) -> Result:
        if isinstance(found, Result):
            return found
        if self._choices.quota_on_read == "when_empty" and request.world.view(request.now).ledger.remaining <= 0:
            return error_result("query", "quota_exceeded")
        name, world = request.path["task_id"], request.world
        if self._behaviour.query_price:
            world.charge(self._behaviour.query_price)
        if found.plan.queries_to_end:
            found = world.tasks.count_query(name, found, request.now)
        state = world.observe(name, found, request.now)
        if found.scenario is not None and state.ended is not None:
            world.outbox.release_on_query(name, world.view().now)
        return Result(200, query_body(world, name, found, state, request.headers.get(b"host")), task=name)

    def cancel(self, request: Request) -> Result:
        """DELETE /v1/tasks/{task_id}: only an unpublished draft had it (S1e), so only `cancel_route` serves it."""
        found = self._task(request)
        if isinstance(found, Result):
            return found
        name, world = request.path["task_id"], request.world
        world.tasks.apply_due(request.now)
        elapsed = request.now - found.created
        if state_of(found, request.now).ended is not None:
            return error_result("query", "invalid_task_id", "Task has ended and cannot be cancelled")
        world.tasks.end(name, found, EarlyEnd("cancelled", elapsed))
        body = {
            "id": name,
            "object": "task.cancelled",
            "status": "cancelled",
            "message": "Task has been cancelled successfully",
        }
        return Result(200, _encode(body), task=name)

    def credits(self, request: Request) -> Outcome:
        """GET /v1/credits (S1d)."""
        if self._no_scenario_applies(request, None):
            return self._balance(request)
        facts = partial(RequestFacts, "credits")
        return self._with_scenario(request, "credits", facts, lambda _: self._balance(request))

    def _balance(self, request: Request) -> Result:
        return Result(200, _encode(credits_body(request.world.view(request.now).ledger)))

    def openapi(self, request: Request) -> Result:
        """The OpenAPI 3.1 document of everything above that the vendor documents."""
        return Result(200, self._document)

    def not_found(self, request: Request) -> Result:
        """Any unknown route."""
        return error_invalid(
            self._choices.not_found_code, "No such route; GET /openapi.json lists those of the API", 404
        )

    # Parts of operations

    @cached_property
    def _document(self) -> bytes:
        from evolink_contracts.spec.openapi import render_openapi

        cancel_route = self._choices.cancel_route
        document = render_openapi(
            self._settings.public_url or self._settings.address,
            cancel_route=cancel_route,
            policy=self._behaviour.policy,
        )
        return msgspec.json.format(_encode(document), indent=2)

    def _no_scenario_applies(self, request: Request, task: Task | None) -> bool:
        """Whether no scenario source but a directive can apply: checked first, since this is nearly always so."""
        return SCENARIO_HEADER not in request.headers and self._resolver.may_skip(request.world.scenarios, task)

    def _with_scenario(
        self,
        request: Request,
        operation: ScenarioOperation,
        facts: Callable[[], RequestFacts],
        execute: Callable[[Decision], Outcome],
        directive: str | None = None,
        task: Task | None = None,
    ) -> Outcome:
        """The outcome of an operation by the scenario that applies to the request."""
        header = request.headers.get(SCENARIO_HEADER)
        text = None if header is None else header_text(header)
        try:
            decision = self._resolver.decide(Lookup(request.world.scenarios, operation, directive, text, task, facts))
        except ValueError as error:
            return _invalid_scenario(error)
        return apply_scenario(request, operation, decision, facts, partial(execute, decision), self._let_pass)

    def _task(self, request: Request) -> Task | Result:
        name = request.path["task_id"]
        if _malformed(name):
            return error_result("query", "invalid_task_id")
        world = request.world
        found = world.tasks.find(name, request.now)
        if self._behaviour.visible_task is not own_task:
            found = self._behaviour.visible_task(name, found, partial(self._foreign_task, name, world))
        if found is not None:
            return found
        is_foreign = name not in world.tasks and self._foreign_task(name, world) is not None
        return error_result("query", self._choices.foreign_task if is_foreign else "task_not_found")

    def _foreign_task(self, name: str, but: World) -> Task | None:
        owner = self._worlds.other_owner(name, but)
        return None if owner is None else owner.tasks.get(name)


def _invalid_scenario(error: ValueError) -> Result:
    return error_invalid("invalid_mock_scenario", str(error))


def _malformed(task_id: str) -> bool:
    return not task_id.startswith(TASK_ID_PREFIX)
