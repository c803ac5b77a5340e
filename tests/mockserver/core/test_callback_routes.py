"""A callback goes where the user said, and its URL arrives there as the customer wrote it."""

import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import click
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from evolink_mock.cli import main, serve
from evolink_mock.core.callback_routes import (
    CallbackRoutes,
    Kind,
    parse_callback_url,
    parse_destination,
    parse_host,
    parse_origin,
)
from evolink_mock.core.url_policy import check_callback_url
from evolink_mock.settings import load_settings
from tests.mockserver.core.test_url_spellings import CALLED

APP = "https://app.example.com"
PLACE = "http://127.0.0.1:3000"
OUT = CallbackRoutes({}, deliver_public=True)
PRINTABLE = st.text([chr(code) for code in range(0x21, 0x7F) if chr(code) != "#"], max_size=40)
LETTERS = st.text(st.characters(categories=["L", "M", "N", "S"]), min_size=1, max_size=8)
LONG = ".".join(["a" * 63] * 3)
HOSTS = st.lists(LETTERS, min_size=1, max_size=3).map(".".join)
ANYTHING = st.builds(
    "https://{}{}{}{}".format,
    HOSTS,
    st.sampled_from(["", ".", ":443", ":8443", ":"]),
    st.sampled_from("/?#"),
    st.text(),
)


@given(PRINTABLE, st.sampled_from(["", ":443", ":8443"]))
def test_path_and_query_survive_byte_for_byte(rest: str, port: str) -> None:
    url = f"{APP}{port}/{rest}"
    assert parse_callback_url(url).target == f"/{rest}"
    for routing in (CallbackRoutes({}, PLACE), CallbackRoutes({parse_origin(APP + port): PLACE})):
        way = routing.destination(url)
        assert way is not None
        assert way.url == f"{PLACE}/{rest}"


@given(PRINTABLE)
def test_a_query_without_a_path_gets_the_shortest_path(query: str) -> None:
    assert parse_callback_url(f"{APP}?{query}").target == f"/?{query}"
    assert parse_callback_url(APP).target == "/"


@given(PRINTABLE, st.text())
@example("hook", "a\nb#c")
def test_a_fragment_is_not_sent(rest: str, fragment: str) -> None:
    assert parse_callback_url(f"{APP}/{rest}#{fragment}") == parse_callback_url(f"{APP}/{rest}")
    assert parse_callback_url(f"{APP}#{fragment}") == parse_callback_url(APP)


@given(st.text(st.characters(exclude_characters="%#", exclude_categories=["Cs"])))
def test_characters_that_no_request_line_can_hold_are_percent_encoded_as_utf_8(text: str) -> None:
    target = parse_callback_url(f"{APP}/{text}").target
    assert re.fullmatch(r"[!-~]+", target)
    assert unquote(target) == f"/{text}"


def test_new_escapes_are_in_capitals_and_existing_ones_are_kept() -> None:
    assert parse_callback_url(f"{APP}/ä%c3%A4%?ö=€ x").target == "/%C3%A4%c3%A4%?%C3%B6=%E2%82%AC%20x"
    assert parse_callback_url(f"{APP}/\ud800").target == "/%ED%A0%80"


