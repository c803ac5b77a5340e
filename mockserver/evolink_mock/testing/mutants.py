"""Lies about the API, as data: each is a small patch of the emulator that one promise of the contract must notice.

A fault is what the real service does on a bad day; a mutant is what it never does. The contract kit finds them by the
entry point `evolink_contracts.emulators`, and none of them can be reached otherwise.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
from starlette.types import ASGIApp

from evolink_contracts.spec.models import MODELS
from evolink_mock.api.headers import IDEMPOTENCY_HEADER
from evolink_mock.api.responses import Outcome, Result, amend
from evolink_mock.app import create_app
from evolink_mock.core.lifecycle import state_of
from evolink_mock.core.task import NEVER
from evolink_mock.core.validation import Refusal
from evolink_mock.settings import Settings
from evolink_mock.testing.patches import (
    Body,
    Patch,
    answers,
    around,
    callbacks,
    drop,
    judging,
    lets_through,
    limit,
    patched,
    policy,
    put,
    reads,
    refusals,
    status,
    takes_any,
    tasks,
    where,
)


class Mutant(NamedTuple):
    """One lie: `breaks` is the number of the promise that must notice it."""

    breaks: str
    name: str
    description: str
    patches: tuple[Patch, ...]


def _mutant(breaks: str, name: str, says: str, *patches: Patch) -> Mutant:
    return Mutant(breaks, name, says, patches)


def _created_as_id(body: Body) -> None:
    body["created"] += 5


def _dips(body: Body, seen: int) -> None:
    if body["status"] == "processing" and seen % 2:
        body["progress"] = max(body["progress"] - 40, 1)


def _revives(body: Body, seen: int) -> None:
    if body["status"] == "completed" and seen == 2:
        body.update(status="processing", progress=99, task_info={"can_cancel": True})
        body.pop("results", None)


def _lags(body: Body, seen: int) -> None:
    if body["status"] == "completed" and seen == 0:
        body.update(status="processing", progress=99, task_info={"can_cancel": True})
        body.pop("results", None)


def _wanders(body: Body, seen: int) -> None:
    if body["status"] == "completed":
        body["results"] = [f"{body['results'][0]}?read={seen}"]


def _full_too_soon(body: Body) -> None:
    if body["status"] == "processing" and body["progress"] > 30:
        body["progress"] = 100


def _later(body: Body, seen: int) -> None:
    body["created"] += 1


def _without_unknown(body: Body) -> Body | Refusal:
    known = {"model", "prompt", "image_urls", "duration", "quality", "prompt_extend", "model_params", "audio_url"}
    extra = body.keys() - known - {"generate_audio", "callback_url"}
    return Refusal("invalid_request", f"{min(extra)} is not known") if extra else body


def _without_nulls(body: Body) -> Body | Refusal:
    wrong = [name for name, value in body.items() if value is None]
    return Refusal("invalid_request", f"{wrong[0]} must not be null") if wrong else body


def _one_image(body: Body) -> Body:
    images = body.get("image_urls")
    return {**body, "image_urls": images[:1]} if isinstance(images, list) else body


def _small_quality(body: Body) -> Body:
    quality = body.get("quality")
    return {**body, "quality": quality.strip().lower()} if isinstance(quality, str) and quality.strip() else body


def _some_model(body: Body) -> Body:
    return body if isinstance(body.get("model"), str) else {**body, "model": "wan2.6-image-to-video-flash"}


def _only_text_callbacks(body: Body) -> Body:
    return body if isinstance(body.get("callback_url"), str) else {**body, "callback_url": None}


def _no_such_model(body: Body) -> Body | Refusal:
    name = body.get("model")
    return body if not isinstance(name, str) or name in MODELS else Refusal("invalid_request", "no such model")


def _everybody(body: Body) -> Body:
    return {**body, "callback_url": body.get("callback_url") or "https://hook.example.com/everybody/200"}


def _whatever_type(old: Callable[..., Any], creation: Any, call: Any, body: bytes) -> Any:
    call.headers.pop(b"content-type", None)
    return old(creation, call, body)


def _anybody(old: Callable[..., Any], *given: Any) -> Any:
    found = old(*given)
    return found if isinstance(found, str) else "sk-anybody"


def _other_code(old: Callable[..., Result], code: str, *more: Any) -> Result:
    return old("invalid_parameter" if code == "invalid_request" else code, *more)


def _as_text(old: Callable[..., Outcome], *given: Any) -> Outcome:
    return amend(old(*given), lambda result: msgspec.structs.replace(result, content_type=b"text/plain"))


def _found_none(old: Callable[..., Result], *given: Any) -> Result:
    return Result(200, b"{}")


def _first_unknown(old: Callable[..., Any]) -> Callable[..., Any]:
    seen: set[str] = set()

    def find(world: Any, name: str, now: int) -> Any:
        found = old(world, name, now)
        if found is not None and name not in seen:
            seen.add(name)
            return None
        return found

    return find


def _never(old: Callable[..., Any], *given: Any) -> Any:
    return old(*given)._replace(starts=NEVER, ends=NEVER)


def _without_query(old: Callable[..., Any], *given: Any) -> Any:
    way = old(*given)
    return way if way is None else way._replace(url=way.url.partition("?")[0])


def _twice(old: Callable[..., Any], delivery: Any, target: str, started: int, finished: int, *more: Any) -> Any:
    after = old(delivery, target, started, finished, *more)
    if after.stage == "delivered" and len(after.attempts) == 1:
        return after._replace(stage="queued", due=finished + 1_000_000)
    return after


def _gives_up(old: Callable[..., Any], *given: Any) -> Any:
    after = old(*given)
    return after._replace(stage="exhausted", due=None) if after.stage == "queued" else after


def _quiet_on_failure(old: Callable[..., None], world: Any, name: str, task: Any, at: int) -> None:
    old(world, name, task._replace(has_callback=task.has_callback and state_of(task, at).failure is None), at)


def _signed(old: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
    return {**old(), "X-Evolink-Signature": "sha256=0"}


def _as_form(old: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
    return {**old(), "Content-Type": "application/x-www-form-urlencoded"}


def _one_price(old: Callable[..., int], request: Any, seconds: float, choices: Any) -> int:
    return old(request._replace(rate=30_000), seconds, choices)


def _silence_as_dear(old: Callable[..., int], request: Any, seconds: float, choices: Any) -> int:
    dear = {15_000: 30_000, 25_000: 50_000}
    return old(request._replace(rate=dear.get(request.rate, request.rate)), seconds, choices)


def _reading_costs(old: Callable[..., Outcome], api: object, call: Any) -> Outcome:
    call.world._account.settle(0, 1_000)
    return old(api, call)


def _leaks(old: Callable[..., Any], api: Any, call: Any) -> Any:
    found = old(api, call)
    if isinstance(found, Result) and found.status == 403:
        name = call.path["task_id"]
        return api._worlds.other_owner(name, call.world).tasks.get(name)
    return found


def _any_request(old: Callable[..., Any], creation: Any, call: Any, body: Any) -> Any:
    body = {**body, "duration": 5} if isinstance(body, dict) else body
    return old(creation, call, body)


def _any_key(old: Callable[..., Any], creation: Any, call: Any, body: Any) -> Any:
    key = call.headers.get(IDEMPOTENCY_HEADER, b"")
    if key and not (16 <= len(key) <= 96 and key.replace(b".", b"").replace(b"_", b"").replace(b"-", b"").isalnum()):
        return None
    return old(creation, call, body)


def _unmarked(found: Any) -> Any:
    return msgspec.structs.replace(found, headers=()) if isinstance(found, Result) else found


MUTANTS: tuple[Mutant, ...] = (
    _mutant("VC-001", "prompt_1499", "refuses a prompt of 1,500 characters", limit("prompt", max_length=1499)),
    _mutant("VC-001", "duration_14", "refuses a duration of 15", limit("duration", maximum=14)),
    _mutant("VC-002", "answers_201", "answers a create with 201", status("create", 200, 201)),
    _mutant("VC-003", "no_usage", "leaves usage out of a create", answers("create", drop("usage"))),
    _mutant(
        "VC-004", "created_busy", "shows a new task as processing", answers("create", put("status", value="processing"))
    ),
    _mutant(
        "VC-005",
        "estimate_text",
        "estimates in words",
        answers("create", put("task_info", "estimated_time", value="120")),
    ),
    _mutant(
        "VC-006", "per_frame", "bills per frame", answers("create", put("usage", "billing_rule", value="per_frame"))
    ),
    _mutant(
        "VC-007",
        "upper_ids",
        "gives ids in capitals",
        around("worlds.tasks:task_id", lambda old, *given: old(*given)[:-8] + old(*given)[-8:].upper()),
    ),
    _mutant(
        "VC-008",
        "one_id",
        "gives every task the same id",
        answers("create", put("id", value="task-unified-1757169743-aaaaaaaa")),
    ),
    _mutant("VC-009", "created_early", "shows another second than the id", answers("create", _created_as_id)),
    _mutant("VC-010", "short_model", "names the family for the model", answers("create", put("model", value="wan2.6"))),
    _mutant("VC-011", "no_model", "does without a model", judging(_some_model)),
    _mutant("VC-012", "prompt_1501", "takes a prompt of 1,501 characters", limit("prompt", max_length=1501)),
    _mutant("VC-012", "no_prompt", "does without a prompt", limit("prompt", required=False)),
    _mutant("VC-013", "two_images", "takes two images", judging(_one_image)),
    _mutant("VC-013", "no_image", "does without an image", limit("image_urls", required=False)),
    _mutant("VC-014", "duration_16", "takes a duration of 16", limit("duration", maximum=16)),
    _mutant("VC-014", "duration_1", "takes a duration of 1", limit("duration", minimum=1)),
    _mutant("VC-015", "any_case", "takes 1080P", judging(_small_quality)),
    _mutant("VC-015", "quality_480p", "takes 480p", takes_any("quality")),
    _mutant("VC-016", "any_extend", "takes any prompt_extend", takes_any("prompt_extend")),
    _mutant("VC-017", "any_params", "takes any model_params", takes_any("model_params")),
    _mutant(
        "VC-018",
        "any_shot",
        "takes any shot_type",
        limit("shot_type", choices=("single", "multi", "", "480p", "MULTI ")),
    ),
    _mutant("VC-019", "any_audio", "takes any audio_url", takes_any("audio_url")),
    _mutant("VC-020", "any_sound", "takes any generate_audio", takes_any("generate_audio")),
    _mutant("VC-021", "http_callback", "takes an http callback URL", lets_through("scheme")),
    _mutant("VC-022", "callback_2049", "takes a callback URL of 2,049 characters", lets_through("length")),
    _mutant("VC-023", "internal", "takes internal addresses", lets_through("internal")),
    _mutant("VC-023", "internal_v6", "takes internal addresses in brackets", lets_through("internal", only="[")),
    _mutant("VC-023", "internal_hex", "takes 0x7f.1", lets_through("internal", only="0x")),
    _mutant("VC-024", "callback_number", "takes a callback URL that is no text", judging(_only_text_callbacks)),
    _mutant("VC-025", "model_400", "answers an unknown model with 400", judging(_no_such_model)),
    _mutant(
        "VC-026",
        "any_type",
        "takes JSON that is called text",
        around("api.create:CreateOperation._json", _whatever_type),
    ),
    _mutant("VC-027", "strict", "refuses fields that it does not know", judging(_without_unknown)),
    _mutant("VC-028", "no_nulls", "refuses null", judging(_without_nulls)),
    _mutant("VC-030", "number_codes", "gives error codes as numbers", refusals(put("code", value=404))),
    _mutant("VC-031", "own_types", "gives errors a type of its own", refusals(put("type", value="error"))),
    _mutant("VC-032", "no_keys", "asks for no key", around("api.routes:authenticate", _anybody)),
    _mutant(
        "VC-033",
        "sibling_code",
        "calls a faulty parameter invalid_parameter",
        around("api.create:error_invalid", _other_code),
    ),
    _mutant("VC-034", "as_text", "calls its JSON text", around("api.routes:Api.query", _as_text)),
    _mutant("VC-035", "bad_id_404", "answers a malformed id with 404", status("query", 400, 404)),
    _mutant("VC-036", "no_task_400", "answers an unknown id with 400", status("query", 404, 400)),
    _mutant(
        "VC-037",
        "one_request_id",
        "gives every answer the same X-Request-Id",
        around("worlds.world:World.next_request_id", lambda old, world: "req_0"),
    ),
    _mutant("VC-038", "any_route", "answers every route with 200", around("api.routes:Api.not_found", _found_none)),
    _mutant("VC-040", "no_type", "leaves type out of a query", tasks(drop("type"))),
    _mutant(
        "VC-041",
        "succeeded",
        "calls a completed task succeeded",
        tasks(where("completed", put("status", value="succeeded"))),
    ),
    _mutant("VC-042", "revival", "lets a completed task process again", reads(_revives)),
    _mutant("VC-043", "dips", "lets progress fall", reads(_dips)),
    _mutant("VC-044", "hundred", "shows 100 % while processing", tasks(_full_too_soon)),
    _mutant(
        "VC-045",
        "early_results",
        "shows results while processing",
        tasks(where("processing", put("results", value=[]))),
    ),
    _mutant(
        "VC-045",
        "object_results",
        "shows results as objects",
        tasks(where("completed", put("results", value=[{"url": "https://x.example/v.mp4"}]))),
    ),
    _mutant("VC-046", "null_error", "shows an error on success", tasks(where("completed", put("error", value=None)))),
    _mutant("VC-046", "no_error", "shows no error on failure", tasks(where("failed", drop("error")))),
    _mutant("VC-047", "failed_99", "shows 99 % on failure", tasks(where("failed", put("progress", value=99)))),
    _mutant(
        "VC-048",
        "one_failure",
        "gives every failure the same code",
        tasks(where("failed", put("error", "code", value="unknown_error"))),
    ),
    _mutant(
        "VC-049", "cancel_for_ever", "can be cancelled after the end", tasks(put("task_info", "can_cancel", value=True))
    ),
    _mutant("VC-050", "wandering_links", "gives another link at each read", reads(_wanders)),
    _mutant("VC-051", "created_moves", "shows another created in a query", reads(_later)),
    _mutant("VC-052", "usage_shown", "shows usage in a query", tasks(put("usage", value={}))),
    _mutant(
        "VC-053", "not_yet", "does not know a task at the first read", Patch("worlds.tasks:Tasks.find", _first_unknown)
    ),
    _mutant(
        "VC-054",
        "links_for_ever",
        "lets links live for ever",
        Patch("api.result_videos:RESULT_LINK", lambda old: replace(old, seconds=10**9)),
    ),
    _mutant(
        "VC-054",
        "links_for_hours",
        "lets links live for 12 hours",
        Patch("api.result_videos:RESULT_LINK", lambda old: replace(old, seconds=12 * 3600)),
    ),
    _mutant("VC-055", "never_ends", "never ends a task", around("worlds.tasks:plan", _never)),
    _mutant(
        "VC-060",
        "wrapped_body",
        "sends another body than a query answers",
        callbacks(put("event", value="video.completed")),
    ),
    _mutant(
        "VC-061",
        "no_query",
        "drops the query of a callback URL",
        around("core.callback_routes:CallbackRoutes.destination", _without_query),
    ),
    _mutant("VC-062", "form", "posts a form", around("delivery.dispatcher:attempt_headers", _as_form)),
    _mutant("VC-063", "announces_busy", "announces processing", callbacks(put("status", value="processing"))),
    _mutant("VC-064", "again_after_200", "calls again after 200", around("delivery.dispatcher:record_attempt", _twice)),
    _mutant(
        "VC-065", "gives_up", "gives up after one failure", around("delivery.dispatcher:record_attempt", _gives_up)
    ),
    _mutant("VC-065", "redirect_is_fine", "takes 3xx for success", policy(success=range(200, 400))),
    _mutant("VC-066", "fifth_attempt", "makes a fifth attempt", policy(gaps=(1.0, 2.0, 4.0, 8.0))),
    _mutant("VC-067", "gap_3", "waits 3 s for 2", policy(gaps=(1.0, 3.0, 4.0))),
    _mutant("VC-068", "five_seconds", "waits 5 s for an answer", policy(timeout=5.0)),
    _mutant(
        "VC-069",
        "silent_failures",
        "does not announce failures",
        around("worlds.tasks:Tasks._finish", _quiet_on_failure),
    ),
    _mutant("VC-070", "calls_everybody", "calls back who did not ask", judging(_everybody)),
    _mutant("VC-071", "lagging_reads", "calls back before a query sees the end", reads(_lags)),
    _mutant(
        "VC-072",
        "counted_bodies",
        "counts attempts in the body",
        callbacks(lambda body, sent: body.update(attempt=sent)),
    ),
    _mutant("VC-073", "signed", "signs callbacks", around("delivery.dispatcher:attempt_headers", _signed)),
    _mutant("VC-080", "one_price", "asks one price for every quality", around("core.lifecycle:quote", _one_price)),
    _mutant(
        "VC-081",
        "dear_silence",
        "asks as much for silence as for sound",
        around("core.lifecycle:quote", _silence_as_dear),
    ),
    _mutant(
        "VC-082",
        "credits_text",
        "gives credits as text",
        answers("credits", put("data", "user", "used_credits", value="0")),
    ),
    _mutant(
        "VC-083",
        "double_charge",
        "charges twice",
        around("core.billing:Ledger.settle", lambda old, ledger, reserved, charged: old(ledger, reserved, 2 * charged)),
    ),
    _mutant(
        "VC-083",
        "no_refund",
        "charges failures",
        around(
            "core.billing:Ledger.settle",
            lambda old, ledger, reserved, charged: old(ledger, reserved, charged or reserved),
        ),
    ),
    _mutant("VC-083", "reading_costs", "charges for reads", around("api.routes:Api.query", _reading_costs)),
    _mutant(
        "VC-083",
        "asked_for",
        "settles on what was asked for",
        around(
            "core.billing:Ledger.settle",
            lambda old, ledger, reserved, charged: old(ledger, reserved, reserved if charged else 0),
        ),
    ),
    _mutant(
        "VC-084",
        "growing",
        "shows what remains without what is used",
        answers("credits", lambda body: body["data"]["user"].update(remaining_credits=10**9)),
    ),
    _mutant(
        "VC-085",
        "overdraft",
        "lets credits be overdrawn",
        around("core.billing:Ledger.affords", lambda old, ledger, units: True),
    ),
    _mutant("VC-090", "foreign_404", "answers another account's task with 404", status("query", 403, 404)),
    _mutant("VC-090", "leak", "shows another account's task", around("api.routes:Api._task", _leaks)),
    _mutant(
        "VC-091",
        "no_idempotency",
        "knows no Idempotency-Key",
        around("api.create:CreateOperation._idempotency", lambda old, *given: None),
    ),
    _mutant(
        "VC-091",
        "replay_charged",
        "does not say that a create was replayed",
        around("api.create:CreateOperation._idempotency", lambda old, *given: _unmarked(old(*given))),
    ),
    _mutant(
        "VC-092",
        "no_conflict",
        "gives another request the same task",
        around("api.create:CreateOperation._idempotency", _any_request),
    ),
    _mutant(
        "VC-093",
        "any_key",
        "takes an Idempotency-Key of any form",
        around("api.create:CreateOperation._idempotency", _any_key),
    ),
)
"""At least one for each promise that the contract kit judges."""


class Emulators:
    """What the contract kit finds by the entry point: emulators in this process, honest or not."""

    mutants = MUTANTS

    @contextmanager
    def made(self, name: str | None, receivers: Mapping[str, ASGIApp]) -> Iterator[ASGIApp]:
        """An emulator on a manual clock; `name` is a mutant's, `receivers` take the callbacks of an origin."""
        patches = () if name is None else {mutant.name: mutant for mutant in MUTANTS}[name].patches
        with patched(patches):
            settings = Settings(clock="manual", generation_time="10s", public_url="http://emulator.test")
            yield create_app(settings, receivers=receivers)


EMULATORS = Emulators()
