"""Sources of the facts, and their conflicts, each with its readings and the setting that chooses one."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

Basis: TypeAlias = Literal["documented", "recorded", "vendor client", "third party", "inferred"]
"""Reliability of a fact, best first."""

Value: TypeAlias = str | int | bool


@dataclass(frozen=True)
class Source:
    """A place that facts are taken from."""

    key: str
    title: str
    where: str


_DOCS = "https://docs.evolink.ai/en/"
_SOURCES = (
    Source("S1", "official documentation, August 2026", _DOCS),
    Source("S1a", "model page", f"{_DOCS}api-manual/video-series/wan2.6/wan2.6-image-to-video-flash"),
    Source("S1b", "task query page", f"{_DOCS}api-manual/task-management/get-task-detail"),
    Source("S1c", "error code page", f"{_DOCS}api-manual/task-management/error-codes"),
    Source("S1d", "account and file pages", f"{_DOCS}api-manual/account-management/get-credits"),
    Source("S1e", "earlier versions of these pages, 2025-09 to 2026-03", _DOCS),
    Source("S2", "the vendor's MCP server", "https://github.com/EvoLinkAI/evolink-mcp"),
    Source("S3", "the vendor's media MCP server", "https://github.com/EvoLinkAI/evolink-media-mcp"),
    Source("S4", "the vendor's gateway guide", "https://github.com/Evolink-AI/Seedance-2.0-Gateway-Service"),
    Source("S5", "a reseller's documentation", "https://seedance2api.app/docs/"),
    Source("S6", "public callback receivers", "public code"),
    Source("S7", "public clients", "public code"),
    Source(
        "S8", "the upstream model's guide", "https://www.alibabacloud.com/help/en/model-studio/image-to-video-guide"
    ),
    Source("S9", "a live error body", "https://github.com/Mylszd/PaperBanana-CN/issues/3"),
    Source("S10", "this project's own choice where nothing is known", "the conflicts of this module"),
    Source("S11", "recorded public price rules, 2026-10-10", "https://github.com/deeplearning-goethe/evolink-cli"),
    Source("S12", "a recorded body of a finished task", "public code"),
    Source("S13", "the vendor's newest clients, 2026-10", "https://github.com/Evolink-AI/evolink-mcp"),
    Source("S14", "notes of live calls", "public code"),
)
SOURCES: Mapping[str, Source] = MappingProxyType({source.key: source for source in _SOURCES})


@dataclass(frozen=True)
class Reading:
    """One reading of the sources: the value of the setting, the source that supports it, and its effect."""

    value: Value
    source: str
    meaning: str


@dataclass(frozen=True)
class Conflict:
    """A question that the sources leave open, or answer differently.

    The first reading is the default, and `setting` is the name by which a user chooses another. If the readings are
    single points of a range (`open_ended`), other values of the same type are accepted too.
    """

    setting: str
    question: str
    reason: str
    readings: tuple[Reading, ...]
    basis: Basis = "inferred"
    open_ended: bool = False

    @property
    def default(self) -> Value:
        return self.readings[0].value


_CONFLICTS = (
    Conflict(
        "cancelled_as",
        "Which status does a cancelled task show?",
        "The enum of this model's page has four statuses, and the error page has the code request_cancelled.",
        (
            Reading("failed", "S1a", "failed, with the error code request_cancelled"),
            Reading("cancelled", "S2", "a status of its own"),
        ),
        basis="documented",
    ),
    Conflict(
        "cancel_route",
        "Is there a route that cancels a task?",
        "No current page has one; an unpublished draft of 2025 had DELETE /v1/tasks/{id}.",
        (Reading(False, "S1b", "DELETE answers 405"), Reading(True, "S1e", "DELETE cancels, as the draft said")),
    ),
    Conflict(
        "not_found_code",
        "Which code does an unknown route carry?",
        "No source says it; the shape is that of every other error.",
        (Reading("not_found", "S10", "the error's code for unknown routes"),),
        open_ended=True,
    ),
    Conflict(
        "invalid_code",
        "Which code does a faulty parameter get?",
        "This model's page shows invalid_request; ten sibling pages show invalid_parameter.",
        (
            Reading("invalid_request", "S1a", "the code of this model's page"),
            Reading("invalid_parameter", "S1", "the code of sibling pages"),
        ),
        basis="documented",
    ),
    Conflict(
        "unknown_model",
        "How is a model refused that does not exist?",
        "404 was removed from the pages because it is not returned; 403 is the documented error about a model.",
        (
            Reading("model_access_denied", "S1a", "403, like a model not granted"),
            Reading("no_available_channel", "S2", "400, like a model temporarily unavailable"),
        ),
    ),
    Conflict(
        "extra_fields",
        "Are unknown request fields refused?",
        "No schema forbids them, and published clients always send some.",
        (Reading("ignore", "S7", "they are ignored"), Reading("refuse", "S10", "400")),
        basis="third party",
    ),
    Conflict(
        "default_duration",
        "How long is a video whose request names no duration?",
        "The page has no default; its example and the upstream's default are 5.",
        (Reading(5, "S8", "seconds"),),
        open_ended=True,
    ),
    Conflict(
        "long_prompt",
        "When is a prompt of more than 1,500 characters refused?",
        "The schema limits it, so create refuses; the error page has a later failure with the same meaning.",
        (
            Reading("refuse", "S1a", "400 at create"),
            Reading("fail_later", "S1c", "accepted, then failed with invalid_parameters"),
        ),
        basis="documented",
    ),
    Conflict(
        "image_count",
        "When is a list refused that has no image, or two?",
        "The schema allows one item at most, and the text asks for one.",
        (
            Reading("refuse", "S1a", "400 at create"),
            Reading("fail_later", "S10", "accepted, then failed with invalid_parameters"),
        ),
        basis="documented",
    ),
    Conflict(
        "bad_image",
        "When is an image refused that has a wrong format?",
        "The image is fetched upstream, after the task was accepted.",
        (
            Reading("fail_later", "S8", "accepted, then failed with image_processing_error"),
            Reading("refuse", "S10", "400 at create"),
        ),
    ),
    Conflict(
        "bad_audio",
        "When is an audio file refused that has a wrong format?",
        "Audio, too, is fetched upstream, after the task was accepted.",
        (
            Reading("fail_later", "S8", "accepted, then failed with invalid_parameters"),
            Reading("refuse", "S10", "400 at create"),
        ),
    ),
    Conflict(
        "quality_case",
        "Is 720P the same as 720p?",
        "The page names the values in lower case, and the upstream in upper case.",
        (Reading("exact", "S1a", "400 for another case"), Reading("ignore", "S8", "any case is accepted")),
    ),
    Conflict(
        "bad_callback",
        "What happens to a callback URL that breaks the rules?",
        "The page states the rules and not the consequence; an immediate error is the one that a client can act on.",
        (Reading("refuse", "S10", "400 at create"), Reading("skip", "S10", "accepted, and no callback is ever sent")),
    ),
    Conflict(
        "internal_addresses",
        "Which addresses are internal?",
        'The page lists four ranges and ends with "etc.".',
        (
            Reading("all", "S1a", "every address that is not public, and every name of this host"),
            Reading("listed", "S1a", "the four ranges that the page names, and no more"),
        ),
    ),
    Conflict(
        "task_usage",
        "Does a task query show `usage`?",
        "The query page's schema has no such field; the vendor's client reads it.",
        (Reading("omit", "S1b", "no usage"), Reading("include", "S2", "usage, with credits_used at the end")),
        basis="documented",
    ),
    Conflict(
        "body_profile",
        "What does a completed task show in queries and callbacks?",
        "The query page has nothing about billing; a recorded body has the running time and the cost.",
        (
            Reading("documented", "S1b", "the fields of the page"),
            Reading("recorded", "S12", "also duration in seconds, result_data, and usage with cost and credits_used"),
        ),
        basis="documented",
    ),
    Conflict(
        "can_cancel",
        "Until when is `can_cancel` true?",
        "A reseller shows true while processing; the page shows false at completion.",
        (
            Reading("until_terminal", "S5", "true until the task ends"),
            Reading("until_processing", "S10", "true only while pending"),
        ),
        basis="third party",
    ),
    Conflict(
        "failed_progress",
        "Which progress does a failed task show?",
        "Every sample of a failed task shows 0.",
        (Reading("zero", "S1c", "0"), Reading("reached", "S10", "the progress it had reached")),
        basis="documented",
    ),
    Conflict(
        "progress",
        "How does progress grow while a task is processing?",
        "The page names the range and no steps; notes of live calls have it at 95 for long before the end.",
        (
            Reading("linear", "S10", "evenly from 1 to 99"),
            Reading("lingers_at_95", "S14", "evenly from 1 to 95 in the first half of the time, then 95 until the end"),
        ),
    ),
    Conflict(
        "absent_error",
        "Is `error` absent or null while a task has not failed?",
        "The page says that it is present only on failure, and calls it nullable.",
        (Reading("omit", "S1b", "absent"), Reading("null", "S1b", "null")),
        basis="documented",
    ),
    Conflict(
        "absent_results",
        "Is `results` absent, null or empty before completion?",
        "The page says that it is provided when completed.",
        (
            Reading("omit", "S1b", "absent"),
            Reading("null", "S10", "null"),
            Reading("empty", "S10", "an empty list"),
        ),
        basis="documented",
    ),
    Conflict(
        "billing_rule",
        "Is this model billed by the second or by the call?",
        "The page's example says per_call and 5 credits, its text bills by duration, and so do the public price rules.",
        (
            Reading("per_second", "S11", "credits = rate × duration, or the minimum of the model if that is more"),
            Reading("per_call", "S1a", "a flat 5 credits, as in the page's example"),
        ),
        basis="recorded",
    ),
    Conflict(
        "foreign_task",
        "What does a query of another account's task answer?",
        "The page documents 403 for a task without permission.",
        (Reading("permission_denied", "S1b", "403"), Reading("task_not_found", "S1b", "404")),
        basis="documented",
    ),
    Conflict(
        "task_id_check",
        "Is a malformed task id reported before a bad key?",
        "Authentication is checked first wherever the order is known.",
        (
            Reading("after_auth", "S10", "401, then 400, then 404"),
            Reading("before_auth", "S10", "400, then 401, then 404"),
        ),
    ),
    Conflict(
        "unauthorized_message",
        "Do a missing key and a wrong key get different messages?",
        "The create page and the query page have one message each.",
        (
            Reading("by_route", "S1b", "the message of the route's page"),
            Reading("by_cause", "S10", 'missing: "Authentication required"; wrong: "Invalid or expired token"'),
        ),
        basis="documented",
    ),
    Conflict(
        "quota_on_read",
        "Can a query answer 402?",
        "The page lists it, but a query costs nothing.",
        (
            Reading("never", "S10", "only where a scenario asks for it"),
            Reading("when_empty", "S1b", "whenever no credits remain"),
        ),
    ),
    Conflict(
        "quota_details",
        "Does a 402 say how much is missing?",
        "The pages show three fields; the vendor's client expects more, and its own example has them.",
        (
            Reading("omit", "S1a", "code, message and type alone"),
            Reading("include", "S2", "also action_url, account_balance_credits and estimated_credits"),
        ),
        basis="vendor client",
    ),
    Conflict(
        "oversize_status",
        "Which status does a request body over the limit get?",
        "413 was removed from the pages as not returned, yet the vendor's client handles it.",
        (Reading(413, "S2", "413"), Reading(400, "S1e", "400, with the code of faulty parameters")),
        basis="vendor client",
    ),
    Conflict(
        "cors",
        "May pages of other origins call the API from a browser?",
        "No page says so, yet public pages call the real service from the browser, with the key in Authorization.",
        (
            Reading("any", "S7", "preflights are answered, and responses may be read"),
            Reading("off", "S10", "only links of videos and files may be read"),
        ),
        basis="third party",
    ),
    Conflict(
        "user_agent",
        "May any program download the video of a result link?",
        "No page says so; notes of live calls have 403 for the User-Agent of Python's urllib, and 200 for others.",
        (
            Reading("any", "S10", "the video is served, whatever the User-Agent is"),
            Reading("strict", "S14", "403 for a User-Agent that begins with Python-urllib/, in any case"),
        ),
    ),
    Conflict(
        "task_retention",
        "For how many seconds can a task be queried?",
        "The error page says that tasks expire and gives no figure.",
        (Reading(7 * 24 * 3600, "S10", "seconds since creation; 404 afterwards"),),
        open_ended=True,
    ),
)

CONFLICTS: Mapping[str, Conflict] = MappingProxyType({row.setting: row for row in _CONFLICTS})
"""Every conflict by its setting."""


@dataclass(frozen=True)
class Ruling:
    """A conflict or an open question that is decided without a setting, since no user needs the other reading."""

    subject: str
    ruling: str
    basis: Basis
    source: str


RULINGS = (
    Ruling(
        "audio overflow",
        "Audio is trimmed to `duration`; the page's figures of 5 and 10 are from an older enum.",
        "inferred",
        "S1e",
    ),
    Ruling(
        "audio_url",
        "A task with `audio_url` has audio, whatever `generate_audio` says.",
        "inferred",
        "S8",
    ),
    Ruling(
        "price of audio",
        "`generate_audio: false` alone halves the price, also with `audio_url`.",
        "recorded",
        "S11",
    ),
    Ruling(
        "settlement",
        "A completed task is charged by its real length, and never less than the minimum of its model.",
        "recorded",
        "S11",
    ),
    Ruling(
        "rounding of prices",
        "A price is rounded half up to four decimals.",
        "recorded",
        "S11",
    ),
    Ruling("image_urls", "Required, although the page's own request example lacks it.", "documented", "S1a"),
    Ruling(
        "image formats",
        "The model page's list applies; the error page's list (gif, no bmp) belongs to another model.",
        "documented",
        "S1a",
    ),
    Ruling("null", "A null optional field counts as absent, a null required one as missing.", "inferred", "S10"),
    Ruling("integers", "5.0 and true are not integers.", "inferred", "S10"),
    Ruling("duplicate JSON keys", "The last one applies.", "inferred", "S10"),
    Ruling("prompt length", "Counted in Unicode code points.", "inferred", "S10"),
    Ruling("create answers 200", "Not 201 or 202, which some clients treat as errors.", "documented", "S1a"),
    Ruling(
        "created",
        "The id's timestamp and `created` are the same second here; live they may be one apart.",
        "recorded",
        "S1c",
    ),
    Ruling(
        "callback gaps", "1, 2 and 4 seconds are counted from each failure to the next attempt.", "documented", "S1a"
    ),
    Ruling(
        "Idempotency-Key",
        "Honoured on every create, for as long as its task can be queried; only a 200 uses it up.",
        "vendor client",
        "S2",
    ),
    Ruling(
        "Retry-After",
        "With the 429 of a limit or a scenario, in seconds: when the next request passes, or what the scenario says.",
        "vendor client",
        "S2",
    ),
    Ruling("callback redirects", "A 3xx is a failure and is not followed.", "documented", "S1a"),
    Ruling(
        "callback answers",
        "The status line decides: once it is whole within 10 s, what follows changes nothing, however malformed.",
        "inferred",
        "S1a",
    ),
    Ruling("callback headers", "JSON content type and no signature, since none is documented.", "documented", "S1a"),
)