@pytest.mark.parametrize(
    ("authority", "host", "port", "shown"),
    [
        ("app.example.com", "app.example.com", 443, "app.example.com"),
        ("app.example.com:443", "app.example.com", 443, "app.example.com"),
        ("app.example.com:00443", "app.example.com", 443, "app.example.com"),
        ("app.example.com:", "app.example.com", 443, "app.example.com"),
        ("app.example.com.", "app.example.com", 443, "app.example.com"),
        ("APP.Example.COM", "app.example.com", 443, "app.example.com"),
        ("app.example.com:80", "app.example.com", 80, "app.example.com:80"),
        ("app.example.com.:8443", "app.example.com", 8443, "app.example.com:8443"),
        ("app.example.com:65535", "app.example.com", 65535, "app.example.com:65535"),
        ("bücher.de", "xn--bcher-kva.de", 443, "xn--bcher-kva.de"),
        ("BÜCHER.de:8443", "xn--bcher-kva.de", 8443, "xn--bcher-kva.de:8443"),
        ("bu\u0308cher.de", "xn--bcher-kva.de", 443, "xn--bcher-kva.de"),
        ("例え。jp", "xn--r8jz45g.jp", 443, "xn--r8jz45g.jp"),
        ("ｅｘａｍｐｌｅ.com", "example.com", 443, "example.com"),
        ("[2606:4700::1111]", "[2606:4700::1111]", 443, "[2606:4700::1111]"),
        ("[2606:4700::1111]:443", "[2606:4700::1111]", 443, "[2606:4700::1111]"),
        ("[2606:4700::ABCD]:8443", "[2606:4700::abcd]", 8443, "[2606:4700::abcd]:8443"),
        ("[2606:4700:0:0:0:0:0:1111]", "[2606:4700::1111]", 443, "[2606:4700::1111]"),
        ("8.8.8.8:1", "8.8.8.8", 1, "8.8.8.8:1"),
        ("0x8.8.2056", "8.8.8.8", 443, "8.8.8.8"),
        ("134744072:8443", "8.8.8.8", 8443, "8.8.8.8:8443"),
        ("8.8.8.0x", "8.8.8.0", 443, "8.8.8.0"),
        ("faß.de", "xn--fa-hia.de", 443, "xn--fa-hia.de"),
    ],
)
def test_a_host_has_one_spelling(authority: str, host: str, port: int, shown: str) -> None:
    there = parse_callback_url(f"HTTPS://{authority}/x")
    assert (there.host, there.port, there.authority) == (host, port, shown)
    assert there.origin == parse_origin(f"https://{authority}") == f"https://{shown}"
    assert parse_host(re.sub(r":\d*$", "", authority)) == host
    way = CallbackRoutes({there.origin: PLACE}).destination(f"https://{authority}/x")
    assert way == ("network", PLACE, f"{PLACE}/x", shown, host.strip("[]"))


@pytest.mark.parametrize(
    ("url", "kind", "place"),
    [
        ("https://sink.mock/500", "sink", "https://sink.mock/500"),
        ("https://SINK.mock:8443/500", "sink", "https://sink.mock:8443/500"),
        ("https://app.test/x", "receiver", "https://app.test"),
        ("https://app.example.com/x", "network", "http://127.0.0.1:3000"),
        ("https://app.example.com:8443/x", "network", "http://127.0.0.1:4000"),
        ("https://app.test:8443/x", "network", "http://127.0.0.1:4000"),
        ("https://other.example.com/x", "network", "http://127.0.0.1:4000"),
    ],
)
def test_the_sink_comes_first_then_receivers_then_the_routes_then_the_rest(url: str, kind: Kind, place: str) -> None:
    everywhere = dict.fromkeys(["https://sink.mock", "https://app.test", APP], PLACE)
    origins = frozenset({"https://sink.mock", "https://app.test"})
    way = CallbackRoutes(everywhere, "http://127.0.0.1:4000", deliver_public=True, receivers=origins).destination(url)
    assert way is not None
    assert (way.kind, way.place) == (kind, place)
    assert way.url == (place if kind == "network" else parse_callback_url(url).origin) + parse_callback_url(url).target


@pytest.mark.parametrize("authority", ["a.com", "a.com:8443", "[2606:4700::1111]:8443", "sink.mock:8443"])
def test_every_destination_keeps_the_authority_and_the_server_name_of_the_url(authority: str) -> None:
    receivers = frozenset({f"https://{authority}"})
    for routing in (OUT, CallbackRoutes({}, PLACE), CallbackRoutes({}, receivers=receivers)):
        way = routing.destination(f"https://{authority}/500")
        assert way is not None
        assert (way.authority, way.server_name) == (authority, urlsplit(f"//{authority}").hostname)


def test_a_host_that_only_ends_like_the_sink_is_not_the_sink() -> None:
    assert CallbackRoutes({}).destination("https://kitchensink.mock/200") is None
    assert CallbackRoutes({}).destination("https://my.sink.mock/200") is None


