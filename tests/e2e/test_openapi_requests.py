"""A body is valid by the document's schema exactly if the emulator accepts it, but for what no schema can say."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from evolink_contracts.spec.fields import HTTP_URL, HTTPS_URL, Field
from evolink_contracts.spec.models import MODELS, Model
from evolink_contracts.spec.openapi import render_openapi
from evolink_mock.scenarios.directive import OPENING
from tests.support.emulator import DOCUMENTED, Emulator


def as_python_reads(node: Any) -> Any:
    """JSON Schema's `$` is the end of the text, as Python's `\\Z` is; Python's `$` lets a line break follow."""
    if isinstance(node, list):
        return [as_python_reads(item) for item in node]
    if not isinstance(node, dict):
        return node
    read = {name: as_python_reads(item) for name, item in node.items()}
    return read | ({"pattern": re.sub(r"\$$", r"\\Z", read["pattern"])} if "pattern" in read else {})


DOCUMENT = render_openapi("")
BODY = DOCUMENT["paths"]["/v1/videos/generations"]["post"]["requestBody"]["content"]["application/json"]
SCHEMA = Draft202012Validator(as_python_reads(BODY["schema"] | {"components": DOCUMENT["components"]}))


@pytest.fixture(scope="module")
def service() -> Iterator[Emulator]:
    """Under default settings, which the document describes: other readings of open questions accept other bodies."""
    with Emulator.in_process() as emulator:
        yield emulator


def assert_agreement(service: Emulator, body: object) -> None:
    response = service.post(body)
    if SCHEMA.is_valid(body):
        assert response.status_code == 200, response.text
    else:
        assert response.status_code in (400, 403), response.text


# Bodies from the rows

PUBLIC = ("https://your-domain.com/hook", "HTTPS://93.184.215.14:8443/a?b=c#d", "https://[2606:4700::1111]")


def within(field: Field, model: Model) -> st.SearchStrategy[Any]:
    """Values that the row allows, the edges of its limits among them."""
    values: st.SearchStrategy[Any]
    match field.kind:
        case "string" if field.choices:
            values = st.sampled_from(field.choices)
        case "string":
            values = st.text(max_size=20) | st.just("é" * (field.max_length or 0))
        case "integer":
            values = st.integers(field.minimum, field.maximum)
        case "boolean":
            values = st.booleans()
        case "object":
            inner = {held.name: within(held, model) for held in model.fields if held.parent == field.name}
            values = st.fixed_dictionaries({}, optional=inner)
        case "urls":
            values = st.lists(st.from_regex(HTTP_URL, fullmatch=True), min_size=1, max_size=1)
        case "url" if field.media:
            values = st.from_regex(HTTP_URL, fullmatch=True)
        case "url":
            values = st.sampled_from(PUBLIC) | st.just(PUBLIC[0].ljust(field.max_length or 0, "x"))
    return values if field.required else st.none() | values


def bodies_of(model: Model) -> st.SearchStrategy[dict[str, Any]]:
    top = [field for field in model.fields if field.parent is None]
    return st.fixed_dictionaries(
        {"model": st.just(model.name)} | {field.name: within(field, model) for field in top if field.required},
        optional={field.name: within(field, model) for field in top if not field.required},
    )


def has_no_directive(body: dict[str, Any]) -> bool:
    """Whether the prompt says nothing to the emulator: Hypothesis also draws the strings of the code that it tests."""
    return OPENING not in body.get("prompt", "")


BODIES = st.sampled_from([*MODELS.values()]).flatmap(bodies_of).filter(has_no_directive)
NAMES = sorted({"model", "seed", *(field.name for model in MODELS.values() for field in model.fields)})
URL = "https://a.example/"
EDGES: list[Any] = [
    *(None, True, -1, 0, 1, 2, 15, 16, 1.5, 10**20, "", "720P", "1080p", "480p", "single", *MODELS, "wan2.6"),
    *("x" * 1500, "x" * 1501, URL.ljust(2048, "x"), URL.ljust(2049, "x"), URL, f"{URL}\n", "http://a.example", "a.png"),
    *([], [None], [URL], [URL, URL], [[URL]], ["ftp://a.example"], {}, {"shot_type": None}, {"shot_type": "x"}),
    *({"shot_type": 1}, {"shot_type": "multi", "x": 1}),
]
JUNK = st.sampled_from(EDGES) | st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=2)


