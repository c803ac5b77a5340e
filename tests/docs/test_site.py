"""The documents as pages: links in a repository browser, and the site that `make docs` builds."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support.pages.browser import opened_page

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *DOCS.rglob("*.md"),
        *(ROOT / folder / "README.md" for folder in ("client", "contracts", "tests/bench")),
    ]
)
WIDTHS = (1280, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SHOWN = ("index", "how-to/callbacks", "reference/settings", "reference/control-api", "reference/python")
PATIENCE = 120.0

_ELEMENT = re.compile(r"<(?:img|source|a)\b[^>]*?(?:src|srcset|href)=\"([^\"]+)\"")


@cache
def tokens_of(page: Path) -> list[Token]:
    def flat(tokens: list[Token]) -> Iterator[Token]:
        for token in tokens:
            yield token
            yield from flat(token.children or [])

    parser = MarkdownIt("commonmark").enable("table")
    return list(flat(parser.parse(page.read_text(encoding="utf-8"))))


def links_of(page: Path) -> Iterator[str]:
    """Every target of a link or an image, of Markdown and of HTML."""
    for token in tokens_of(page):
        if token.type in ("link_open", "image"):
            yield str(token.attrs.get("href") or token.attrs.get("src"))
        elif token.type in ("html_inline", "html_block"):
            yield from _ELEMENT.findall(token.content)


@cache
def anchors_of(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    tokens, found = tokens_of(page), list[str]()
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            text = "".join(each.content for each in tokens[place + 1].children or [])
            found.append(re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-"))
    return frozenset(found)


def is_broken(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists() or not file.is_relative_to(ROOT):
        return True
    return bool(anchor) and anchor not in anchors_of(file)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    relative = [target for target in links_of(page) if not re.match(r"[a-z]+:", target)]
    assert [target for target in relative if is_broken(page, target)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_shows_nothing_from_elsewhere(page: Path) -> None:
    images = [str(token.attrs.get("src")) for token in tokens_of(page) if token.type == "image"]
    assert [source for source in images if re.match(r"[a-z]+:", source)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_begins_with_its_one_title(page: Path) -> None:
    titles = [token for token in tokens_of(page) if token.type == "heading_open" and token.tag == "h1"]
    assert len(titles) == 1


@pytest.mark.parametrize("index", sorted(DOCS.rglob("index.md")), ids=name_of)
def test_an_index_lists_every_page_beside_it(index: Path) -> None:
    listed = {(index.parent / target.partition("#")[0]).resolve() for target in links_of(index)}
    below = {path / "index.md" for path in index.parent.iterdir() if (path / "index.md").is_file()}
    assert {*index.parent.glob("*.md"), *below} - {index} - listed == set()


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    page = ROOT / "docs" / "index.md"
    assert is_broken(page, "nothing.md")
    assert is_broken(page, "reference/settings.md#no-such-setting")
    assert is_broken(page, "../../outside.md")
    assert not is_broken(page, "reference/settings.md#clock")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    out = tmp_path_factory.mktemp("site")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (given,) = re.findall(r"-m sphinx (.*) docs build/docs$", makefile, re.MULTILINE)
    command = [sys.executable, "-m", "sphinx", *given.split(), "docs", str(out)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    return out


@pytest.mark.slow
def test_every_page_of_the_documents_is_in_the_site(site: Path) -> None:
    pages = {path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md")}
    assert {page for page in pages if not (site / page.with_suffix(".html")).is_file()} == set()


@pytest.mark.slow
def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loading = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=\"(?:https?:)?//[^\"]*\"")
    for page in site.rglob("*.html"):
        assert loading.findall(page.read_text(encoding="utf-8")) == [], page
    for style in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import )['\"]?(?:https?:)?//", style.read_text(encoding="utf-8")) == [], style


@pytest.mark.slow
def test_llms_txt_has_the_form_of_llmstxt_org_and_lists_every_page(site: Path) -> None:
    title, summary, *sections = (site / "llms.txt").read_text(encoding="utf-8").strip().split("\n\n")
    assert title == "# EvoLink devkit"
    assert re.fullmatch(r"> .+\.", summary)
    assert sections[::2] == ["## Tutorial", "## How-to guides", "## Reference", "## Explanation"]
    rows = [line for section in sections[1::2] for line in section.splitlines()]
    assert [row for row in rows if not re.fullmatch(r"- \[[^\]]+\]\([\w/-]+\.md\): .+[.?]", row)] == []
    targets = re.findall(r"\]\(([\w/-]+\.md)\)", "\n".join(rows))
    assert all((site / target).is_file() for target in targets)
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if path.name != "index.md"}
    assert sorted(targets) == sorted(pages)
    whole = (site / "llms-full.txt").read_text(encoding="utf-8")
    for page in pages:
        assert (DOCS / page).read_text(encoding="utf-8").strip().splitlines()[-1] in whole


@contextmanager
def served(directory: Path) -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(directory))

        def log_message(self, *given: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def serious(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What axe found that is serious, each with the first element."""
    return [
        (each["id"], each["nodes"][0]["html"][:120])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.slow
def test_the_site_is_readable_and_accessible_in_a_browser_at_both_widths_and_in_both_schemes(site: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    with served(site) as url, opened_page() as (page, noticed):
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                for shown in SHOWN:
                    page.goto(f"{url}/{shown}.html")
                    assert serious(Axe().run(page).response) == [], (shown, width, scheme)
                    assert page.evaluate("document.documentElement.scrollWidth") <= width, (shown, width)
        asked = [each for each in noticed if each.startswith("asks for")]
        assert [each for each in asked if not each.startswith(f"asks for {url}/")] == []
        assert [each for each in noticed if not each.startswith("asks for")] == []