def test_callbacks_without_a_route_go_to_the_internet_only_where_that_is_allowed() -> None:
    url = "https://other.example.com:8443/x?y"
    assert CallbackRoutes({APP: PLACE}).destination(url) is None
    way = CallbackRoutes({APP: PLACE}, deliver_public=True).destination(url)
    assert way == ("public", "https://other.example.com:8443", url, "other.example.com:8443", "other.example.com")
    assert CallbackRoutes({}).destination("https://sink.mock/200") is not None


@given(st.one_of(st.sampled_from(CALLED), ANYTHING))
@example(f"https://{'a' * 64}.com/")
@example("https://my-.example.com/")
@example("https://a\u05d0.com/")
def test_a_hint_that_is_followed_to_the_letter_routes_the_callback(url: str) -> None:
    assume(check_callback_url(url) is None)
    found = re.search(r"--callback-route (\S+)", CallbackRoutes({}).hint(url))
    assert found is not None
    told = load_settings({"callback_route": (found[1],)})
    assert told == load_settings(environ={"EVOLINK_MOCK_CALLBACK_ROUTE": found[1]})
    way = CallbackRoutes(told.callback_route).destination(url)
    assert way is not None
    assert way.url == f"http://127.0.0.1:3000{parse_callback_url(url).target}"


def test_a_hint_names_existing_options() -> None:
    advised = set(re.findall(r"--[a-z-]+", CallbackRoutes({}).hint("https://app.example.com/hook")))
    assert advised == {"--callback-route", "--forward-to", "--deliver-public"}
    # click keeps the help option of the first context that asks, so that this one must be as those of `main` are.
    context = click.Context(serve, **main.context_settings)
    assert advised <= {option for parameter in serve.get_params(context) for option in parameter.opts}
    assert main.commands["serve"] is serve


@given(st.one_of(st.sampled_from(CALLED), ANYTHING))
@settings(max_examples=500)
@example(f"https://{'ä' * 63}.de/")
@example(f"https://{'.'.join(['ä' * 30] * 8)}/")
@example("https://xn--ä.de/")
@example("https://a\u05d0.com/")
@example("https://example.com/\ud800\u2028\x85")
def test_a_url_that_the_policy_allows_has_a_destination_that_a_request_can_hold(url: str) -> None:
    assume(check_callback_url(url) is None)
    for routing in (OUT, CallbackRoutes({}, PLACE)):
        way = routing.destination(url)
        assert way is not None
        for part in (way.url, way.place, way.authority, way.server_name):
            assert re.fullmatch(r"[!-~]+", part)


@given(st.one_of(st.sampled_from(CALLED), ANYTHING))
@settings(max_examples=500)
def test_no_public_host_becomes_internal_by_its_one_spelling(url: str) -> None:
    assume(check_callback_url(url) is None)
    try:
        way = OUT.destination(url)
    except ValueError:
        return  # That it has one is another test's matter.
    assert way is None or check_callback_url(f"https://{way.authority}/") is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        (" http://127.0.0.1:3000/ ", "http://127.0.0.1:3000"),
        ("HTTP://LocalHost:03000", "http://localhost:3000"),
        ("https://my_app", "https://my_app"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://[2606:4700::ABCD]/", "https://[2606:4700::abcd]"),
        ("http://app:1", "http://app:1"),
        ("http://app:65535", "http://app:65535"),
        ("http://app:443", "http://app:443"),
        ("https://app:80", "https://app:80"),
    ],
)
def test_a_destination_is_an_origin_over_http_or_https(written: str, read: str) -> None:
    assert parse_destination(written) == read


BAD_PLACES = """
3000 localhost:3000 127.0.0.1 //127.0.0.1:3000 ftp://127.0.0.1 http: http:// http:/// http://:3000 http://127.0.0.1:0
http://127.0.0.1:65536 http://127.0.0.1:x http://127.0.0.1: http://127.0.0.1:3000/hooks http://127.0.0.1:3000?a
http://127.0.0.1:3000#a http://user@127.0.0.1 http://user:secret@127.0.0.1:3000 http://::1:3000 http://[::1
http://[localhost] http://127.0.0.1:3000:3000 http://127.0.0.1:٣ http://[::::] http://127.0.0.1:003000
http://127.0.0.1:3000// http://256.0.0.1 http://[::1%a]b]
"""


