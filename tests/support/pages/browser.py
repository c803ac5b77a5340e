"""A real browser without a window: Debian's Chromium, or whichever is found; `make test-all` insists on one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCHEMES = ("light", "dark")
"""The colour schemes of a page."""
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# A browser that calls nobody: neither for updates nor for experiments.
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable() -> str:
    """Where a browser is; skips the test where there is none, unless one is required."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None and os.environ.get("DEVKIT_BROWSER") == "required":
        pytest.fail("no browser was found; .ci/run installs chromium, or apt-get install chromium")
    return found or pytest.skip("no browser was found; apt-get install chromium gives one")


def expect(shown: Any) -> Any:
    """Playwright's, which is imported where it is needed: most processes that collect the tests run none of these."""
    from playwright.sync_api import expect

    return expect(shown)


@contextmanager
def opened_page() -> "Iterator[tuple[Page, list[str]]]":
    """An empty page, and whatever it asks for or complains of from then on."""
    from playwright.sync_api import sync_playwright

    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_QUIET)
        page = browser.new_page()
        noticed: list[str] = []
        page.on("request", lambda request: noticed.append(f"asks for {request.url}"))
        page.on("console", lambda message: noticed.append(f"says {message.text}"))
        page.on("pageerror", lambda error: noticed.append(f"fails with {error}"))
        page.on("dialog", lambda dialog: noticed.append(f"shows {dialog.message}"))
        yield page, noticed
        browser.close()
