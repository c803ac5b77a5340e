"""The guide about the timeline names every control and every mark of the page, with the colours that it has."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "how-to" / "timeline.md").read_text(encoding="utf-8")
PAGE = ROOT / "mockserver" / "evolink_mock" / "control" / "ui"
HTML = (PAGE / "index.html").read_text(encoding="utf-8")
DETAIL = (PAGE / "detail.js").read_text(encoding="utf-8")
CONTROLS = {
    *re.findall(r"<button[^>]*>([^<]+)</button>", re.sub(r"<dialog.*</dialog>", "", HTML, flags=re.DOTALL)),
    *re.findall(r"<label[^>]*>(.+?) <", HTML),
    *(text.strip() for text in re.findall(r"button\([\"`]([^\"`$]+)", DETAIL)),
}
PARTS = {text.strip() for text in re.findall(r"element\(\"h2\", \{\}, [\"`]([^\"`$(]+)", DETAIL)}
LEGEND = dict(re.findall(r'<li class="(\w+)">([^<]+)</li>', HTML))
HUES = {
    "pending": "grey",
    "processing": "blue",
    "completed": "green",
    "failed": "red",
    "cancelled": "brown",
    "wait": "amber",
    "accent": "blue",
    "line": "light grey",
}
COLOURS = {"delivered": "completed", "refused": "failed", "now": "accent", "hour": "line"}
"""Marks of the legend that have the colour of another name in the style sheet."""


def hue(colour: str) -> str:
    """A rough name of a colour of the light scheme."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    if max(red, green, blue) - min(red, green, blue) < 20:
        return "light grey" if red > 200 else "grey"
    if blue == max(red, green, blue):
        return "blue"
    if green == max(red, green, blue):
        return "green"
    if green < red / 2:
        return "red"
    return "amber" if red > 150 else "brown"


@pytest.mark.parametrize("name", sorted(CONTROLS | PARTS))
def test_every_control_and_every_part_of_an_explanation_is_named(name: str) -> None:
    assert name in GUIDE


def test_the_controls_of_the_page_are_found() -> None:
    assert {"Follow", "To next event", "Cancel this task", "Replay callback", "API key", "Advance by"} <= CONTROLS
    assert {"Explanation", "Queries", "Callback", "Get these details"} <= PARTS


@pytest.mark.parametrize("text", LEGEND.values())
def test_every_mark_of_the_legend_has_a_row(text: str) -> None:
    assert re.search(rf"^\|.*\| {re.escape(text.split(',')[0])}\b.*\|$", GUIDE, re.MULTILINE), text


def test_the_colours_are_those_of_the_style_sheet() -> None:
    light = (PAGE / "theme.css").read_text(encoding="utf-8").partition("@media")[0]
    used = {name: hue(value) for name, value in re.findall(r"--(\w+): (#\w{6})", light) if name in HUES}
    assert used == HUES
    for mark, text in LEGEND.items():
        if (name := COLOURS.get(mark, mark)) in HUES:
            assert re.search(rf"\| {HUES[name]}\b[^|]*\| {re.escape(text.split(',')[0])}", GUIDE), text
