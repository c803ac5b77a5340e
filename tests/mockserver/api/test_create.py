"""POST /v1/videos/generations: the documented response and errors, and the order of the checks."""

import re

import pytest

from tests.support.emulator import DOCUMENTED, MODEL, Emulator

REFUSALS = {
    "invalid_request": (
        400,
        '{"error":{"code":"invalid_request","message":"Invalid request parameters","type":"invalid_request_error"}}',
    ),
    "unauthorized": (
        401,
        '{"error":{"code":"unauthorized","message":"Invalid or expired token","type":"authentication_error"}}',
    ),
    "insufficient_quota": (
        402,
        '{"error":{"code":"insufficient_quota","message":"Insufficient quota. Please top up your account.",'
        '"type":"insufficient_quota"}}',
    ),
    "model_access_denied": (
        403,
        '{"error":{"code":"model_access_denied","message":"Token does not have access to model: '
        'wan2.6-image-to-video-flash","type":"invalid_request_error"}}',
    ),
    "rate_limited": (
        429,
        '{"error":{"code":"rate_limit_exceeded","message":"Too many requests, please try again later",'
        '"type":"rate_limit_error"}}',
    ),
    "internal_error": (
        500,
        '{"error":{"code":"internal_error","message":"Internal server error","type":"api_error"}}',
    ),
}


def test_the_documented_request_gets_the_documented_response(emulator: Emulator) -> None:
    response = emulator.post(DOCUMENTED)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert re.fullmatch(r"task-unified-1757169743-[a-z0-9]{8}", body.pop("id"))
    assert body == {
        "created": 1757169743,
        "model": "wan2.6-image-to-video-flash",
        "object": "video.generation.task",
        "progress": 0,
        "status": "pending",
        "task_info": {"can_cancel": True, "estimated_time": 120},
        "type": "video",
        "usage": {"billing_rule": "per_second", "credits_reserved": 11.9, "user_group": "default"},
    }


def test_the_documented_example_of_billing_can_be_reproduced() -> None:
    with Emulator.in_process(billing_rule="per_call") as emulator:
        usage = emulator.post(DOCUMENTED).json()["usage"]
    assert usage == {"billing_rule": "per_call", "credits_reserved": 5, "user_group": "default"}


@pytest.mark.parametrize("condition", REFUSALS)
def test_one_header_injects_each_documented_error_to_the_byte(emulator: Emulator, condition: str) -> None:
    response = emulator.post(DOCUMENTED, {"X-Mock-Scenario": f"create={condition}"})
    assert (response.status_code, response.text) == REFUSALS[condition]


def test_invalid_requests_get_the_documented_errors(emulator: Emulator) -> None:
    unknown_key = emulator.as_key("sk-invalid-1").post(DOCUMENTED)
    assert (unknown_key.status_code, unknown_key.text) == REFUSALS["unauthorized"]

    no_key = emulator.client.post("/v1/videos/generations", json=DOCUMENTED)
    assert (no_key.status_code, no_key.text) == REFUSALS["unauthorized"]

    unknown_model = emulator.post(DOCUMENTED | {"model": "sora-9"})
    assert unknown_model.status_code == 403
    assert unknown_model.json()["error"]["message"] == "Token does not have access to model: sora-9"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"prompt": None}, "prompt is required"),
        ({"prompt": 7}, "prompt must be a string; got 7"),
        ({"prompt": "x" * 1501}, "prompt must have at most 1500 characters; it has 1501"),
        ({"image_urls": None}, f"image_urls is required and must not be empty for {MODEL}"),
        ({"image_urls": []}, "image_urls must not be empty"),
        ({"image_urls": ["https://a.example/1.png", "https://a.example/2.png"]}, "exactly 1 URL; it has 2"),
        ({"image_urls": ["file:///etc/passwd"]}, "image_urls[0] must be an http or https URL"),
        ({"duration": 16}, "duration must be an integer from 2 to 15; got 16"),
        ({"duration": 5.0}, "duration must be an integer from 2 to 15; got 5.0"),
        ({"quality": "480p"}, 'quality must be one of 720p, 1080p; got "480p"'),
        ({"prompt_extend": "yes"}, 'prompt_extend must be true or false; got "yes"'),
        ({"model_params": {"shot_type": "wide"}}, "model_params.shot_type must be one of single, multi"),
        ({"audio_url": "ftp://a.example/a.mp3"}, "audio_url must be an http or https URL"),
        ({"generate_audio": 1}, "generate_audio must be true or false; got 1"),
        ({"callback_url": "http://a.example/hook"}, "callback_url must start with https://"),
        ({"callback_url": "https://127.0.0.1/hook"}, "--callback-route"),
        ({"callback_url": "https://a.example/" + "x" * 2048}, "at most 2048 characters"),
    ],
)
def test_an_error_names_the_field_the_mistake_and_the_remedy(emulator: Emulator, change: object, says: str) -> None:
    assert isinstance(change, dict)
    response = emulator.post(DOCUMENTED | change)
    assert response.status_code == 400
    error = response.json()["error"]
    assert says in error["message"]
    assert (error["code"], error["type"]) == ("invalid_request", "invalid_request_error")


