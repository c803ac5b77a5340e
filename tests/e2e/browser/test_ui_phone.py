"""The timeline page on a phone: a tap shows the explanation at once, and there are ways back."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.pages.browser import SCHEMES, expect
from tests.support.pages.timeline_page import DESKTOP, PHONE, Ui, overflows, serious_violations
from tests.support.server_process import Server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--clock", "manual") as server:
        yield server


def open_with_tasks(ui: Ui) -> str:
    """The page with more tasks than fit on it; the id of one in the middle of those that it shows."""
    for _ in range(30):
        ui.create("stuck=99")
    ui.page.set_viewport_size(PHONE)
    ui.open()
    expect(ui.page.locator("#count")).to_have_text("30 of 30 tasks")
    rows = ui.page.locator("#names button")
    return str(rows.nth(5).get_attribute("data-task"))


def test_a_tap_shows_the_explanation_and_moves_the_focus(ui: Ui) -> None:
    task = open_with_tasks(ui)
    detail = ui.page.locator("#detail")
    expect(detail).to_be_hidden()
    ui.row(task).click()
    expect(detail.locator("h2").first).to_have_text(task)
    expect(detail.locator("h2").first).to_be_in_viewport(ratio=1)
    expect(detail.get_by_role("heading", name="Explanation")).to_be_in_viewport(ratio=1)
    expect(detail).to_be_focused()
    # Nothing behind it can be reached.
    for behind in ("header", "#steer", "#tasks"):
        assert ui.page.locator(behind).evaluate("each => each.inert")
    ui.page.keyboard.press("Tab")
    expect(ui.page.get_by_role("button", name="Back to the tasks")).to_be_focused()
    assert overflows(ui.page) == []


@pytest.mark.parametrize("way", ["button", "Escape", "history"])
def test_there_is_a_way_back_to_the_tasks(ui: Ui, way: str) -> None:
    task = open_with_tasks(ui)
    for _ in range(2):
        ui.row(task).click()
        expect(ui.page.locator("#detail h2").first).to_have_text(task)
        if way == "button":
            ui.click("← Back to the tasks")
        elif way == "Escape":
            ui.page.keyboard.press("Escape")
        else:
            ui.page.go_back()
        expect(ui.page.locator("#detail")).to_be_hidden()
        expect(ui.row(task)).to_be_focused()
        assert "task=" not in ui.page.url
        assert not ui.page.locator("#tasks").evaluate("each => each.inert")


def test_the_way_back_from_a_link_stays_on_the_page(ui: Ui) -> None:
    task = open_with_tasks(ui)
    ui.open(f"#task={task}")
    expect(ui.page.locator("#detail h2").first).to_have_text(task)
    ui.click("← Back to the tasks")
    expect(ui.page.locator("#detail")).to_be_hidden()
    expect(ui.page.locator("#rows")).to_be_visible()
    assert "/__mock/ui" in ui.page.url


def test_an_update_and_a_reset_leave_the_explanation_open(ui: Ui) -> None:
    task = open_with_tasks(ui)
    ui.row(task).click()
    expect(ui.page.locator("#detail h2").first).to_have_text(task)
    ui.client.get(f"/v1/tasks/{task}")
    expect(ui.page.locator("#detail")).to_contain_text("Queries (1)")
    ui.control("worlds", {"reset": True})
    expect(ui.page.locator("#detail h2").first).to_have_text("No task chosen")
    ui.click("← Back to the tasks")
    expect(ui.page.locator("#detail")).to_be_hidden()
    expect(ui.page.locator("#empty")).to_be_visible()


def test_a_wider_window_shows_both(ui: Ui) -> None:
    task = open_with_tasks(ui)
    ui.row(task).click()
    expect(ui.page.locator("#detail h2").first).to_have_text(task)
    ui.page.set_viewport_size(DESKTOP)
    expect(ui.page.locator("#detail h2").first).to_have_text(task)
    expect(ui.row(task)).to_be_visible()
    assert not ui.page.locator("#tasks").evaluate("each => each.inert")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_page_is_accessible_before_and_after_a_tap(ui: Ui, scheme: Any) -> None:
    ui.page.emulate_media(color_scheme=scheme)
    task = open_with_tasks(ui)
    assert serious_violations(ui.page) == []
    # A finger needs more room than a pointer.
    assert ui.row(task).bounding_box()["height"] >= 36
    ui.row(task).click()
    expect(ui.page.locator("#detail h2").first).to_have_text(task)
    assert serious_violations(ui.page) == []
