"""The facts are what the documents say: every figure here was taken from the documents, not from the rows."""

import json
from dataclasses import FrozenInstanceError, fields
from fractions import Fraction
from typing import Any, get_args

import pytest

from evolink_contracts.spec import sources
from evolink_contracts.spec.errors import ERRORS, FAILURES, TASK_ERROR_TYPE, Operation
from evolink_contracts.spec.fields import AUDIO, IMAGE
from evolink_contracts.spec.models import MODELS
from evolink_contracts.spec.sources import CONFLICTS, RULINGS, SOURCES, Basis
from evolink_contracts.spec.timing import EVOLINK_CALLBACKS, RESULT_LINK, TASK_RETENTION
from evolink_contracts.spec.wire import BILLING_RULES, DOCUMENTED_STATUSES, OUTPUT_TYPES, TASK_ID_PREFIX, TASK_OBJECT

FLASH, PLAIN, TEXT = "wan2.6-image-to-video-flash", "wan2.6-image-to-video", "wan2.6-text-to-video"

_COMMON = "duration quality prompt_extend model_params model_params.shot_type audio_url"
ORDER = {
    FLASH: f"prompt image_urls {_COMMON} generate_audio callback_url".split(),
    PLAIN: f"prompt image_urls {_COMMON} callback_url".split(),
    TEXT: f"prompt aspect_ratio {_COMMON} callback_url".split(),
}
UNLIMITED = {
    "required": False,
    "default": None,
    "schema_default": False,
    "minimum": None,
    "maximum": None,
    "max_length": None,
    "max_items": None,
    "choices": (),
}
LIMITS: dict[str, dict[str, Any]] = {
    "prompt": {"kind": "string", "required": True, "max_length": 1500},
    "image_urls": {"kind": "urls", "required": True, "max_items": 1},
    "duration": {"kind": "integer", "minimum": 2, "maximum": 15},
    "quality": {"kind": "string", "choices": ("720p", "1080p"), "default": "720p"},
    "prompt_extend": {"kind": "boolean", "default": True},
    "model_params": {"kind": "object"},
    "model_params.shot_type": {"kind": "string", "choices": ("single", "multi"), "default": "single"},
    "audio_url": {"kind": "url"},
    "generate_audio": {"kind": "boolean", "default": True, "schema_default": True},
    "aspect_ratio": {"kind": "string", "choices": ("16:9", "9:16", "1:1", "4:3", "3:4"), "default": "16:9"},
    "callback_url": {"kind": "url", "max_length": 2048},
}


def test_the_three_models_are_known() -> None:
    assert set(MODELS) == {FLASH, PLAIN, TEXT}
    assert {model.family for model in MODELS.values()} == {"wan2.6"}
    assert {model.estimated_time for model in MODELS.values()} == {120}


@pytest.mark.parametrize("name", ORDER)
def test_each_model_takes_its_documented_fields_in_their_documented_order(name: str) -> None:
    assert [field.path for field in MODELS[name].fields] == ORDER[name]


@pytest.mark.parametrize(("model", "path"), [(model, path) for model in ORDER for path in ORDER[model]])
def test_each_field_has_its_documented_type_limits_and_default(model: str, path: str) -> None:
    (field,) = (field for field in MODELS[model].fields if field.path == path)
    expected = UNLIMITED | LIMITS[path]
    assert {name: getattr(field, name) for name in expected} == expected
    assert field.basis == "documented"


def test_the_page_s_examples_are_kept() -> None:
    examples = {field.path: field.example for field in MODELS[FLASH].fields}
    assert examples["prompt"] == "A cat playing piano"
    assert examples["duration"] == 5
    assert examples["callback_url"] == "https://your-domain.com/webhooks/video-task-completed"


def test_files_have_their_documented_formats_and_sizes() -> None:
    assert IMAGE.suffixes == (".jpeg", ".jpg", ".png", ".bmp", ".webp")
    assert (IMAGE.max_bytes, IMAGE.min_side, IMAGE.max_side) == (10 * 1024**2, 360, 2000)
    assert AUDIO.suffixes == (".mp3",)
    assert (AUDIO.max_bytes, AUDIO.min_seconds, AUDIO.max_seconds) == (15 * 1024**2, 3, 30)
    for media in (IMAGE, AUDIO):
        assert not set(media.suffixes) & set(media.foreign_suffixes)


