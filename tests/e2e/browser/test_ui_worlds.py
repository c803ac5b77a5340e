"""Worlds on the timeline page: each is offered with its masked key, and a click chooses one whose key is not known."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.emulator import DOCUMENTED, bearer
from tests.support.pages.browser import SCHEMES, expect
from tests.support.pages.timeline_page import DESKTOP, PHONE, Ui, overflows, serious_violations
from tests.support.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> Iterator[Server]:
    with Server("--clock", "manual") as server:
        yield server


def create(server: Server, key: str, count: int = 1) -> str:
    """Some tasks of a key; the id of the last."""
    for _ in range(count):
        answer = httpx.post(f"{server.url}/v1/videos/generations", json=DOCUMENTED, headers=bearer(key))
    return str(answer.json()["id"])


def world_of(server: Server, key: str) -> str:
    return str(httpx.get(f"{server.url}/__mock/clock", headers=bearer(key)).json()["world"])


def open_with_default_key(page: "Page", server: Server, fragment: str = "") -> None:
    page.goto(f"{server.url}/__mock/ui/style.css")
    page.evaluate("sessionStorage.clear()")
    page.goto(f"{server.url}/__mock/ui{fragment}")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_where_the_key_has_no_task_the_worlds_that_have_some_are_offered(
    ui: Ui, server: Server, size: Any, scheme: Any
) -> None:
    page = ui.page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    create(server, "sk-tour", 5)
    open_with_default_key(page, server)
    empty = page.locator("#empty")
    expect(empty).to_contain_text("No task yet")
    expect(empty.get_by_role("button")).to_have_text("sk…r: 5 tasks")
    # One that gets its first task later is offered too.
    task = create(server, "sk-other-key")
    expect(empty.get_by_role("button", name="sk-o…ey: 1 task")).to_be_visible()
    assert overflows(page) == []
    assert serious_violations(page) == []
    empty.get_by_role("button", name="sk-o…ey: 1 task").click()
    expect(ui.row(task)).to_be_visible()
    expect(empty).to_be_hidden()
    expect(page).to_have_url(f"{server.url}/__mock/ui#world={world_of(server, 'sk-other-key')}")
    chosen = page.locator("#worlds button[aria-pressed=true]")
    expect(chosen).to_have_text("sk-o…ey: 1 task")
    assert serious_violations(page) == []


def test_a_world_chosen_by_a_click_has_all_that_its_key_has(ui: Ui, server: Server) -> None:
    page = ui.page
    task, other = create(server, "sk-tour"), create(server, "sk-local")
    open_with_default_key(page, server)
    expect(ui.row(other)).to_be_visible()
    page.locator("#worlds").get_by_role("button", name="sk…r: 1 task").click()
    ui.row(task).click()
    world = world_of(server, "sk-tour")
    expect(page.locator("#detail h2").first).to_have_text(task)
    expect(page.get_by_label("The details as curl")).to_have_text(
        f"curl -s '{server.url}/__mock/tasks/{task}?world={world}'"
    )
    expect(page).to_have_url(re.compile(f"#task={task}&world={world}$"))
    ui.click("Advance")
    expect(page.locator("#call")).to_have_text(
        f"""curl -s '{server.url}/__mock/clock?world={world}' -d '{{"advance":"10s"}}'"""
    )
    expect(page.locator("#detail")).to_contain_text("completed, 100 %")
    page.reload()
    expect(page.locator("#detail h2").first).to_have_text(task)
    ui.reset()
    expect(page.locator("#empty")).to_contain_text("No task yet")
    left = httpx.get(f"{server.url}/__mock/worlds?all=true").json()["worlds"]
    assert {each["world"]: each["tasks"] for each in left} == {world: 0, world_of(server, "sk-local"): 1}


def test_keys_that_look_alike_are_told_apart(ui: Ui, server: Server) -> None:
    first, second = create(server, "sk-team-one-key"), create(server, "sk-team-two-key")
    open_with_default_key(ui.page, server)
    for key, task in (("sk-team-one-key", first), ("sk-team-two-key", second)):
        name = f"sk-t…key ({world_of(server, key)}): 1 task"
        ui.page.locator("#worlds").get_by_role("button", name=name, exact=True).click()
        expect(ui.row(task)).to_be_visible()


def test_a_key_that_was_entered_is_used_again(ui: Ui, server: Server) -> None:
    task = create(server, "sk-tour")
    open_with_default_key(ui.page, server)
    ui.page.get_by_label("API key").fill("sk-tour")
    ui.click("Follow")
    expect(ui.row(task)).to_be_visible()
    ui.page.get_by_label("API key").fill("sk-local")
    ui.click("Follow")
    expect(ui.page.locator("#empty")).to_be_visible()
    ui.page.locator("#worlds").get_by_role("button", name="sk…r").click()
    expect(ui.row(task)).to_be_visible()
    expect(ui.page.get_by_label("API key")).to_have_value("sk-tour")
    ui.click("Pause")
    expect(ui.page.locator("#call")).to_contain_text('-H "Authorization: Bearer $EVOLINK_API_KEY"')


def test_many_worlds_are_shown_on_demand(ui: Ui, server: Server) -> None:
    for number in range(20):
        create(server, f"sk-worker-{number:02}")
    open_with_default_key(ui.page, server)
    shown = ui.page.locator("#worlds button:visible")
    more = ui.page.locator("#worlds").get_by_role("button", name="All 21 worlds")
    more.click()
    expect(shown).to_have_count(21)
    assert overflows(ui.page) == []
    ui.page.locator("#worlds").get_by_role("button", name="sk-w…07: 1 task").click()
    expect(ui.page.locator("#count")).to_have_text("1 of 1 tasks")


def test_a_refused_key_shows_the_reason_and_the_worlds(browser_page: "tuple[Page, list[str]]") -> None:
    page, _ = browser_page
    page.set_viewport_size(DESKTOP)
    with Server("--keys", "sk-first-key,sk-second-key") as server:
        create(server, "sk-first-key")
        refusal = httpx.get(f"{server.url}/__mock/timeline", headers=bearer()).json()["error"]
        assert refusal["code"] == "key_refused"
        open_with_default_key(page, server)
        expect(page.locator("#connection")).to_have_text(refusal["message"])
        expect(page.locator("#empty")).to_contain_text(refusal["message"])
        page.locator("#offers").get_by_role("button", name="sk-f…ey: 1 task").click()
        expect(page.locator("#connection")).to_have_text("Live")
        expect(page.locator("#count")).to_have_text("1 of 1 tasks")


def test_beyond_loopback_the_page_asks_for_the_token(browser_page: "tuple[Page, list[str]]") -> None:
    page, _ = browser_page
    with Server("--host", "0.0.0.0", environ={"EVOLINK_MOCK_CONTROL_TOKEN": "open sesame"}) as server:
        address = f"http://127.0.0.1:{server.address[1]}"
        httpx.post(f"{address}/v1/videos/generations", json=DOCUMENTED, headers=bearer())
        page.goto(f"{address}/__mock/ui")
        expect(page.locator("#connection")).to_contain_text("X-Mock-Token")
        expect(page.locator("#empty")).to_contain_text("Enter the control token that the emulator printed")
        page.get_by_label("Token").fill("open sesame")
        page.get_by_role("button", name="Follow").click()
        expect(page.locator("#connection")).to_have_text("Live")
        expect(page.locator("#count")).to_have_text("1 of 1 tasks")
        assert "open sesame" not in page.content()
