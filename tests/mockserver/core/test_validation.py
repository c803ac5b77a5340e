"""A body is accepted where the model's rows allow it, and else refused by naming the first field at fault."""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolink_contracts.spec.errors import ERRORS
from evolink_contracts.spec.fields import Field
from evolink_contracts.spec.models import MODELS, Model
from evolink_mock.core.choices import Choices
from evolink_mock.core.task import Failure
from evolink_mock.core.validation import CreateRequest, Refusal, Validator

FLASH = MODELS["wan2.6-image-to-video-flash"]
WRONG = 1.5
"""Of no field's type."""


def put(body: Mapping[str, Any], field: Field, value: object) -> dict[str, Any]:
    """The body with one field set."""
    if field.parent is None:
        return {**body, field.name: value}
    return {**body, field.parent: {**body.get(field.parent, {}), field.name: value}}


def minimal(model: Model = FLASH, /, **fields: Any) -> dict[str, Any]:
    """The least that the model accepts, and these fields."""
    return {"model": model.name, **{field.name: field.example for field in model.fields if field.required}, **fields}


def full(model: Model = FLASH) -> dict[str, Any]:
    """Every field of the model with its example."""
    body = minimal(model)
    for field in model.fields:
        body = put(body, field, field.example)
    return body


def judge(body: object, **choices: Any) -> CreateRequest | Refusal:
    return Validator(MODELS, Choices(**choices)).validate(body)


def accepted(body: object, **choices: Any) -> CreateRequest:
    outcome = judge(body, **choices)
    assert isinstance(outcome, CreateRequest), outcome
    return outcome


def refused(body: object, **choices: Any) -> str:
    """The message of an invalid request."""
    outcome = judge(body, **choices)
    assert isinstance(outcome, Refusal), outcome
    assert outcome.condition == "invalid_request"
    assert outcome.message
    return outcome.message


# What the rows say, as values on both sides of every limit.

SAMPLES: dict[str, object] = {
    "string": "text",
    "integer": 7,
    "float": 5.0,
    "boolean": True,
    "object": {},
    "list": ["text"],
}
JSON_TYPES = {"url": "string", "urls": "list"}
NO_URLS = [
    "",
    "image1.png",
    "/image1.png",
    "//example.com/a.png",
    "ftp://example.com/a.png",
    "file:///a.png",
    "https://",
]
NO_URLS += [
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "http:///a.png",
    "https:example.com",
    "https://a b/c.png",
]


def allowed(field: Field) -> list[Any]:
    match field.kind:
        case "integer":
            assert field.minimum is not None
            assert field.maximum is not None
            return list(range(field.minimum, field.maximum + 1))
        case "boolean":
            return [True, False]
        case "string" if field.choices:
            return list(field.choices)
        case "string":
            return ["a", "a" * (field.max_length or 9), "ä\n\x00" * 9, "😀" * (field.max_length or 9)]
        case "object":
            return [{}, {"unknown": 1}, {"shot_type": None}]
        case "urls":
            return [["https://example.com/a"], ["HTTP://example.com:8080/a?b#c"], ["http://127.0.0.1/a"]]
        case "url" if field.media is None:
            return ["https://example.com", f"{field.example}".ljust(field.max_length or 0, "a")]
        case "url":
            return ["https://example.com/a", "http://user:secret@example.com/a.mp3", "https://[::1]/a.mp3"]


def forbidden(field: Field) -> list[Any]:
    wrong = [value for kind, value in SAMPLES.items() if kind != JSON_TYPES.get(field.kind, field.kind)]
    match field.kind:
        case "integer":
            return [*wrong, (field.minimum or 0) - 1, (field.maximum or 0) + 1, 0, -5, 10**400]
        case "string" if field.choices:
            return [*wrong, "", "480p", f"{field.choices[0]} ", "".join(field.choices)]
        case "string":
            return [*wrong, "a" * ((field.max_length or 0) + 1), "😀" * ((field.max_length or 0) + 1)]
        case "urls":
            return [*wrong, [], [field.example] * 2, [None], [7], [{}], [[]], *([url] for url in NO_URLS)]
        case "url" if field.media is None:
            return [*wrong, *NO_URLS, "http://example.com", f"{field.example}".ljust(2049, "a"), "https://127.0.0.1"]
        case "url":
            return [*wrong, *NO_URLS]
        case _:
            return wrong