@pytest.mark.parametrize(
    ("model", "per_second", "silent"), [(FLASH, 2.38, 0.5), (PLAIN, 4.76, None), (TEXT, 4.76, None)]
)
def test_prices_are_the_recorded_public_rules(model: str, per_second: float, silent: float | None) -> None:
    price = MODELS[model].price
    assert (price.credits_per_second, price.minimum, price.silent_factor) == (per_second, 6, silent)
    assert {row.quality: row.factor for row in price.quality_factors} == {"720p": 1, "1080p": 1.67}
    assert (price.basis, price.source, price.highest_quality) == ("recorded", "S11", "1080p")


@pytest.mark.parametrize(
    ("quality", "silent", "exact"),
    [("720p", False, "2.38"), ("1080p", False, "3.9746"), ("720p", True, "1.19"), ("1080p", True, "1.9873")],
)
def test_the_price_of_a_second_is_exact(quality: str, silent: bool, exact: str) -> None:
    assert MODELS[FLASH].price.per_second(quality, silent=silent) == Fraction(exact)
    assert MODELS[TEXT].price.per_second(quality, silent=silent) == Fraction(exact) * (4 if silent else 2)


# Errors. The bodies are written as the documents give them, byte for byte.

BODIES: dict[tuple[Operation, str], tuple[int, str]] = {
    ("create", "invalid_request"): (
        400,
        '{"error":{"code":"invalid_request","message":"Invalid request parameters","type":"invalid_request_error"}}',
    ),
    ("create", "unauthorized"): (
        401,
        '{"error":{"code":"unauthorized","message":"Invalid or expired token","type":"authentication_error"}}',
    ),
    ("create", "insufficient_quota"): (
        402,
        '{"error":{"code":"insufficient_quota","message":"Insufficient quota. Please top up your account.",'
        '"type":"insufficient_quota"}}',
    ),
    ("create", "model_access_denied"): (
        403,
        '{"error":{"code":"model_access_denied","message":"Token does not have access to model: '
        'wan2.6-image-to-video-flash","type":"invalid_request_error"}}',
    ),
    ("create", "rate_limited"): (
        429,
        '{"error":{"code":"rate_limit_exceeded","message":"Too many requests, please try again later",'
        '"type":"rate_limit_error"}}',
    ),
    ("create", "internal_error"): (
        500,
        '{"error":{"code":"internal_error","message":"Internal server error","type":"api_error"}}',
    ),
    ("query", "invalid_task_id"): (
        400,
        '{"error":{"code":"invalid_task_id","message":"Invalid task ID format, must start with \'task-unified-\'",'
        '"type":"invalid_request_error","param":"task_id"}}',
    ),
    ("query", "unauthorized"): (
        401,
        '{"error":{"code":"unauthorized","message":"Authentication required","type":"authentication_error"}}',
    ),
    ("query", "quota_exceeded"): (
        402,
        '{"error":{"code":"quota_exceeded","message":"Insufficient quota. Please top up your account.",'
        '"type":"insufficient_quota"}}',
    ),
    ("query", "permission_denied"): (
        403,
        '{"error":{"code":"permission_denied","message":"You don\'t have permission to access this task",'
        '"type":"invalid_request_error"}}',
    ),
    ("query", "task_not_found"): (
        404,
        '{"error":{"code":"task_not_found","message":"The requested task could not be found",'
        '"type":"invalid_request_error"}}',
    ),
    ("query", "rate_limited"): (
        429,
        '{"error":{"code":"rate_limit_exceeded","message":"Rate limit exceeded","type":"evo_api_error"}}',
    ),
    ("query", "internal_error"): (
        500,
        '{"error":{"code":"internal_error","message":"Failed to retrieve task status","type":"api_error"}}',
    ),
    ("credits", "unauthorized"): (
        401,
        '{"error":{"code":401,"message":"Invalid or expired token","type":"authentication_error"}}',
    ),
    ("credits", "permission_denied"): (
        403,
        '{"error":{"code":403,"message":"Access denied","type":"permission_error"}}',
    ),
    ("credits", "rate_limited"): (
        429,
        '{"error":{"code":429,"message":"Rate limit exceeded","type":"rate_limit_error",'
        '"fallback_suggestion":"retry after 60 seconds"}}',
    ),
}
"""What the documents give in full."""

