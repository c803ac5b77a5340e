"""Fixtures of the tests in a browser: one page for each module, and on it the timeline of a key of its own."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.pages.browser import opened_page
from tests.support.pages.timeline_page import DESKTOP, Ui
from tests.support.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def browser_page() -> "Iterator[tuple[Page, list[str]]]":
    with opened_page() as opened:
        yield opened


@pytest.fixture
def ui(server: Server, browser_page: "tuple[Page, list[str]]", request: pytest.FixtureRequest) -> Iterator[Ui]:
    page, noticed = browser_page
    # Nothing of the test before: a page that is open goes on asking for changes.
    page.goto("about:blank")
    page.set_viewport_size(DESKTOP)
    noticed.clear()
    made = Ui(page, noticed, server, f"sk-{abs(hash(request.node.name))}")
    yield made
    made.client.close()
    complaints = [line for line in noticed if not line.startswith(f"asks for {server.url}/__mock/")]
    # The browser logs every refused request too.
    assert [line for line in complaints if "Failed to load resource" not in line] == []
