"""Each open question of the API is a setting, and each reading of it shows on the wire."""

from collections.abc import Callable
from typing import Any

import pytest

from evolink_contracts.spec.sources import CONFLICTS
from tests.support.emulator import DOCUMENTED, Emulator

FOREIGN = "sk-foreign"


def created(**fields: Any) -> Callable[[Emulator], Any]:
    def probe(emulator: Emulator) -> Any:
        response = emulator.post(DOCUMENTED | fields)
        return response.status_code, response.json().get("error", {}).get("code")

    return probe


def ended(**fields: Any) -> Callable[[Emulator], Any]:
    """Whether create refuses, or the task fails, and with which code."""

    def probe(emulator: Emulator) -> Any:
        response = emulator.post(DOCUMENTED | fields)
        if response.status_code != 200:
            return response.status_code
        emulator.advance("10s")
        return emulator.query(response.json()["id"]).json()["error"]["code"]

    return probe


def preflight(emulator: Emulator) -> Any:
    asks = {"origin": "http://localhost:5173", "access-control-request-method": "GET"}
    return emulator.client.options("/v1/credits", headers=asks).status_code


def cancelled(emulator: Emulator) -> Any:
    task = emulator.create()
    emulator.advance("5s")
    emulator.control(f"tasks/{task}/cancel", {})
    body = emulator.query(task).json()
    return body["status"], body["progress"] > 0


def running(field: str) -> Callable[[Emulator], Any]:
    def probe(emulator: Emulator) -> Any:
        task = emulator.create()
        emulator.advance("5s")
        body = emulator.query(task).json()
        return body.get(field, "absent")

    return probe


def near_its_end(emulator: Emulator) -> Any:
    task = emulator.create()
    emulator.advance("9.99s")
    return emulator.query(task).json()["progress"]


def fetched_by_urllib(emulator: Emulator) -> Any:
    task = emulator.create()
    emulator.advance("10s")
    link = emulator.query(task).json()["results"][0]
    return emulator.client.get(link, headers={"user-agent": "Python-urllib/3.11"}).status_code


def delete(emulator: Emulator) -> Any:
    return emulator.request("DELETE", f"/v1/tasks/{emulator.create()}").status_code


def unknown_route(emulator: Emulator) -> Any:
    return emulator.request("GET", "/v9").json()["error"]["code"]


def shown_duration(emulator: Emulator) -> Any:
    return emulator.control(f"tasks/{emulator.create(duration=None)}")["plan"]["video_seconds"]


def foreign(emulator: Emulator) -> Any:
    return emulator.query(emulator.as_key(FOREIGN).create()).status_code


def stranger(emulator: Emulator) -> Any:
    return emulator.client.get("/v1/tasks/nonsense").status_code


def missing_key_at_create(emulator: Emulator) -> Any:
    return emulator.client.post("/v1/videos/generations", json={}).json()["error"]["message"]


def read_without_credits(emulator: Emulator) -> Any:
    return emulator.query(emulator.create()).status_code


def missing_credits(emulator: Emulator) -> Any:
    return list(emulator.post(DOCUMENTED).json()["error"])[3:]


def oversize(emulator: Emulator) -> Any:
    return emulator.post({"x": "x" * 2_000_000}).status_code


def after_a_minute(emulator: Emulator) -> Any:
    task = emulator.create()
    emulator.advance("60s")
    return emulator.query(task).status_code


def billed(emulator: Emulator) -> Any:
    return emulator.post(DOCUMENTED).json()["usage"]["billing_rule"]


def completed_keys(emulator: Emulator) -> tuple[int, bool]:
    task = emulator.create()
    emulator.advance("10s")
    body = emulator.query(task).json()
    return len(body), "result_data" in body