IN_PART: dict[tuple[Operation, str], tuple[int, dict[str, object]]] = {
    ("create", "no_available_channel"): (400, {"code": "no_available_channel"}),
    ("create", "invalid_parameter"): (
        400,
        {"code": "invalid_parameter", "message": "Invalid request parameters", "type": "invalid_request_error"},
    ),
    ("create", "upstream_error"): (
        502,
        {"code": "upstream_error", "message": "Upstream AI service unavailable", "type": "upstream_error"},
    ),
    ("create", "service_unavailable"): (
        503,
        {
            "code": "service_unavailable",
            "message": "No available channel for the requested model",
            "type": "api_error",
        },
    ),
    ("create", "content_policy_violation"): (400, {"code": "content_policy_violation"}),
    ("create", "key_disabled"): (401, {"code": "KEY_DISABLED"}),
    ("create", "key_expired"): (401, {"code": "KEY_EXPIRED"}),
    ("create", "insufficient_token_quota"): (402, {"code": "insufficient_token_quota", "type": "insufficient_quota"}),
    ("create", "token_daily_quota_exceeded"): (
        402,
        {"code": "token_daily_quota_exceeded", "type": "insufficient_quota"},
    ),
    ("create", "key_model_not_allowed"): (403, {"code": "KEY_MODEL_NOT_ALLOWED"}),
    ("create", "idempotency_conflict"): (409, {"code": "idempotency_conflict"}),
    ("create", "paid_outcome_unknown"): (409, {"code": "paid_outcome_unknown"}),
    ("create", "body_too_large"): (413, {}),
    ("credits", "invalid_request"): (400, {"code": 400, "message": "Invalid request"}),
    ("credits", "internal_error"): (500, {"code": 500, "type": "internal_server_error"}),
    ("credits", "upstream_error"): (502, {"code": 502, "type": "upstream_error"}),
    ("credits", "service_unavailable"): (
        503,
        {"code": 503, "type": "service_unavailable_error", "fallback_suggestion": "retry after 30 seconds"},
    ),
    ("any", "not_found"): (404, {}),
    ("any", "method_not_allowed"): (405, {}),
    ("any", "headers_too_large"): (400, {}),
    ("any", "internal_error"): (500, {"code": "internal_error", "type": "api_error"}),
    ("any", "link_not_found"): (404, {}),
    ("any", "link_expired"): (404, {}),
    ("any", "link_forbidden"): (403, {"code": "forbidden"}),
    ("any", "range_not_satisfiable"): (416, {}),
}
"""Of what the documents or the vendor's client give only this much, the wording is the project's own."""


@pytest.mark.parametrize(("operation", "condition"), BODIES)
def test_each_documented_error_is_kept_to_the_byte(operation: Operation, condition: str) -> None:
    row = ERRORS[operation, condition]
    body = json.dumps(row.body(row.message.replace("{model}", FLASH)), separators=(",", ":"))
    assert (row.status, body) == BODIES[operation, condition]
    assert row.basis == "documented"


@pytest.mark.parametrize(("operation", "condition"), IN_PART)
def test_of_other_errors_what_is_known_is_kept(operation: Operation, condition: str) -> None:
    row = ERRORS[operation, condition]
    status, known = IN_PART[operation, condition]
    assert row.status == status
    assert dict(row.body()["error"]) | known == row.body()["error"]


def test_no_error_is_without_a_check_against_the_documents() -> None:
    assert ERRORS.keys() == BODIES.keys() | IN_PART.keys()


RETRYABLE = {
    "content_policy_violation": ("client", False),
    "invalid_parameters": ("client", False),
    "image_processing_error": ("client", False),
    "image_dimension_mismatch": ("client", False),
    "request_cancelled": ("client", False),
    "generation_failed_no_content": ("server", False),
    "service_error": ("server", True),
    "generation_timeout": ("server", True),
    "resource_exhausted": ("server", True),
    "quota_exceeded": ("server", True),
    "service_unavailable": ("server", True),
    "resource_not_found": ("server", False),
    "unknown_error": ("server", False),
}