def cases(values: Callable[[Field], list[Any]]) -> list[Any]:
    """One case for each value of each field of each model."""
    return [
        pytest.param(model, field, value, id=f"{name}-{field.path}-{ascii(value)[:30]}")
        for name, model in MODELS.items()
        for field in model.fields
        for value in values(field)
    ]


@pytest.mark.parametrize(("model", "field", "value"), cases(allowed))
def test_a_value_that_its_row_allows_is_accepted_and_kept(model: Model, field: Field, value: object) -> None:
    body = put(minimal(model), field, value)
    request = accepted(body)
    assert request.values == body
    assert request.deferred_failure is None


@pytest.mark.parametrize(("model", "field", "value"), cases(forbidden))
def test_a_value_that_its_row_forbids_is_refused_with_its_path(model: Model, field: Field, value: object) -> None:
    message = refused(put(minimal(model), field, value))
    assert message.startswith((f"{field.path} ", f"{field.path}[0] "))


@pytest.mark.parametrize(("model", "field", "value"), cases(lambda field: [None]))
def test_null_is_the_same_as_absent(model: Model, field: Field, value: None) -> None:
    absent = full(model)
    (absent if field.parent is None else absent[field.parent]).pop(field.name)
    null = put(full(model), field, value)
    if field.required:
        assert refused(null) == refused(absent)
        assert refused(null).startswith(f"{field.path} is required")
        assert refused(null).endswith(f"for {model.name}")
    else:
        assert accepted(null)[2:] == accepted(absent)[2:]
        assert field.parent or accepted(null).values == absent


@pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))
def test_every_documented_example_is_accepted(model: Model) -> None:
    request = accepted(full(model))
    assert (request.model, request.values, request.duration, request.deferred_failure) == (model, full(model), 5, None)


@given(st.sampled_from(list(MODELS.values())), st.data())
@settings(max_examples=60)
def test_of_several_errors_the_first_in_document_order_is_named(model: Model, data: st.DataObject) -> None:
    broken = data.draw(st.lists(st.sampled_from(model.fields), min_size=1, unique_by=lambda field: field.name))
    body = full(model)
    for field in broken:
        if field.parent is None or isinstance(body[field.parent], dict):
            body = put(body, field, data.draw(st.sampled_from(forbidden(field))))
    shuffled = dict(data.draw(st.permutations(list(body.items()))))
    first = min(broken, key=model.fields.index)
    assert refused(shuffled).startswith((f"{first.path} ", f"{first.path}[0] "))


