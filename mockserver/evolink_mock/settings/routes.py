"""Routes of callbacks and of input files: every mistake in a table of them, each at its entry."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from evolink_mock.core.callback_routes import parse_destination, parse_origin
from evolink_mock.core.media_routes import parse_media_destination, parse_media_origin
from evolink_mock.form_errors import short_repr
from evolink_mock.scenarios.toml_lines import TomlPath
from evolink_mock.settings.mistakes import KeyMistakes

_Parsers: TypeAlias = tuple[Callable[[str], str], Callable[[str], str]]

ROUTES: Mapping[str, _Parsers] = {
    "callback_route": (parse_origin, parse_destination),
    "media_route": (parse_media_origin, parse_media_destination),
}
"""Settings that are routes, with the parsers of an origin and of its destination."""


def check_each_route(name: str, routes: Mapping[str, str], given: object) -> None:
    """Raise `KeyMistakes` with the first mistake of each route, at its place in the table or list that was given."""
    found: list[tuple[TomlPath, str]] = [
        ((_place(origin, given),), says) for origin, place in routes.items() if (says := _mistake(name, origin, place))
    ]
    if found:
        raise KeyMistakes(found)


def check_texts(routes: Mapping[str, Any], where: str) -> None:
    """Raise `KeyMistakes` for each destination that is no text."""
    found: list[tuple[TomlPath, str]] = [
        ((origin,), f"{where} of {short_repr(origin)} must be text; got {short_repr(place)}")
        for origin, place in routes.items()
        if not isinstance(place, str)
    ]
    if found:
        raise KeyMistakes(found)


def _place(origin: str, given: object) -> str | int:
    for place, item in enumerate(given if isinstance(given, list) else ()):
        if origin in (route.partition("=")[0].strip() for route in item.split(",")):
            return place
    return origin


def _mistake(name: str, origin: str, place: str) -> str:
    parse_from, parse_to = ROUTES[name]
    try:
        parse_from(origin)
        parse_to(place)
    except ValueError as error:
        return f"{name}: {error}"
    return ""