def test_the_thirteen_failure_codes_are_known_with_whose_fault_they_are_and_whether_to_retry() -> None:
    assert len(RETRYABLE) == 13
    assert {code: (row.origin, row.retryable) for code, row in FAILURES.items()} == RETRYABLE
    assert TASK_ERROR_TYPE == "task_error"


def test_documented_failure_wordings_are_kept() -> None:
    policy = FAILURES["content_policy_violation"]
    assert policy.message == "Content policy violation.\nYour request was blocked by safety filters."
    assert "photorealistic people detected" in policy.variants
    assert "Prompt is too long" in FAILURES["invalid_parameters"].variants
    assert [code for code, row in FAILURES.items() if row.wording == "documented"] == ["content_policy_violation"]


# Time, words


def test_the_callback_policy_is_the_documented_one() -> None:
    policy = EVOLINK_CALLBACKS
    assert (policy.timeout, policy.gaps, policy.max_attempts) == (10, (1, 2, 4), 4)
    assert (policy.max_url_length, policy.success) == (2048, range(200, 300))
    assert policy.basis == "documented"


def test_result_links_live_24_hours_and_tasks_at_least_as_long() -> None:
    assert (RESULT_LINK.seconds, RESULT_LINK.basis) == (86_400, "documented")
    assert TASK_RETENTION.seconds >= 86_400
    assert TASK_RETENTION.basis == "inferred"
    assert CONFLICTS["task_retention"].default == TASK_RETENTION.seconds


def test_the_words_of_the_wire_are_the_documented_ones() -> None:
    assert DOCUMENTED_STATUSES == ("pending", "processing", "completed", "failed")
    assert BILLING_RULES == ("per_call", "per_token", "per_second")
    assert OUTPUT_TYPES == ("text", "image", "audio", "video")
    assert (TASK_OBJECT, TASK_ID_PREFIX) == ("video.generation.task", "task-unified-")


# Every row says where it comes from, and cannot be changed.

ROWS: list[Any] = [
    *MODELS.values(),
    *(model.price for model in MODELS.values()),
    *{field.path: field for model in MODELS.values() for field in model.fields}.values(),
    *ERRORS.values(),
    *FAILURES.values(),
    *RULINGS,
    EVOLINK_CALLBACKS,
    RESULT_LINK,
    TASK_RETENTION,
]
CONFLICT_ROWS = [*CONFLICTS.values(), *(reading for row in CONFLICTS.values() for reading in row.readings)]
BASES = ("documented", "recorded", "vendor client", "third party", "inferred")


def test_the_five_bases_are_ranked_best_first() -> None:
    assert get_args(Basis) == BASES


def test_every_row_names_its_source_and_its_basis() -> None:
    unfounded = [row for row in ROWS if row.source not in SOURCES or row.basis not in BASES]
    assert not unfounded
    assert all(key == source.key and source.title and source.where for key, source in SOURCES.items())


def test_every_conflict_names_who_reads_it_how_and_takes_the_first_reading() -> None:
    for conflict in CONFLICTS.values():
        assert conflict.basis in BASES
        assert conflict.default == conflict.readings[0].value
        assert all(reading.source in SOURCES and reading.meaning for reading in conflict.readings)
        values = [reading.value for reading in conflict.readings]
        assert len(set(values)) == len(values)
        assert len({type(value) for value in values}) == 1
        assert len(values) > 1 or conflict.open_ended


def test_no_row_hides_another() -> None:
    """Rows are written as tuples and kept by key; a key used twice would lose a row."""
    assert len(CONFLICTS) == len(sources._CONFLICTS)
    assert len({conflict.question for conflict in CONFLICTS.values()}) == len(CONFLICTS)
    assert len({ruling.subject for ruling in RULINGS}) == len(RULINGS)


@pytest.mark.parametrize("row", [*ROWS, *CONFLICT_ROWS, *SOURCES.values(), IMAGE], ids=lambda row: type(row).__name__)
def test_no_row_can_be_changed(row: Any) -> None:
    name = fields(row)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(row, name, getattr(row, name))