def test_a_missing_field_is_an_error_like_any_other() -> None:
    assert refused({"model": FLASH.name, "duration": 99}).startswith("prompt is required")
    assert refused({"model": FLASH.name, "prompt": "a", "duration": 99}) == (
        "image_urls is required and must not be empty for wan2.6-image-to-video-flash"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompt": "😀" * 1501}, "prompt must have at most 1500 characters; it has 1501"),
        ({"image_urls": []}, "image_urls must not be empty: give one image URL"),
        ({"image_urls": ["https://a.b/c"] * 3}, "image_urls must contain exactly 1 URL; it has 3"),
        ({"image_urls": "https://a.b/c"}, 'image_urls must be a list of 1 URL; got "https://a.b/c"'),
        ({"image_urls": ["ftp://a.b/c"]}, 'image_urls[0] must be an http or https URL; got "ftp://a.b/c"'),
        ({"duration": 16}, "duration must be an integer from 2 to 15; got 16"),
        ({"duration": 5.0}, "duration must be an integer from 2 to 15; got 5.0"),
        ({"duration": True}, "duration must be an integer from 2 to 15; got true"),
        ({"duration": "5"}, 'duration must be an integer from 2 to 15; got "5"'),
        ({"quality": "480p"}, 'quality must be one of 720p, 1080p; got "480p"'),
        ({"generate_audio": 1}, "generate_audio must be true or false; got 1"),
        ({"model_params": [1, 2]}, "model_params must be an object; got a list of 2"),
        (
            {"model_params": {"shot_type": {}}},
            "model_params.shot_type must be one of single, multi; got an object of 0",
        ),
        ({"callback_url": 7}, "callback_url must be a URL; got 7"),
        ({"callback_url": "x" * 2049}, "callback_url must have at most 2048 characters; it has 2049"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_would_be_right(fields: dict[str, Any], message: str) -> None:
    assert refused(minimal(**fields)) == message


# The model and the shape of the body.


@pytest.mark.parametrize("body", [None, True, 7, 1.5, "text", [], [{}], [["a"] * 9]], ids=repr)
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    assert refused(body).startswith("the body must be a JSON object; got ")


@pytest.mark.parametrize("name", ["", "wan2.6", "WAN2.6-IMAGE-TO-VIDEO-FLASH", f" {FLASH.name}", "sora-2", "ä" * 1000])
def test_an_unknown_model_is_refused_whatever_else_is_wrong(name: str) -> None:
    assert judge({"model": name, "duration": 99}) == Refusal("model_access_denied")


@pytest.mark.parametrize("value", [7, True, 1.5, [], {}, [FLASH.name]], ids=repr)
def test_a_model_that_is_no_string_is_refused_with_the_models_there_are(value: object) -> None:
    message = refused(minimal(model=value))
    assert message.startswith("model must be a string, one of ")
    assert FLASH.name in message


@pytest.mark.parametrize("body", [{}, {"model": None}, {"prompt": "a"}], ids=repr)
def test_a_missing_model_is_refused_with_the_models_there_are(body: object) -> None:
    assert refused(body) == f"model is required; this service has {', '.join(MODELS)}"


# Fields that the rows do not know.

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats(allow_nan=False)
    | st.text(max_size=90),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=90), inner, max_size=4),
    max_leaves=12,
)
KNOWN = sorted({field.name for model in MODELS.values() for field in model.fields} | {"model"})


@given(st.dictionaries(st.text(max_size=9).filter(lambda name: name not in KNOWN), JSON, max_size=4))
@settings(max_examples=60)
def test_unknown_fields_are_ignored(extra: dict[str, Any]) -> None:
    assert judge({**extra, **full()}) == judge(full())
    assert judge({**minimal(duration=99), **extra}) == judge(minimal(duration=99))


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (FLASH.name, "aspect_ratio"),
        ("wan2.6-image-to-video", "aspect_ratio"),
        ("wan2.6-image-to-video", "generate_audio"),
        ("wan2.6-text-to-video", "image_urls"),
        ("wan2.6-text-to-video", "generate_audio"),
    ],
)
@pytest.mark.parametrize("value", [WRONG, None, "16:9", False, []], ids=repr)
def test_a_field_of_another_model_is_unknown_too(model: str, field: str, value: object) -> None:
    body = minimal(MODELS[model])
    assert accepted({**body, field: value}) == accepted(body)
    assert refused({**body, field: value}, extra_fields="refuse") == f"{field} is not a field of {model}"


# Images and sounds.


@pytest.mark.parametrize(
    "ending", [".jpeg", ".jpg", ".png", ".bmp", ".webp", ".JPG", ".Png", "", ".", ".xyz", ".php", "/"]
)
@pytest.mark.parametrize("rest", ["", "?x=a.gif", "#a.gif", "?a=/b.heic#c.gif"])
def test_an_image_with_a_right_or_unknown_ending_is_accepted(ending: str, rest: str) -> None:
    assert accepted(minimal(image_urls=[f"https://example.com/a{ending}{rest}"])).deferred_failure is None


@pytest.mark.parametrize(
    "ending", [".gif", ".heic", ".heif", ".avif", ".tiff", ".tif", ".svg", ".mp4", ".pdf", ".GIF", ".HeIc"]
)
@pytest.mark.parametrize("rest", ["", "?x=a.png", "#a.png", "?a=/b.jpg#c.png"])
def test_an_image_with_a_wrong_ending_is_accepted_and_fails_later(ending: str, rest: str) -> None:
    doom = accepted(minimal(image_urls=[f"https://example.com/a{ending}{rest}"])).deferred_failure
    assert doom is not None
    assert doom.code == "image_processing_error"
    assert f" {ending.lower()};" in doom.message


