"""Rows of the timeline page: names that differ, a complete legend, and no text that breaks the layout."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.pages.browser import SCHEMES, expect
from tests.support.pages.timeline_page import DESKTOP, PHONE, Ui, named, overflows
from tests.support.server_process import Server

pytestmark = pytest.mark.slow

LONG = "word" * 370
PROMPTS = {
    "A cat playing piano": "A cat playing piano",
    "long " * 290: "long " * 24 + "…",
    LONG: LONG[:120] + "…",
    "חתול מנגן בפסנתר, בבקשה, לאט": "חתול מנגן בפסנתר, בבקשה, לאט",
    "\u202eevil": "\u202eevil",
    "👩‍👩‍👧‍👦🎹🐈‍⬛": "👩‍👩‍👧‍👦🎹🐈‍⬛",
    "two\n\tlines": "two lines",
    "<b>bold</b>": "<b>bold</b>",
    "": "(no prompt)",
    " \n": "(no prompt)",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--clock", "manual", "--set", "cancel_route=true", "--set", "cancelled_as=cancelled") as server:
        yield server


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_row_is_named_by_the_end_of_its_id_and_its_prompt(ui: Ui, size: Any) -> None:
    ui.page.set_viewport_size(size)
    made = {ui.create(prompt=prompt): shown for prompt, shown in PROMPTS.items()}
    ui.open()
    left = ui.page.locator("#rows").evaluate("box => box.getBoundingClientRect().x")
    for task, shown in made.items():
        row = ui.row(task)
        expect(row).to_have_text(named(task, "pending", shown))
        assert row.get_attribute("title").startswith(f"{task}, pending")
        # The id is whole, and the prompt is cut where the bars begin.
        end, prompt = row.locator(".end").bounding_box(), row.locator(".prompt").bounding_box()
        assert end["x"] >= left
        assert end["x"] + end["width"] <= prompt["x"]
        assert prompt["x"] + prompt["width"] <= left + min(272, size["width"] * 0.45)
        assert prompt["height"] <= row.bounding_box()["height"]
    assert ui.page.locator("#names b").count() == 0
    assert overflows(ui.page) == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_long_words_break_no_layout(ui: Ui, size: Any) -> None:
    ui.page.set_viewport_size(size)
    path = "a" * 1990
    task = ui.create(
        prompt=LONG,
        image_urls=[f"https://example.com/{path}.png"],
        callback_url=f"https://sink.mock/404?{path}",
    )
    ui.control("clock", {"advance": "60s"})
    ui.client.get(f"/v1/tasks/{task}")
    ui.open(f"#task={task}")
    expect(ui.page.locator("#detail")).to_contain_text("Queries (1)")
    assert overflows(ui.page) == []
    ui.click("Replay callback 1")
    expect(ui.page.locator("#detail")).to_contain_text("Callback 2")
    if size is PHONE:
        ui.click("← Back to the tasks")
    ui.page.get_by_label("Scenario for the next task").fill("x" * 2000)
    ui.click("Queue")
    expect(ui.page.locator("#call")).to_contain_text("# scenario must be text of at most 500 characters; got")
    assert overflows(ui.page) == []


_DRAWN = """async () => {
    const pen = CanvasRenderingContext2D.prototype, kept = {}, colours = {};
    for (const name of ['fillRect', 'fill']) {
        kept[name] = pen[name];
        pen[name] = function (...given) {
            const strength = this.globalAlpha < 1 ? 'pale' : 'full';
            if (this.canvas.id === 'canvas') colours[`${this.fillStyle} ${strength}`] = name;
            return kept[name].apply(this, given);
        };
    }
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    Object.assign(pen, kept);
    return Object.keys(colours);
}"""
_LEGEND = """all => all.map((each) => {
    const style = getComputedStyle(each, '::before');
    return [each.textContent, style.backgroundColor, style.opacity < 1 ? 'pale' : 'full'];
})"""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_legend_explains_everything_that_is_drawn(ui: Ui, scheme: Any) -> None:
    ui.page.emulate_media(color_scheme=scheme)
    ui.create(callback_url="https://sink.mock/500,200")
    ui.create("fail=service_error")
    cancelled = ui.create()
    ui.client.delete(f"/v1/tasks/{cancelled}")
    ui.control("clock", {"advance": "12s"})
    running = ui.create()
    ui.control("clock", {"advance": "2s"})
    ui.client.get(f"/v1/tasks/{running}")
    ui.create()
    ui.open()
    expect(ui.page.locator("#count")).to_have_text("5 of 5 tasks")
    drawn = set(ui.page.evaluate(_DRAWN))
    legend = ui.page.locator("#legend li").evaluate_all(_LEGEND)
    explained = {f"{_hex(colour)} {strength}": text for text, colour, strength in legend}
    pale = _hex(legend[0][1]) + " pale"  # What is planned is pale, whether it will be pending or processing.
    assert drawn - {pale} <= explained.keys()
    assert explained.keys() - drawn == set()
    assert [text for text, *_ in legend] == [
        *("pending", "processing", "planned, not reached yet", "completed", "failed", "cancelled", "query"),
        *("callback answered with 2xx", "callback without a 2xx", "wait for the next attempt", "now"),
        "time of the axis, UTC",
    ]


def _hex(colour: str) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", colour)[:3])


def test_the_search_finds_words_of_the_prompt(ui: Ui) -> None:
    found, other = ui.create(prompt="A Dog barks"), ui.create()
    ui.open()
    ui.page.get_by_label("Search").fill("dog")
    expect(ui.row(found)).to_be_visible()
    expect(ui.row(other)).to_have_count(0)


def test_a_click_on_the_bars_of_a_row_chooses_its_task(ui: Ui) -> None:
    task = ui.create()
    ui.open()
    box = ui.row(task).bounding_box()
    ui.page.mouse.click(box["x"] + box["width"] - 40, box["y"] + box["height"] / 2)
    expect(ui.page.locator("#detail h2").first).to_have_text(task)


def test_what_is_written_about_the_keyboard_is_what_it_does(ui: Ui) -> None:
    first, second = ui.create(), ui.create()
    ui.open()
    expect(ui.page.locator("#count")).to_have_text("2 of 2 tasks")
    rows = ui.page.get_by_role("group", name="Tasks, newest first")
    expect(rows.locator("button")).to_have_count(2)
    expect(rows).to_have_attribute("aria-describedby", "keyboard")
    expect(ui.page.locator("#keyboard")).to_have_text(
        "Arrow keys move between tasks; Enter shows the explanation of one."
    )
    order = rows.locator("button").evaluate_all("all => all.map((each) => each.dataset.task)")
    assert sorted(order) == sorted([first, second])
    ui.row(order[0]).focus()
    ui.page.keyboard.press("ArrowDown")
    expect(ui.row(order[1])).to_be_focused()
    expect(ui.page.locator("#detail h2").first).to_have_text("No task chosen")
    ui.page.keyboard.press("Enter")
    expect(ui.page.locator("#detail h2").first).to_have_text(order[1])
    expect(ui.row(order[1])).to_be_focused()


def test_a_reset_asks_first(ui: Ui) -> None:
    task = ui.create()
    ui.open(f"#task={task}")
    expect(ui.page.locator("#detail h2").first).to_have_text(task)
    question = ui.page.get_by_role("dialog", name="Reset this world?")
    reset = ui.page.get_by_role("button", name="Reset this world")
    for press in ("Escape", "Enter"):  # The focus is on Cancel.
        reset.focus()
        ui.page.keyboard.press("Enter")
        expect(question).to_be_visible()
        expect(question).to_contain_text("its 1 task")
        expect(ui.page.get_by_role("button", name="Cancel", exact=True)).to_be_focused()
        ui.page.keyboard.press(press)
        expect(question).to_be_hidden()
        expect(reset).to_be_focused()
    expect(ui.row(task)).to_be_visible()
    assert ui.control("tasks")["tasks"] != []
    reset.click()
    ui.page.keyboard.press("Tab")
    ui.page.keyboard.press("Enter")
    expect(ui.page.locator("#call")).to_contain_text("""-d '{"reset":true}'""")
    expect(ui.page.locator("#empty")).to_be_visible()
    assert ui.control("tasks")["tasks"] == []


def test_after_a_reset_no_task_is_chosen_and_nothing_has_failed(ui: Ui) -> None:
    task = ui.create()
    ui.open(f"#task={task}")
    expect(ui.page.locator("#detail h2").first).to_have_text(task)
    ui.reset()
    expect(ui.page.locator("#detail h2").first).to_have_text("No task chosen")
    assert ui.page.get_by_role("alert").count() == 0
    assert "task=" not in ui.page.url
    again = ui.create()
    ui.row(again).click()
    expect(ui.page.locator("#detail h2").first).to_have_text(again)


def test_a_link_to_a_task_that_is_gone_says_so(ui: Ui) -> None:
    ui.open("#task=task-unified-1-aaaaaaaa")
    expect(ui.page.locator("#detail")).to_contain_text("No such task in this world")
    expect(ui.page.locator("#detail")).to_contain_text("task-unified-1-aaaaaaaa")
