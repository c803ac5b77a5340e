"""The README's length and images; test_pages.py runs its blocks."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_the_images_are_there() -> None:
    shown = re.findall(r'(?:src|srcset)="([^"]+\.png)"', README)
    assert len(shown) == 2
    for name in shown:
        head = (ROOT / name).read_bytes()[:24]
        assert head.startswith(b"\x89PNG")
        assert (int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")) == (1280, 720)
