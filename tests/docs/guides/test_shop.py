"""The two versions of the shop in the guide about repeated callbacks: both respond alike, and differ in effect."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest
from werkzeug.serving import make_server

from evolink_contracts.runs.receiver_promises import completed
from tests.support.kit_command import kit
from tests.support.pages.markdown_pages import read_blocks

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "webhook-twice.md"
BUGGY, FIXED = (block.text for block in read_blocks(GUIDE, GUIDE.name) if block.file == "app.py")


def shop(text: str) -> Any:
    """A Flask application, as importing its file makes it."""
    module = ModuleType("app")
    exec(compile(text, "app.py", "exec"), module.__dict__)
    return module.app


@contextmanager
def served(app: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/callback/anna"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("text", [BUGGY, FIXED], ids=["buggy", "fixed"])
def test_both_versions_keep_every_promise_of_a_receiver(text: str) -> None:
    with served(shop(text)) as target:
        ran = kit("receiver", "--target", target)
    assert ran.stdout.splitlines()[-1] == "15 promises passed, 0 failed"
    assert ran.returncode == 0


@pytest.mark.parametrize(("text", "points"), [(BUGGY, 20), (FIXED, 10)], ids=["buggy", "fixed"])
def test_a_callback_that_arrives_twice_has_the_effect_that_the_page_says(text: str, points: int) -> None:
    client = shop(text).test_client()
    callback = completed("task-unified-1757169743-drwvxh4o")
    assert [client.post("/callback/anna", json=callback).status_code for _ in range(2)] == [204, 204]
    assert client.get("/points/anna").json == {"points": points}


@pytest.mark.parametrize("body", [None, [], {}, "completed", {"id": None}, {"id": ["a"], "status": "completed"}])
@pytest.mark.parametrize("text", [BUGGY, FIXED], ids=["buggy", "fixed"])
def test_what_is_no_callback_is_refused_and_has_no_effect(text: str, body: Any) -> None:
    client = shop(text).test_client()
    assert client.post("/callback/anna", data=json.dumps(body), content_type="application/json").status_code == 400
    assert client.get("/points/anna").json == {"points": 0}