@pytest.mark.parametrize("url", ["https://example.gif", "https://a.mp4:443?b", "https://a.svg#c", "https://a.gif/b"])
def test_the_ending_of_the_host_is_not_that_of_the_image(url: str) -> None:
    assert accepted(minimal(image_urls=[url])).deferred_failure is None


@pytest.mark.parametrize(
    ("ending", "code"),
    [(".mp3", None), (".MP3", None), ("", None), (".bin", None), (".mp3?x=a.wav", None), (".mp3#a.ogg", None)]
    + [
        (ending, "invalid_parameters")
        for ending in (".wav", ".WAV", ".ogg", ".m4a", ".flac", ".png", ".mp4", ".wav?a.mp3")
    ],
)
def test_audio_that_is_no_mp3_is_accepted_and_fails_later(ending: str, code: str | None) -> None:
    doom = accepted(minimal(audio_url=f"https://example.com/a{ending}")).deferred_failure
    assert (doom and doom.code) == code


def test_of_two_later_failures_the_first_in_document_order_comes() -> None:
    both = accepted(minimal(audio_url="https://example.com/a.wav", image_urls=["https://example.com/a.gif"]))
    assert both.deferred_failure is not None
    assert both.deferred_failure.code == "image_processing_error"


def test_an_error_wins_over_a_deferred_failure_before_it() -> None:
    assert refused(minimal(image_urls=["https://example.com/a.gif"], duration=1)).startswith("duration ")


# The open questions, each answered the other way.

GIF = {"image_urls": ["https://example.com/a.gif"]}
TWO = {"image_urls": ["https://example.com/a.png"] * 2}
WAV = {"audio_url": "https://example.com/a.wav"}


@pytest.mark.parametrize(
    ("fields", "choices", "message"),
    [
        ({"size": 1}, {"extra_fields": "refuse"}, "size is not a field of wan2.6-image-to-video-flash"),
        ({"model_params": {"seed": 1}}, {"extra_fields": "refuse"}, "model_params.seed is not a known setting"),
        (GIF, {"bad_image": "refuse"}, "image_urls[0] must be a jpeg, jpg, png, bmp, webp image; it ends in .gif"),
        (WAV, {"bad_audio": "refuse"}, "audio_url must be a mp3 audio file; it ends in .wav"),
    ],
)
def test_a_choice_can_refuse_a_request_that_is_accepted_by_default(
    fields: dict[str, Any], choices: dict[str, Any], message: str
) -> None:
    accepted(minimal(**fields))
    assert refused(minimal(**fields), **choices).startswith(message)


@pytest.mark.parametrize(
    ("fields", "choices", "doom"),
    [
        ({"prompt": "a" * 1501}, {"long_prompt": "fail_later"}, "invalid_parameters"),
        ({"image_urls": []}, {"image_count": "fail_later"}, "invalid_parameters"),
        (TWO, {"image_count": "fail_later"}, "invalid_parameters"),
        ({"quality": "1080P"}, {"quality_case": "ignore"}, None),
        ({"callback_url": "http://127.0.0.1"}, {"bad_callback": "skip"}, None),
        ({"callback_url": "https://localhost"}, {"internal_addresses": "listed"}, None),
    ],
)
def test_a_choice_can_accept_a_request_that_is_refused_by_default(
    fields: dict[str, Any], choices: dict[str, Any], doom: str | None
) -> None:
    refused(minimal(**fields))
    request = accepted(minimal(**fields), **choices)
    assert (request.deferred_failure and request.deferred_failure.code) == doom
    assert request.values == minimal(**fields)


@pytest.mark.parametrize(
    ("fields", "choices"),
    [
        ({"prompt": 7}, {"long_prompt": "fail_later"}),
        ({"image_urls": {}}, {"image_count": "fail_later"}),
        ({"image_urls": None}, {"image_count": "fail_later"}),
        ({"quality": "480P"}, {"quality_case": "ignore"}),
        ({"model_params": {"shot_type": "SINGLE"}}, {"quality_case": "ignore"}),
        ({"callback_url": 7}, {"bad_callback": "skip"}),
        ({"callback_url": "https://10.0.0.1"}, {"internal_addresses": "listed"}),
        ({"model": None}, {"unknown_model": "no_available_channel"}),
    ],
)
def test_a_choice_excuses_no_other_error(fields: dict[str, Any], choices: dict[str, Any]) -> None:
    refused(minimal(**fields), **choices)