@pytest.mark.parametrize("place", ["", "http://127.0.0.1 :3000", "http://a\r\nb", *BAD_PLACES.split()], ids=ascii)
def test_another_destination_is_refused_with_the_right_form(place: str) -> None:
    with pytest.raises(ValueError, match="write http://HOST:PORT or https://HOST:PORT") as refusal:
        parse_destination(place)
    assert repr(place) in str(refusal.value)


@given(st.text().map("http://{}".format))
@example("http://bücher.de:3000")
@example("http://a\x00b")
@example("http://a\\b")
@example("httpſ://127.0.0.1")
def test_no_destination_is_accepted_that_a_request_cannot_hold(place: str) -> None:
    try:
        read = parse_destination(place)
    except ValueError:
        return
    assert re.fullmatch(r"https?://[a-z0-9._:\[\]%!$&'()*+,;=~-]+", read)


@pytest.mark.parametrize(
    "host", ["", ".", "a.com:443", "a.com:", "[::1]:443", "[::1", "[zz]", "::1", "a b", "a/b", "a@b"]
)
def test_only_a_host_is_a_host(host: str) -> None:
    with pytest.raises(ValueError, match=r"such as app\.example\.com"):
        parse_host(host)


@pytest.mark.parametrize("host", ["_a.com", "a_.com", "a--b.com", f"{'a' * 63}.com", f"ä.{LONG}.{'a' * 53}"])
def test_a_host_that_can_be_resolved_is_accepted(host: str) -> None:
    assert parse_destination(f"http://{host}:3000") == f"http://{parse_host(host)}:3000"


@pytest.mark.parametrize("host", ["-a.com", "a-.com", "a.-", f"{'a' * 64}.com", f"ä.{LONG}.{'a' * 54}"])
def test_a_host_that_cannot_be_resolved_is_refused(host: str) -> None:
    """A label has 1 to 63 characters and no hyphen at its ends, a name at most 253, as they are sent (RFC 1035)."""
    with pytest.raises(ValueError, match="is not the host"):
        parse_host(host)
    with pytest.raises(ValueError, match="is not a target for callbacks"):
        parse_destination(f"http://{host}:3000")


def test_spaces_around_an_origin_are_ignored() -> None:
    assert parse_origin(f" {APP}\n") == APP


BAD_ORIGINS = """
app.example.com http://app.example.com //app.example.com https: https:// https:/// https://:443 https://app.example.com:x
https://app.example.com:0 https://app.example.com:65536 https://app.example.com:٤ https://app.example.com/hook
https://app.example.com?a https://app.example.com/?a https://user@app.example.com https://a..b https://. https://a%2eb
https://app.example.com#a https://app.example.com/# https://app.example.com:000443 https://256.0.0.1
httpſ://app.example.com https://[zz] https://[::1 https://[::1]x https://a\\b
"""


@pytest.mark.parametrize("origin", ["", "https://app example.com", "https://a\nb", *BAD_ORIGINS.split()], ids=ascii)
def test_another_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "app.example.com",
        "http://app.example.com",
        "https://app.example.com/hook",
        "https://user@app.example.com",
        "https://app.example.com:65536",
        f"https://{'x' * 10_000}",
        f"https://a:{'1' * 10_000}",
    ],
    ids=lambda origin: origin[:40],
)
def test_the_refusal_of_an_origin_shows_a_right_one_and_stays_short(origin: str) -> None:
    with pytest.raises(ValueError, match=r"such as https://") as refusal:
        parse_origin(origin)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("read", "start"),
    [
        (parse_callback_url, "http://a.com/"),
        (parse_host, "a/"),
        (parse_destination, "http://a.com/"),
        (parse_origin, "http://a.com/"),
        (parse_origin, "https://a.com/"),
    ],
)
@given(more=st.integers(1, 1000))
@example(500)
def test_a_refusal_shows_the_beginning_of_what_is_wrong_and_stays_short(
    read: Callable[[str], object], start: str, more: int
) -> None:
    text = start + "x" * more
    with pytest.raises(ValueError, match=re.escape(text[:80])) as refusal:
        read(text)
    assert len(str(refusal.value)) < 300
