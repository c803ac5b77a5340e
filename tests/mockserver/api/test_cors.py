"""Pages in a browser: preflights, and the headers by which a page of another origin may read a response."""

import pytest

from tests.support.emulator import DOCUMENTED, Emulator

PAGE = {"origin": "http://localhost:5173"}
ASKS = {**PAGE, "access-control-request-method": "POST", "access-control-request-headers": "authorization,x-own"}
PATHS = (
    *("/v1/videos/generations", "/v1/tasks/task-unified-1-a", "/v1/tasks/batch", "/v1/credits"),
    *("/v1/images/generations", "/openapi.json"),
    *("/api/v1/files/upload/base64", "/api/v1/files/upload/stream", "/api/v1/files/upload/url", "/api/v1/files/list"),
)
OPEN = "access-control-allow-origin"


@pytest.mark.parametrize("path", PATHS)
def test_a_preflight_is_answered_without_a_key(emulator: Emulator, path: str) -> None:
    answer = emulator.client.options(path, headers=ASKS)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers[OPEN] == "*"
    assert answer.headers["access-control-allow-headers"] == "authorization,x-own"
    assert set(answer.headers["access-control-allow-methods"].split(", ")) & {"GET", "POST"}


def test_the_methods_are_those_of_the_route(emulator: Emulator) -> None:
    answer = emulator.client.options("/v1/videos/generations", headers=ASKS)
    assert answer.headers["access-control-allow-methods"] == "POST"


def test_pages_may_read_every_response_and_its_headers(emulator: Emulator) -> None:
    created, refused = emulator.post(DOCUMENTED, PAGE), emulator.post({}, PAGE)
    unknown = emulator.request("GET", "/v1/unknown", PAGE)
    without_key = emulator.client.get("/v1/credits", headers=PAGE)
    assert [each.status_code for each in (created, refused, unknown, without_key)] == [200, 400, 404, 401]
    for each in (created, refused, unknown, without_key):
        assert each.headers[OPEN] == "*"
        assert "retry-after" in each.headers["access-control-expose-headers"]


def test_a_response_has_each_header_once(emulator: Emulator) -> None:
    task = emulator.create()
    emulator.advance("10s")
    link = emulator.query(task).json()["results"][0]
    answer = emulator.client.get(link, headers=PAGE)
    assert answer.headers.get_list(OPEN) == ["*"]


def test_other_clients_see_nothing_of_it(emulator: Emulator) -> None:
    assert not [name for name in emulator.post(DOCUMENTED).headers if name.startswith("access-control")]
    # Without an origin it is no preflight.
    assert emulator.client.options("/v1/videos/generations").status_code == 405


def test_a_preflight_that_asks_for_no_headers(emulator: Emulator) -> None:
    asks = {**PAGE, "access-control-request-method": "GET"}
    answer = emulator.client.options("/v1/credits", headers=asks)
    assert answer.status_code == 204
    assert "access-control-allow-headers" not in answer.headers


def test_it_can_be_switched_off() -> None:
    with Emulator.in_process(cors="off") as emulator:
        assert emulator.client.options("/v1/videos/generations", headers=ASKS).status_code == 405
        assert OPEN not in emulator.post(DOCUMENTED, PAGE).headers


@pytest.mark.parametrize("path", ["/__mock/clock", "/__mock/tasks", "/__mock/reset"])
def test_the_control_api_stays_closed(emulator: Emulator, path: str) -> None:
    answer = emulator.client.options(path, headers=ASKS)
    assert answer.status_code == 403
    assert OPEN not in answer.headers


def test_the_batch_route_is_unknown_until_it_is_served(emulator: Emulator) -> None:
    answer = emulator.request("POST", "/v1/tasks/batch", json={"task_ids": ["task-unified-1-a"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert emulator.request("GET", "/v1/tasks/batch").status_code == 400
