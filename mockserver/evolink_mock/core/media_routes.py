"""Routes of input files: from the origin of a URL to the directory or server that the user names."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

from evolink_mock.core.callback_routes import parse_destination

_URL = re.compile(r"(https?)://([^/?#@]+)([^#]*)(?:#.*)?", re.IGNORECASE | re.ASCII | re.DOTALL)
_USUAL = {"http": ":80", "https": ":443"}


class FromFile(NamedTuple):
    """A file below a directory that the user named."""

    home: Path
    path: str


class FromServer(NamedTuple):
    """A URL at a server that the user named; `authority` is the value of `Host`."""

    place: str
    target: str
    authority: str


class FromPublic(NamedTuple):
    """The URL itself, if it leads to the public internet."""

    url: str


MediaSource: TypeAlias = FromFile | FromServer | FromPublic


class MediaRoutes(NamedTuple):
    """Routes by origin, to a directory or a server; `public` lets all other files be fetched from the Internet."""

    routes: Mapping[str, str]
    public: bool = False

    def source(self, url: str) -> MediaSource | None:
        """The source of a URL's file, or `None` where the file is checked by its name alone."""
        found = _URL.fullmatch(url)
        if found is None:
            return None
        scheme, authority, target = found.groups()
        try:
            origin = parse_media_origin(f"{scheme}://{authority}")
        except ValueError:
            return None
        destination = self.routes.get(origin)
        if destination is None:
            return FromPublic(f"{scheme.lower()}://{authority}{target}") if self.public else None
        if "://" in destination:
            target = target if target.startswith("/") else f"/{target}"
            return FromServer(destination, target, origin.partition("://")[2])
        return FromFile(Path(destination), unquote(target.partition("?")[0]))


def parse_media_origin(text: str) -> str:
    """The left side of a route: `https://cdn.example.com`, in one spelling. Raises `ValueError`."""
    origin = parse_destination(text)
    return origin.removesuffix(_USUAL[origin.partition(":")[0]])


def parse_media_destination(text: str) -> str:
    """The right side: a directory that is there, or `http://HOST:PORT`. Raises `ValueError`."""
    if "://" in text:
        return parse_destination(text)
    home = Path(text).expanduser()
    if not home.is_dir():
        raise ValueError(f"{text[:200]!r} is neither an existing directory nor a URL such as http://127.0.0.1:9000")
    return str(home.resolve())
