"""Sphinx configuration of the site: MyST pages, the furo theme, tables of contents from the pages' own lists."""

import re
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

project = "EvoLink devkit"
author = "EvoLink devkit maintainers"
release = version = version_of("evolink-devkit")

extensions = ["myst_parser"]
exclude_patterns = ["render"]
html_theme = "furo"
html_favicon = "icon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_title = f"{project} {release}"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
myst_heading_anchors = 4
# Options such as --clock are meant as they are written.
smartquotes = False

_HERE = Path(__file__).parent
_OUTSIDE = re.compile(r"\]\(((?:\.\./)+[\w./-]+)(?:#[\w-]*)?\)")
_LINK = re.compile(r"\]\(([\w./-]+)\.md(?:#[\w-]*)?\)")


def _listed(folder: Path, text: str) -> list[str]:
    """The pages below a folder that a text links to, in order, as Sphinx names them."""
    linked = [target for target in _LINK.findall(text) if not target.startswith("..")]
    return [target for target in dict.fromkeys(linked) if (folder / f"{target}.md").is_file()]


def _add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """Give each index page a table of contents: the pages that it lists, and then the others of its folder.

    Written into the page, it would be shown as code by a browser of the repository.
    """
    if docname.rpartition("/")[2] != "index" or "{toctree}" in source[0]:
        return
    folder = (_HERE / docname).parent
    beside = sorted(file.stem for file in folder.glob("*.md") if file.stem != "index")
    entries = dict.fromkeys([*_listed(folder, source[0]), *beside])
    source[0] += "\n\n```{toctree}\n:hidden:\n\n" + "\n".join(entries) + "\n```\n"


def _offer_files(app: Sphinx, docname: str, source: list[str]) -> None:
    """Make a link to a file of the project that is no page of the site a download of that file."""
    folder = (_HERE / docname).parent

    def offered(link: re.Match[str]) -> str:
        file = (folder / link[1]).resolve()
        return f"](path:{link[1]})" if file.is_file() and not file.is_relative_to(_HERE) else link[0]

    source[0] = _OUTSIDE.sub(offered, source[0])


def _let_keys_scroll(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Let the keyboard reach what scrolls sideways: code blocks and wide tables."""
    if "body" in context:
        body = context["body"].replace("<pre>", '<pre tabindex="0">')
        context["body"] = re.sub(r'<div class="table-wrapper[^"]*"', r'\g<0> tabindex="0"', body)


def setup(app: Sphinx) -> None:
    """Connect the handlers of this file."""
    from docs.llms import write_llms

    app.connect("source-read", _add_contents)
    app.connect("source-read", _offer_files)
    app.connect("html-page-context", _let_keys_scroll, priority=900)
    app.connect("build-finished", write_llms)