PROBES: dict[str, tuple[Callable[[Emulator], Any], dict[Any, Any]]] = {
    "cancelled_as": (cancelled, {"failed": ("failed", False), "cancelled": ("cancelled", False)}),
    "cancel_route": (delete, {False: 405, True: 200}),
    "not_found_code": (unknown_route, {"not_found": "not_found", "no_route": "no_route"}),
    "invalid_code": (
        created(duration=99),
        {"invalid_request": (400, "invalid_request"), "invalid_parameter": (400, "invalid_parameter")},
    ),
    "unknown_model": (
        created(model="x"),
        {"model_access_denied": (403, "model_access_denied"), "no_available_channel": (400, "no_available_channel")},
    ),
    "extra_fields": (created(seed=1), {"ignore": (200, None), "refuse": (400, "invalid_request")}),
    "default_duration": (shown_duration, {5: 5, 10: 10}),
    "long_prompt": (ended(prompt="x" * 1501), {"refuse": 400, "fail_later": "invalid_parameters"}),
    "image_count": (ended(image_urls=[]), {"refuse": 400, "fail_later": "invalid_parameters"}),
    "bad_image": (
        ended(image_urls=["https://a.example/a.gif"]),
        {"fail_later": "image_processing_error", "refuse": 400},
    ),
    "bad_audio": (
        ended(audio_url="https://a.example/a.wav"),
        {"fail_later": "invalid_parameters", "refuse": 400},
    ),
    "quality_case": (created(quality="720P"), {"exact": (400, "invalid_request"), "ignore": (200, None)}),
    "bad_callback": (
        created(callback_url="http://a.example"),
        {"refuse": (400, "invalid_request"), "skip": (200, None)},
    ),
    "internal_addresses": (
        created(callback_url="https://169.254.169.254/"),
        {"all": (400, "invalid_request"), "listed": (200, None)},
    ),
    "task_usage": (
        running("usage"),
        {
            "omit": "absent",
            "include": {"billing_rule": "per_second", "credits_reserved": 11.9, "user_group": "default"},
        },
    ),
    "body_profile": (completed_keys, {"documented": (9, False), "recorded": (12, True)}),
    "can_cancel": (
        running("task_info"),
        {"until_terminal": {"can_cancel": True}, "until_processing": {"can_cancel": False}},
    ),
    "failed_progress": (cancelled, {"zero": ("failed", False), "reached": ("failed", True)}),
    "progress": (near_its_end, {"linear": 98, "lingers_at_95": 95}),
    "absent_error": (running("error"), {"omit": "absent", "null": None}),
    "absent_results": (running("results"), {"omit": "absent", "null": None, "empty": []}),
    "billing_rule": (billed, {"per_second": "per_second", "per_call": "per_call"}),
    "foreign_task": (foreign, {"permission_denied": 403, "task_not_found": 404}),
    "task_id_check": (stranger, {"after_auth": 401, "before_auth": 400}),
    "unauthorized_message": (
        missing_key_at_create,
        {"by_route": "Invalid or expired token", "by_cause": "Authentication required"},
    ),
    "quota_on_read": (read_without_credits, {"never": 200, "when_empty": 402}),
    "quota_details": (
        missing_credits,
        {"omit": [], "include": ["action_url", "account_balance_credits", "estimated_credits"]},
    ),
    "oversize_status": (oversize, {413: 413, 400: 400}),
    "cors": (preflight, {"any": 204, "off": 405}),
    "user_agent": (fetched_by_urllib, {"any": 200, "strict": 403}),
    "task_retention": (after_a_minute, {7 * 24 * 3600: 200, 60: 404}),
}


def test_every_open_question_has_a_probe_for_every_reading() -> None:
    assert set(PROBES) == set(CONFLICTS)
    for setting, conflict in CONFLICTS.items():
        expected = PROBES[setting][1]
        assert {reading.value for reading in conflict.readings} <= set(expected)
        assert next(iter(expected)) == conflict.default
        assert len(expected) >= 2


@pytest.mark.parametrize(("setting", "reading"), [(name, value) for name in PROBES for value in PROBES[name][1]])
def test_each_reading_changes_the_response(setting: str, reading: Any) -> None:
    probe, expected = PROBES[setting]
    balance = {"balance": 11.8 if setting == "quota_details" else 11.9} if setting.startswith("quota") else {}
    with Emulator.in_process(**{setting: reading}, **balance) as emulator:
        assert probe(emulator) == expected[reading]


def test_a_cancelled_status_is_the_vendors_spelling_and_no_failure_on_delete() -> None:
    with Emulator.in_process(cancel_route=True, cancelled_as="cancelled") as emulator:
        task = emulator.create()
        answer = emulator.request("DELETE", f"/v1/tasks/{task}")
        assert answer.json() == {
            "id": task,
            "object": "task.cancelled",
            "status": "cancelled",
            "message": "Task has been cancelled successfully",
        }
        assert emulator.query(task).json()["status"] == "cancelled"
        assert emulator.request("DELETE", f"/v1/tasks/{task}").status_code == 400