def test_an_unknown_model_may_look_like_one_temporarily_unavailable() -> None:
    assert judge({"model": "sora-2"}, unknown_model="no_available_channel") == Refusal("no_available_channel")


def test_a_prompt_may_fail_later_because_it_is_too_long() -> None:
    request = accepted(minimal(prompt="a" * 1501), long_prompt="fail_later")
    assert request.deferred_failure == Failure("invalid_parameters", "Prompt is too long")


def test_a_choice_of_case_does_not_change_the_price() -> None:
    assert accepted(minimal(quality="1080P"), quality_case="ignore").rate == accepted(minimal(quality="1080p")).rate


@pytest.mark.parametrize("length", [2, 5, 15])
def test_a_request_without_duration_has_the_chosen_one(length: int) -> None:
    assert accepted(minimal(), default_duration=length).duration == length
    assert accepted(minimal(duration=9), default_duration=length).duration == 9
    assert "duration" not in accepted(minimal(), default_duration=length).values


@pytest.mark.parametrize("body", [full(), minimal(duration=15), minimal(duration=1)], ids=["full", "long", "faulty"])
def test_the_billing_rule_does_not_affect_validation(body: dict[str, Any]) -> None:
    assert judge(body, billing_rule="per_call") == judge(body)


# Whatever comes in.

BODIES = st.fixed_dictionaries(
    {"model": st.sampled_from(list(MODELS)) | JSON},
    optional={
        name: JSON | st.sampled_from([full().get(name), minimal().get(name)]) for name in KNOWN if name != "model"
    },
)
READINGS = st.fixed_dictionaries(
    {
        "extra_fields": st.sampled_from(["ignore", "refuse"]),
        "long_prompt": st.sampled_from(["refuse", "fail_later"]),
        "image_count": st.sampled_from(["refuse", "fail_later"]),
        "bad_image": st.sampled_from(["refuse", "fail_later"]),
        "quality_case": st.sampled_from(["exact", "ignore"]),
        "bad_callback": st.sampled_from(["refuse", "skip"]),
    }
)


@given(st.one_of(JSON, BODIES, BODIES), READINGS)
@settings(max_examples=250)
def test_any_json_is_accepted_or_refused_briefly_and_never_changed(body: Any, choices: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    validator = Validator(MODELS, Choices(**choices))
    outcome = validator.validate(body)
    assert body == before
    assert outcome == validator.validate(body)
    if isinstance(outcome, Refusal):
        assert ("create", outcome.condition) in ERRORS
        assert len(outcome.message or "") < 500
    else:
        assert 2 <= outcome.duration <= 15
        assert outcome.rate > 0
        assert outcome.values.items() <= before.items()
        assert None not in outcome.values.values()


@pytest.mark.parametrize(
    "value", ["a" * 100_000, [[]] * 9999, {str(n): n for n in range(9999)}, 10**4000], ids=lambda _: ""
)
@pytest.mark.parametrize("field", [*KNOWN, "other"])
@pytest.mark.parametrize("extra_fields", ["ignore", "refuse"])
def test_a_message_does_not_grow_with_its_cause(field: str, value: object, extra_fields: str) -> None:
    outcome = judge({**full(), field: value}, extra_fields=extra_fields)
    assert isinstance(outcome, CreateRequest) or len(outcome.message or "") < 300


def test_a_deeply_nested_value_is_refused_like_any_other() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert refused(minimal(duration=deep)) == "duration must be an integer from 2 to 15; got a list of 1"
    assert refused(deep) == "the body must be a JSON object; got a list of 1"


def test_a_message_repeats_a_value_as_json_of_at_most_60_characters() -> None:
    assert refused(minimal(quality='"\n')).endswith(f"got {json.dumps(chr(34) + chr(10))}")
    assert refused(minimal(quality="q" * 59)).endswith(f'got "{"q" * 59}…')
