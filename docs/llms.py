"""The files llms.txt and llms-full.txt (llmstxt.org): the site as Markdown, listed and whole."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sphinx.application import Sphinx

_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)


def write_llms(app: Sphinx, error: Exception | None) -> None:
    """Write both files and the pages as Markdown beside the HTML pages, at the end of a build."""
    if error is not None or app.builder.format != "html":
        return
    source, out = Path(app.srcdir), Path(app.outdir)
    sections = list(_sections(app.env.toctree_includes))
    pages = [name for section in sections for name in section]
    for name in pages:
        target = out / f"{name}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_text(source, name), encoding="utf-8")
    (out / "llms.txt").write_text(_listing(source, sections), encoding="utf-8")
    whole = "\n\n".join(_text(source, name).strip() for name in ("index", *pages))
    (out / "llms-full.txt").write_text(whole + "\n", encoding="utf-8")


def _sections(contents: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """The pages that each entry of the first page leads to, in the order of the site; itself first."""
    for name in contents.get("index", ()):
        yield list(dict.fromkeys([name, *contents.get(name, ())]))


def _listing(source: Path, sections: Iterable[list[str]]) -> str:
    title, summary = _head(_text(source, "index"))
    parts = [f"# {title}", f"> {summary}"]
    for name, *below in sections:
        rows = []
        for page in below or [name]:
            heading, says = _head(_text(source, page))
            rows.append(f"- [{heading}]({page}.md): {says}")
        parts += [f"## {_head(_text(source, name))[0]}", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def _text(source: Path, name: str) -> str:
    return _COMMENT.sub("", (source / f"{name}.md").read_text(encoding="utf-8"))


def _head(text: str) -> tuple[str, str]:
    """The title of a page, and the first sentence of its first paragraph."""
    title, *paragraphs = (part.strip() for part in re.split(r"\n\s*\n", text.strip()))
    paragraph = next((part for part in paragraphs if not part.startswith(("#", "-", "```"))), "")
    first = re.split(r"(?<=[.?!])\s", " ".join(paragraph.split()))[0]
    return title.removeprefix("# "), f"{first[:-1]}." if first.endswith(":") else first
