"""The timeline page in a real browser, following its own key, and the API of that key."""

from typing import TYPE_CHECKING, Any

import httpx

from tests.support.emulator import DOCUMENTED, bearer
from tests.support.pages.browser import expect
from tests.support.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

DESKTOP: "ViewportSize" = {"width": 1280, "height": 800}
PHONE: "ViewportSize" = {"width": 390, "height": 844}


class Ui:
    """The page, following its own key, and the API of that key."""

    def __init__(self, page: "Page", noticed: list[str], server: Server, key: str) -> None:
        self.page, self.server, self.key = page, server, key
        self.noticed = noticed
        self.client = httpx.Client(base_url=server.url, headers=bearer(key))

    def open(self, fragment: str = "") -> None:
        # The key is set where no script runs: the page itself goes on to change its address and what it remembers.
        self.page.goto(f"{self.server.url}/__mock/ui/style.css")
        self.page.evaluate("key => sessionStorage.setItem('keys', JSON.stringify([key]))", self.key)
        self.noticed.clear()
        self.page.goto(f"{self.server.url}/__mock/ui{fragment}")
        expect(self.page.locator("#connection")).to_have_text("Live")

    def create(self, scenario: str | None = None, **fields: Any) -> str:
        headers = {} if scenario is None else {"x-mock-scenario": scenario}
        answer = self.client.post("/v1/videos/generations", json={**DOCUMENTED, **fields}, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def control(self, path: str, change: object = None) -> Any:
        url = f"/__mock/{path}"
        return (self.client.get(url) if change is None else self.client.post(url, json=change)).json()

    def row(self, task: str) -> Any:
        return self.page.locator(f"#names button[data-task='{task}']")

    def click(self, text: str) -> None:
        self.page.get_by_role("button", name=text, exact=True).click()

    def reset(self) -> None:
        self.click("Reset this world")
        self.click("Reset")


def named(task: str, status: str, prompt: str = DOCUMENTED["prompt"]) -> str:
    """The name of a task's row: the end of its id, its prompt, its status."""
    return f"{task[-8:]} {prompt} {status}"


def serious_violations(page: "Page") -> list[str]:
    """The rules of accessibility that the page breaks seriously, found by axe."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # It has no types.

    # The page's policy allows no script but its own, so the audit runs outside the page.
    violations = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes']}" for each in violations if each["impact"] in ("serious", "critical")]


def overflows(page: "Page") -> list[str]:
    """The elements whose content is wider than they are, unless they scroll or cut it."""
    return list(
        page.evaluate(
            """() => [...document.querySelectorAll('html, body, body *')]
                .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1)
                .filter((each) => each.clientWidth > 0 && getComputedStyle(each).overflowX === 'visible')
                .map((each) => `${each.tagName} ${each.id} ${each.className}`)"""
        )
    )
