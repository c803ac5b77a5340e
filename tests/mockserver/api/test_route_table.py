"""Route table: the lookup finds what starlette's routes find."""

import pytest
from starlette.routing import Match

from evolink_mock import create_app
from evolink_mock.api.route_table import RouteRow, RouteTable
from tests.support.emulator import settings

PATHS = [
    "/v1/credits",
    "/v1/tasks/task-unified-1-a",
    "/v1/videos/generations",
    "/openapi.json",
    "/api/v1/files/list",
    "/api/v1/files/quota",
    "/api/v1/files/file_1",
    "/api/v1/files/download/file_1",
    "/api/v1/files/upload/url",
]
UNUSUAL = ["/", "", "/v1/tasks/", "/v1/tasks/a/b", "/v1", "/media/a/b.mp4", "/files/a/b/c/d.png", "/v1/credits/", "//"]


@pytest.mark.parametrize("path", [*PATHS, *UNUSUAL])
def test_the_lookup_agrees_with_the_patterns(path: str) -> None:
    table = create_app(settings()).table
    found = table.lookup(path)
    assert (found is not None) == (path in PATHS)
    if found is not None:
        scope = {"type": "http", "path": path, "method": "GET", "root_path": ""}
        matches = (route.matches(scope) for route in table.routes())
        matched = next(child for match, child in matches if match is not Match.NONE)
        assert found == (matched["endpoint"], matched["path_params"])


def test_a_fixed_path_goes_before_an_id() -> None:
    async def fixed(*asgi: object) -> None: ...
    async def named(*asgi: object) -> None: ...

    table = RouteTable([RouteRow("/a/{id}", named), RouteRow("/a/list", fixed), RouteRow("/b/{x}/{y}", named)])
    assert table.lookup("/a/list") == (fixed, {})
    assert table.lookup("/a/1") == (named, {"id": "1"})
    assert table.lookup("/b/1/2") is None
    assert [route.path for route in table.routes()] == ["/a/{id}", "/a/list", "/b/{x}/{y}"]