@pytest.mark.parametrize(("length", "status"), [(8192, 200), (8193, 400), (900_000, 400)])
def test_urls_of_input_files_are_bounded(emulator: Emulator, length: int, status: int) -> None:
    url = "https://files.example.com/".ljust(length - 4, "a") + ".png"
    answer = emulator.post(DOCUMENTED | {"image_urls": [url]})
    assert answer.status_code == status
    assert status == 200 or f"must have at most 8192 characters; it has {length}" in answer.json()["error"]["message"]


def test_mistakes_are_reported_in_the_documented_order() -> None:
    """Authentication, body size, JSON, model, fields in document order, callback URL, access, quota."""
    with Emulator.in_process(max_body=2048, balance=1.0) as emulator:
        stranger = emulator.as_key("sk-invalid")
        everything_wrong = {"model": "x", "prompt": 1, "duration": 99, "callback_url": "http://x", "pad": "x" * 4096}
        assert stranger.post(everything_wrong).status_code == 401
        assert emulator.post(everything_wrong).status_code == 413
        assert "not valid JSON" in emulator.post_raw(b'{"model": "x"').json()["error"]["message"]
        del everything_wrong["pad"]
        assert emulator.post(everything_wrong).status_code == 403
        everything_wrong["model"] = MODEL
        remedies: list[tuple[str, object]] = [
            ("prompt", "A cat"),
            ("image_urls", ["https://a.example/1.png"]),
            ("duration", 5),
            ("callback_url", "https://a.example/hook"),
        ]
        for field, remedy in remedies:
            assert emulator.post(everything_wrong).json()["error"]["message"].startswith(field)
            everything_wrong[field] = remedy
        assert emulator.post(everything_wrong).status_code == 402


def test_model_access_is_checked_before_the_quota() -> None:
    from evolink_mock.settings import KeyRule

    keys = {"sk-poor": KeyRule(balance=0, models=["wan2.6-text-to-video"])}
    with Emulator.in_process(keys=keys, only_keys=True) as emulator:
        poor = emulator.as_key("sk-poor")
        assert (poor.post(DOCUMENTED).status_code, poor.post(DOCUMENTED).text) == REFUSALS["model_access_denied"]
        text_to_video = {"model": "wan2.6-text-to-video", "prompt": "A cat"}
        assert (poor.post(text_to_video).status_code, poor.post(text_to_video).text) == REFUSALS["insufficient_quota"]
        assert emulator.as_key("sk-other").post(DOCUMENTED).status_code == 401


def test_an_error_is_injected_after_authentication_and_before_validation(emulator: Emulator) -> None:
    injected = {"X-Mock-Scenario": "create=rate_limited"}
    assert emulator.as_key("sk-invalid").post({}, injected).status_code == 401
    assert emulator.post({"model": 1}, injected).status_code == 429


def test_an_unknown_scenario_is_rejected_with_the_nearest_name(emulator: Emulator) -> None:
    response = emulator.post(DOCUMENTED, {"X-Mock-Scenario": "create=rate_limit"})
    assert response.status_code == 400
    assert "did you mean 'rate_limited'?" in response.json()["error"]["message"]


def test_a_scenario_of_another_operation_does_not_affect_create(emulator: Emulator) -> None:
    assert emulator.post(DOCUMENTED, {"X-Mock-Scenario": "query=rate_limited"}).status_code == 200


def test_unknown_fields_and_telemetry_headers_are_ignored(emulator: Emulator) -> None:
    extra = DOCUMENTED | {"aspect_ratio": "16:9", "seed": 3}
    headers = {"X-Evo-Client": "mcp", "X-EvoLink-Anything": "1"}
    assert emulator.post(extra, headers).status_code == 200


def test_the_other_models_of_the_family_are_served(emulator: Emulator) -> None:
    text = emulator.post({"model": "wan2.6-text-to-video", "prompt": "A cat", "aspect_ratio": "9:16", "duration": 2})
    assert text.json()["model"] == "wan2.6-text-to-video"
    assert text.json()["usage"]["credits_reserved"] == 9.52
    image = emulator.post(DOCUMENTED | {"model": "wan2.6-image-to-video", "generate_audio": False})
    assert image.json()["usage"]["credits_reserved"] == 23.8


@pytest.mark.parametrize(
    ("fields", "reserved"),
    [
        ({}, "11.9"),
        ({"quality": "1080p"}, "19.873"),
        ({"generate_audio": False}, "6"),
        ({"generate_audio": False, "duration": 2}, "6"),
        ({"generate_audio": False, "quality": "1080p", "duration": 15}, "29.8095"),
        ({"generate_audio": False, "audio_url": "https://a.example/a.mp3", "duration": 10}, "11.9"),
        ({"duration": None}, "11.9"),
    ],
)
def test_credits_are_reserved_by_the_recorded_prices_with_all_decimals(
    emulator: Emulator, fields: object, reserved: str
) -> None:
    assert isinstance(fields, dict)
    assert f'"credits_reserved":{reserved},' in emulator.post(DOCUMENTED | fields).text


def test_a_second_create_is_a_second_task(emulator: Emulator) -> None:
    assert emulator.create() != emulator.create()
