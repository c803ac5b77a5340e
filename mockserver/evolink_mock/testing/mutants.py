"""Mutants of the emulator, as data: each breaks one promise of the contract, which must notice it.

A fault is what the real service does on a bad day; a mutant is what it never does. The contract kit finds them by the
entry point `evolink_contracts.emulators`; they cannot be reached otherwise.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from starlette.types import ASGIApp

from evolink_mock.app import create_app
from evolink_mock.core.behaviour import DOCUMENTED
from evolink_mock.settings import Settings
from evolink_mock.testing.mutations.base import (
    Mutation,
    setting,
)
from evolink_mock.testing.mutations.bodies import (
    created_as_id,
    dips,
    drop,
    full_too_soon,
    lags,
    later,
    other_code,
    put,
    revives,
    wanders,
    where,
)
from evolink_mock.testing.mutations.callbacks import (
    callbacks,
    deliveries,
    given_up,
    headers,
    link_seconds,
    policy,
    sent_again,
    silent_failures,
    without_query,
)
from evolink_mock.testing.mutations.requests import (
    accepts_urls,
    any_caller,
    any_key_form,
    every_task,
    limit,
    no_such_model,
    one_image,
    only_text_callbacks,
    requests,
    small_quality,
    some_model,
    unchecked,
    without_nulls,
    without_unknown,
)
from evolink_mock.testing.mutations.responses import (
    bodies,
    errors,
    found_anyway,
    queries,
    responses,
    statuses,
)
from evolink_mock.testing.mutations.tasks import (
    charges,
    double_high_quality,
    foreign_tasks,
    full_price_silence,
    never_ending,
    one_rate,
    prices,
    tasks,
    unknown_at_first,
    upper_case_ids,
    without_minimum,
)


class Mutant(NamedTuple):
    """One mutant: `breaks` is the number of the promise that must notice it."""

    breaks: str
    name: str
    description: str
    mutation: Mutation


MUTANTS: tuple[Mutant, ...] = (
    Mutant("VC-001", "prompt_1499", "refuses a prompt of 1,500 characters", limit("prompt", max_length=1499)),
    Mutant("VC-001", "duration_14", "refuses a duration of 15", limit("duration", maximum=14)),
    Mutant("VC-002", "answers_201", "answers a create with 201", statuses("create", 200, 201)),
    Mutant("VC-003", "no_usage", "leaves usage out of a create", bodies("create", drop("usage"))),
    Mutant(
        "VC-004", "created_busy", "shows a new task as processing", bodies("create", put("status", value="processing"))
    ),
    Mutant(
        "VC-005",
        "estimate_text",
        "gives estimated_time as text",
        bodies("create", put("task_info", "estimated_time", value="120")),
    ),
    Mutant("VC-006", "per_frame", "bills per frame", bodies("create", put("usage", "billing_rule", value="per_frame"))),
    Mutant(
        "VC-007",
        "upper_ids",
        "gives ids in capitals",
        upper_case_ids,
    ),
    Mutant(
        "VC-008",
        "one_id",
        "gives every task the same id",
        bodies("create", put("id", value="task-unified-1757169743-aaaaaaaa")),
    ),
    Mutant("VC-009", "created_early", "gives created and the id different times", bodies("create", created_as_id)),
    Mutant(
        "VC-010",
        "short_model",
        "names the model family instead of the model",
        bodies("create", put("model", value="wan2.6")),
    ),
    Mutant("VC-011", "no_model", "accepts a create without a model", requests(some_model)),
    Mutant("VC-012", "prompt_1501", "takes a prompt of 1,501 characters", limit("prompt", max_length=1501)),
    Mutant("VC-012", "no_prompt", "accepts a create without a prompt", limit("prompt", required=False)),
    Mutant("VC-013", "two_images", "takes two images", requests(one_image)),
    Mutant("VC-013", "no_image", "accepts a create without an image", limit("image_urls", required=False)),
    Mutant("VC-014", "duration_16", "takes a duration of 16", limit("duration", maximum=16)),
    Mutant("VC-014", "duration_1", "takes a duration of 1", limit("duration", minimum=1)),
    Mutant("VC-015", "any_case", "takes 1080P", requests(small_quality)),
    Mutant("VC-015", "quality_480p", "takes 480p", unchecked("quality")),
    Mutant("VC-016", "any_extend", "takes any prompt_extend", unchecked("prompt_extend")),
    Mutant("VC-017", "any_params", "takes any model_params", unchecked("model_params")),
    Mutant(
        "VC-018",
        "any_shot",
        "takes any shot_type",
        limit("shot_type", choices=("single", "multi", "", "480p", "MULTI ")),
    ),
    Mutant("VC-019", "any_audio", "takes any audio_url", unchecked("audio_url")),
    Mutant("VC-020", "any_sound", "takes any generate_audio", unchecked("generate_audio")),
    Mutant("VC-021", "http_callback", "takes an http callback URL", accepts_urls("scheme")),
    Mutant("VC-022", "callback_2049", "takes a callback URL of 2,049 characters", accepts_urls("length")),
    Mutant("VC-023", "internal", "takes internal addresses", accepts_urls("internal")),
    Mutant("VC-023", "internal_v6", "takes internal addresses in brackets", accepts_urls("internal", only="[")),
    Mutant("VC-023", "internal_hex", "takes 0x7f.1", accepts_urls("internal", only="0x")),
    Mutant("VC-024", "callback_number", "accepts a callback URL that is not a string", requests(only_text_callbacks)),
    Mutant("VC-025", "model_400", "answers an unknown model with 400", requests(no_such_model)),
    Mutant(
        "VC-026",
        "any_type",
        "accepts any content type",
        setting(is_json=lambda content_type: True),
    ),
    Mutant("VC-027", "strict", "refuses unknown fields", requests(without_unknown)),
    Mutant("VC-028", "no_nulls", "refuses null", requests(without_nulls)),
    Mutant("VC-030", "number_codes", "gives error codes as numbers", errors(put("code", value=404))),
    Mutant("VC-031", "own_types", "gives errors a type of its own", errors(put("type", value="error"))),
    Mutant("VC-032", "no_keys", "requires no key", any_caller),
    Mutant(
        "VC-033",
        "sibling_code",
        "gives an invalid parameter the code invalid_parameter",
        bodies("create", other_code, status=400),
    ),
    Mutant(
        "VC-034",
        "as_text",
        "gives its JSON the content type text/plain",
        responses("query", lambda payload: payload._replace(content_type=b"text/plain")),
    ),
    Mutant("VC-035", "bad_id_404", "answers a malformed id with 404", statuses("query", 400, 404)),
    Mutant("VC-036", "no_task_400", "answers an unknown id with 400", statuses("query", 404, 400)),
    Mutant(
        "VC-037",
        "one_request_id",
        "gives every answer the same X-Request-Id",
        setting(request_id=lambda seed, n: "req_0"),
    ),
    Mutant(
        "VC-038",
        "any_route",
        "answers every route with 200",
        responses("any", found_anyway),
    ),
    Mutant("VC-040", "no_type", "leaves type out of a query", tasks(drop("type"))),
    Mutant(
        "VC-041",
        "succeeded",
        "gives a completed task the status succeeded",
        tasks(where("completed", put("status", value="succeeded"))),
    ),
    Mutant("VC-042", "revival", "lets a completed task process again", queries(revives)),
    Mutant("VC-043", "dips", "lets progress fall", queries(dips)),
    Mutant("VC-044", "hundred", "shows 100 % while processing", tasks(full_too_soon)),
    Mutant(
        "VC-045",
        "early_results",
        "shows results while processing",
        tasks(where("processing", put("results", value=[]))),
    ),
    Mutant(
        "VC-045",
        "object_results",
        "shows results as objects",
        tasks(where("completed", put("results", value=[{"url": "https://x.example/v.mp4"}]))),
    ),
    Mutant("VC-046", "null_error", "shows an error on success", tasks(where("completed", put("error", value=None)))),
    Mutant("VC-046", "no_error", "shows no error on failure", tasks(where("failed", drop("error")))),
    Mutant("VC-047", "failed_99", "shows 99 % on failure", tasks(where("failed", put("progress", value=99)))),
    Mutant(
        "VC-048",
        "one_failure",
        "gives every failure the same code",
        tasks(where("failed", put("error", "code", value="unknown_error"))),
    ),
    Mutant(
        "VC-049",
        "cancel_for_ever",
        "shows can_cancel true after the task has ended",
        tasks(put("task_info", "can_cancel", value=True)),
    ),
    Mutant("VC-050", "wandering_links", "returns another link at each query", queries(wanders)),
    Mutant("VC-051", "created_moves", "shows another created in a query", queries(later)),
    Mutant("VC-052", "usage_shown", "shows usage in a query", tasks(put("usage", value={}))),
    Mutant(
        "VC-052",
        "one_currency",
        "shows the recorded cost with the same amount in every currency",
        tasks(where("completed", put("usage", value={"cost": {"credits": 6, "usd": 6, "cny": 6}, "credits_used": 6}))),
    ),
    Mutant("VC-053", "not_yet", "answers the first query of a task with 404", unknown_at_first),
    Mutant(
        "VC-054",
        "links_for_ever",
        "never lets links expire",
        link_seconds(10**9),
    ),
    Mutant(
        "VC-054",
        "links_for_hours",
        "lets links expire after 12 hours",
        link_seconds(12 * 3600),
    ),
    Mutant("VC-055", "never_ends", "never ends a task", never_ending),
    Mutant(
        "VC-060",
        "wrapped_body",
        "sends a callback body that a query does not return",
        callbacks(put("event", value="video.completed")),
    ),
    Mutant(
        "VC-061",
        "no_query",
        "drops the query of a callback URL",
        without_query,
    ),
    Mutant("VC-062", "form", "sends a callback as a form", headers(content_type="application/x-www-form-urlencoded")),
    Mutant(
        "VC-063",
        "announces_busy",
        "sends callbacks with the status processing",
        callbacks(put("status", value="processing")),
    ),
    Mutant("VC-064", "again_after_200", "sends a callback again after 200", deliveries(sent_again)),
    Mutant("VC-065", "gives_up", "gives up after one failure", deliveries(given_up)),
    Mutant("VC-065", "redirect_is_fine", "treats 3xx as a success", policy(success=range(200, 400))),
    Mutant("VC-066", "fifth_attempt", "makes a fifth attempt", policy(gaps=(1.0, 2.0, 4.0, 8.0))),
    Mutant("VC-067", "gap_3", "waits 3 s for 2", policy(gaps=(1.0, 3.0, 4.0))),
    Mutant("VC-068", "five_seconds", "waits 5 s for a response", policy(timeout=5.0)),
    Mutant(
        "VC-069",
        "silent_failures",
        "sends no callback for failed tasks",
        silent_failures,
    ),
    Mutant("VC-070", "unrequested_callbacks", "sends callbacks that were not requested", requests(every_task)),
    Mutant("VC-071", "lagging_reads", "sends a callback before a query shows the terminal state", queries(lags)),
    Mutant(
        "VC-072",
        "counted_bodies",
        "counts attempts in the body",
        callbacks(lambda body, sent: body.update(attempt=sent)),
    ),
    Mutant("VC-073", "signed", "signs callbacks", headers(x_evolink_signature="sha256=0")),
    Mutant("VC-080", "one_price", "charges one price for every quality", prices(one_rate)),
    Mutant("VC-080", "double_1080p", "charges 1080p twice the price of 720p", prices(double_high_quality)),
    Mutant("VC-080", "no_minimum", "has no minimum price", prices(without_minimum)),
    Mutant(
        "VC-081",
        "dear_silence",
        "charges the same with and without audio",
        prices(full_price_silence),
    ),
    Mutant(
        "VC-082",
        "credits_text",
        "gives credits as text",
        bodies("credits", put("data", "user", "used_credits", value="0")),
    ),
    Mutant(
        "VC-083",
        "double_charge",
        "charges twice",
        charges(lambda reserved, due: 2 * due),
    ),
    Mutant(
        "VC-083",
        "no_refund",
        "charges failures",
        charges(lambda reserved, due: due or reserved),
    ),
    Mutant("VC-083", "reading_costs", "charges for queries", setting(query_price=1_000)),
    Mutant("VC-083", "rounds_down", "rounds charges down to 0.001", charges(lambda reserved, due: due // 10 * 10)),
    Mutant(
        "VC-083",
        "no_minimum_charge",
        "charges a short video less than the minimum",
        charges(lambda reserved, due: 47_600 if due == 60_000 < reserved else due),
    ),
    Mutant(
        "VC-083",
        "asked_for",
        "charges the requested length, not the real one",
        charges(lambda reserved, due: reserved if due else 0),
    ),
    Mutant(
        "VC-084",
        "growing",
        "shows remaining credits that never change",
        bodies("credits", lambda body: body["data"]["user"].update(remaining_credits=10**9)),
    ),
    Mutant(
        "VC-085",
        "overdraft",
        "lets credits be overdrawn",
        setting(affords=lambda ledger, units: True),
    ),
    Mutant("VC-090", "foreign_404", "answers another account's task with 404", statuses("query", 403, 404)),
    Mutant("VC-090", "leak", "shows another account's task", foreign_tasks),
    Mutant(
        "VC-091",
        "no_idempotency",
        "ignores the Idempotency-Key",
        setting(idempotency_key=lambda header: None),
    ),
    Mutant(
        "VC-091",
        "replay_charged",
        "does not say that a create was replayed",
        responses("create", lambda payload: payload._replace(headers=())),
    ),
    Mutant(
        "VC-092",
        "no_conflict",
        "gives another request the same task",
        setting(request_digest=lambda body: b""),
    ),
    Mutant(
        "VC-093",
        "any_key",
        "accepts an Idempotency-Key of any form",
        any_key_form,
    ),
)
"""At least one for each promise that the contract kit checks."""


class Emulators:
    """The emulators that the contract kit finds by the entry point: in this process, mutated or not."""

    mutants = MUTANTS

    @contextmanager
    def made(self, name: str | None, receivers: Mapping[str, ASGIApp]) -> Iterator[ASGIApp]:
        """An emulator on a manual clock; `name` is a mutant's, `receivers` take the callbacks of an origin."""
        # No promise is about the content of a video, and encoding one takes a second.
        settings = Settings(
            clock="manual", generation_time="10s", public_url="http://emulator.test", result_video="plain"
        )
        mutations = {mutant.name: mutant.mutation for mutant in MUTANTS}
        behaviour = DOCUMENTED if name is None else mutations[name](DOCUMENTED)
        log, errors = logging.getLogger("evolink_mock"), _Errors()
        # Probes refuse callbacks on purpose, and their reports say what became of each.
        log.addFilter(errors)
        try:
            yield create_app(settings, receivers=receivers, behaviour=behaviour)
        finally:
            log.removeFilter(errors)


class _Errors(logging.Filter):
    """Passes errors, and no warnings."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR


EMULATORS = Emulators()
