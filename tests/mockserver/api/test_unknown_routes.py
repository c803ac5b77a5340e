"""Unknown routes: errors in the API's shape; a 405 names the allowed methods."""

from itertools import product

import pytest

from tests.support.emulator import Emulator

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PATHS = ("/", "/v1", "/v1/", "/v1/tasks", "/v1/tasks/", "/v1/tasks/a/b", "/v2/videos/generations")


# GET / answers the index of the emulator.
@pytest.mark.parametrize(("method", "path"), [pair for pair in product(METHODS, PATHS) if pair != ("GET", "/")])
def test_unknown_routes_get_a_404_in_the_documented_shape(emulator: Emulator, method: str, path: str) -> None:
    response = emulator.request(method, path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()["error"]) == {"code", "message", "type"}


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/v1/videos/generations", "GET", "POST"),
        ("/v1/tasks/task-unified-1-aaaaaaaa", "DELETE", "GET, HEAD"),
        ("/v1/tasks/task-unified-1-aaaaaaaa", "OPTIONS", "GET, HEAD"),
        ("/v1/credits", "POST", "GET, HEAD"),
        ("/openapi.json", "PUT", "GET, HEAD"),
        ("/__mock/clock", "DELETE", "GET, HEAD, POST"),
    ],
)
def test_unsupported_methods_get_a_405_with_allow(emulator: Emulator, path: str, method: str, allowed: str) -> None:
    response = emulator.request(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)
    assert response.json()["error"]["code"] == "method_not_allowed"


def test_the_error_of_an_unknown_control_call_names_the_index(emulator: Emulator) -> None:
    response = emulator.request("GET", "/__mock/nonsense")
    assert response.status_code == 404
    assert "/__mock/" in response.json()["error"]["message"]
    assert "GET /__mock/clock" in "\n".join(emulator.request("GET", "/__mock/").json()["calls"])