@st.composite
def mutated_bodies(draw: st.DrawFn) -> dict[str, Any]:
    """A valid body of which one thing was changed: a field replaced, added or left out."""
    body = draw(BODIES)
    if draw(st.booleans()):
        return body | {draw(st.sampled_from(NAMES)): draw(JUNK)}
    del body[draw(st.sampled_from(sorted(body)))]
    return body


@given(body=BODIES)
def test_bodies_within_the_rows_are_valid_and_accepted(service: Emulator, body: dict[str, Any]) -> None:
    SCHEMA.validate(body)
    assert service.post(body).status_code == 200


@given(body=mutated_bodies())
def test_after_one_change_a_body_is_accepted_exactly_if_it_is_still_valid(service: Emulator, body: object) -> None:
    assert_agreement(service, body)


@pytest.mark.parametrize("value", EDGES, ids=lambda value: repr(value)[:30])
def test_at_the_edge_of_every_limit_schema_and_emulator_agree(service: Emulator, value: object) -> None:
    for name in NAMES:
        assert_agreement(service, DOCUMENTED | {name: value})
    assert_agreement(service, value)


@pytest.mark.parametrize("model", MODELS)
def test_the_document_s_own_examples_are_accepted(service: Emulator, model: str) -> None:
    """The example request, and the example of each field in it."""
    assert service.post(BODY["example"]).status_code == 200
    reference = BODY["schema"]["discriminator"]["mapping"][model]
    schema = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
    for name, field in schema["properties"].items():
        for value in field.get("examples", ()):
            assert service.post(DOCUMENTED | {"model": model, name: value}).status_code == 200


# URLs, in pieces that parsers have disagreed about

PIECES = (
    *("https://", "HTTP://", "ftp:", "//", "a", "b.example", ":443", ":0443", "[2606:4700::1]"),
    *'/.:@?#%\\[] \t\n\x7f\x85\xa0é．：／\u200b<"|',
)
URLS = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
NEARLY = st.builds("https://{}".format, URLS) | URLS | st.text() | st.from_regex(HTTPS_URL)


@given(url=NEARLY)
@example(url="https://a.example:/a.png")
@example(url="https://a.example/a.png\n")
@example(url="https://a.example[2606:4700::1]/")
def test_an_image_s_url_is_accepted_exactly_if_it_is_valid(service: Emulator, url: str) -> None:
    assert_agreement(service, DOCUMENTED | {"image_urls": [url]})
    assert_agreement(service, DOCUMENTED | {"audio_url": url})


@given(url=NEARLY)
@example(url="https://a.example:/a.png")
@example(url="https://a.example/a.png\n")
@example(url="https://a.example[2606:4700::1]/")
def test_a_callback_s_url_is_refused_wherever_it_is_invalid(service: Emulator, url: str) -> None:
    """Only in this direction: see below."""
    body = DOCUMENTED | {"callback_url": url}
    if not SCHEMA.is_valid(body):
        assert service.post(body).status_code == 400


# What no schema can say

UNSAYABLE = {
    "a schema sees spelling, and whether an address is internal is arithmetic": (
        *("https://127.0.0.1/", "https://10.1.2.3", "https://172.31.0.1/", "https://192.168.0.1/", "https://[::1]/"),
        *("https://2130706433/", "https://0x7f.1/", "https://[::ffff:10.0.0.1]/", "https://localhost/"),
    ),
    "whether a host can exist depends on sums: of its labels' lengths, of its numbers' digits": (
        *("https://256.1.1.1/", "https://[1:2]/", "https://a..example/", f"https://{'a.' * 130}example/"),
        "https://a%20b.example/",
    ),
    "a range of numbers is no pattern that anybody could read": ("https://a.example:0/", "https://a.example:65536/"),
    "dialects of regular expressions disagree about Unicode's spaces": ("https://a.example/\xa0", f"{URL}\u2003"),
}


@pytest.mark.parametrize("url", [url for urls in UNSAYABLE.values() for url in urls])
def test_some_callback_urls_are_refused_for_what_no_schema_can_say(service: Emulator, url: str) -> None:
    body = DOCUMENTED | {"callback_url": url}
    SCHEMA.validate(body)
    response = service.post(body)
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith("callback_url ")


def test_no_schema_can_tell_five_from_five_point_zero(service: Emulator) -> None:
    """To JSON Schema both are the integer 5; the field's description says which one is refused."""
    SCHEMA.validate(DOCUMENTED | {"duration": 5.0})
    assert service.post(DOCUMENTED | {"duration": 5.0}).status_code == 400
    flash = DOCUMENT["components"]["schemas"]["Wan26ImageToVideoFlashRequest"]
    assert "5.0 is refused" in flash["properties"]["duration"]["description"]
