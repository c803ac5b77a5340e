"""Metadata of the distribution: the README as a package index shows it, without links into the project."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE_ELEMENT = re.compile(r"<(picture|p)[^>]*>.*?</\1>\n*", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]*\]\((?!https?://)[^)]*\)\n*")
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?://|#)([^)#]*)[^)]*\)")


def portable(readme: str) -> str:
    """The text with relative images left out, and relative links as the path of the file in the source archive."""
    without_images = _IMAGE.sub("", _PICTURE_ELEMENT.sub("", readme))
    return _LINK.sub(
        lambda link: f"{link[1]} (`{link[2]}`)" if link[1].strip("`") != link[2] else link[1], without_images
    )


class CustomMetadataHook(MetadataHookInterface):
    """Adds the long description."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme`."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": portable(text)}
