"""GET /v1/credits: the documented body, its older error format, and sums that add up."""

from pathlib import Path

import pytest

from tests.support.emulator import DOCUMENTED, Emulator


def figures(emulator: Emulator) -> tuple[float, float, bool]:
    data = emulator.request("GET", "/v1/credits").json()["data"]
    assert data["user"] == {key: data["token"][key] for key in ("remaining_credits", "used_credits")}
    return data["token"]["remaining_credits"], data["token"]["used_credits"], data["token"]["unlimited_credits"]


def test_the_body_is_the_documented_one() -> None:
    with Emulator.in_process(balance=100.0) as emulator:
        body = emulator.request("GET", "/v1/credits").json()
    assert body == {
        "data": {
            "token": {"remaining_credits": 100, "unlimited_credits": False, "used_credits": 0},
            "user": {"remaining_credits": 100, "used_credits": 0},
        },
        "message": "",
        "success": True,
    }


def test_a_task_is_charged_in_advance_settled_on_success_and_refunded_on_failure() -> None:
    with Emulator.in_process(balance=30.0) as emulator:
        emulator.create()
        emulator.create("fail=service_error")
        assert figures(emulator) == (6.2, 23.8, False)
        assert emulator.post(DOCUMENTED).status_code == 402
        emulator.advance("10s")
        assert figures(emulator) == (18.1, 11.9, False)
        assert emulator.post(DOCUMENTED).status_code == 200


def test_a_refund_that_is_due_counts_before_the_next_task_is_rejected() -> None:
    with Emulator.in_process(balance=11.9) as emulator:
        emulator.create("fail=service_error")
        emulator.advance("10s")
        assert emulator.post(DOCUMENTED).status_code == 200


def test_without_a_balance_credits_are_unlimited_and_counted_all_the_same(emulator: Emulator) -> None:
    emulator.create()
    _, used, unlimited = figures(emulator)
    assert (used, unlimited) == (11.9, True)


@pytest.mark.parametrize(
    ("condition", "status", "text"),
    [
        ("unauthorized", 401, '{"code":401,"message":"Invalid or expired token","type":"authentication_error"}'),
        ("permission_denied", 403, '{"code":403,"message":"Access denied","type":"permission_error"}'),
        (
            "rate_limited",
            429,
            '{"code":429,"message":"Rate limit exceeded","type":"rate_limit_error",'
            '"fallback_suggestion":"retry after 60 seconds"}',
        ),
    ],
)
def test_errors_have_the_older_format(emulator: Emulator, condition: str, status: int, text: str) -> None:
    response = emulator.request("GET", "/v1/credits", {"X-Mock-Scenario": f"credits={condition}"})
    assert (response.status_code, response.text) == (status, f'{{"error":{text}}}')


def test_the_error_of_a_missing_key_has_the_older_format(emulator: Emulator) -> None:
    response = emulator.client.get("/v1/credits")
    assert response.status_code == 401
    assert response.json()["error"]["code"] == 401


def test_credits_can_be_set_topped_up_and_unlimited_again(emulator: Emulator) -> None:
    emulator.create()
    emulator.control("worlds", {"balance": 20})
    assert figures(emulator) == (20, 11.9, False)
    emulator.create()
    assert figures(emulator) == (8.1, 23.8, False)
    assert emulator.post(DOCUMENTED).status_code == 402
    emulator.control("worlds", {"top_up": 10.5})
    assert figures(emulator) == (18.6, 23.8, False)
    emulator.create()
    emulator.control("worlds", {"balance": None})
    assert figures(emulator)[2]
    emulator.control("worlds", {"top_up": 10})
    assert figures(emulator)[2]
    events = [row for row in emulator.control("events")["rows"] if row["event"] == "credits.changed"]
    assert [row["detail"] for row in events] == ["20", "18.6", None, None]


def test_a_reset_restores_the_balance_granted_to_the_key() -> None:
    with Emulator.in_process(balance=100.0) as emulator:
        emulator.control("worlds", {"balance": 20})
        emulator.control("worlds", {"reset": True})
        assert figures(emulator) == (100, 0, False)
        emulator.control("worlds", {"reset": True, "top_up": 5})
        assert figures(emulator) == (105, 0, False)


@pytest.mark.parametrize("change", [{"top_up": -1}, {"balance": -0.5}, {"balance": 1e10}, {"top_up": "5"}, {}])
def test_malformed_amounts_are_rejected(emulator: Emulator, change: dict[str, object]) -> None:
    refused = emulator.request("POST", "/__mock/worlds", json=change)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_body")


def test_credits_that_were_set_outlive_the_process(tmp_path: Path) -> None:
    with Emulator.in_process(balance=100.0, state=str(tmp_path)) as emulator:
        emulator.create()
        emulator.control("worlds", {"balance": 20})
    with Emulator.in_process(balance=50.0, state=str(tmp_path)) as emulator:
        assert figures(emulator) == (20, 11.9, False)
