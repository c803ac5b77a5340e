"""The start page in a real browser: readable at both widths and in both schemes, and its links lead on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.pages.browser import SCHEMES, expect
from tests.support.pages.timeline_page import DESKTOP, PHONE, overflows, serious_violations
from tests.support.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--clock", "manual", "--public-url", f"http://{'long-name.' * 20}example.com") as server:
        yield server


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_fits_and_is_accessible(
    browser_page: "tuple[Page, list[str]]", server: Server, size: Any, scheme: Any
) -> None:
    page, noticed = browser_page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    own = f"http://127.0.0.1:{server.address[1]}"
    noticed.clear()
    page.goto(f"{own}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("EvoLink emulator")
    assert overflows(page) == []
    assert serious_violations(page) == []
    # No request leaves the emulator, and nothing violates the content policy.
    assert [line for line in noticed if not line.startswith(f"asks for {own}/")] == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


def test_its_links_lead_to_the_timeline_and_to_the_documents(
    browser_page: "tuple[Page, list[str]]", server: Server
) -> None:
    page, _ = browser_page
    start = f"http://127.0.0.1:{server.address[1]}/"
    for name, text in (("Timeline", "No task yet"), ("OpenAPI document", '"openapi"'), ("Fidelity", '"basis"')):
        page.goto(start)
        page.get_by_role("link", name=name).click()
        expect(page.locator("body")).to_contain_text(text)
    page.goto(start)
    page.get_by_role("link", name="Timeline").click()
    page.get_by_role("link", name="Start page").click()
    expect(page).to_have_url(start)
