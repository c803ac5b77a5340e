"""The policy of callback URLs depends on the address, never on its spelling."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evolink_mock.core.url_policy import PolicyRule, check_callback_url, folded_host

ADDRESSES_4 = st.ip_addresses(v=4)
ADDRESSES_6 = st.ip_addresses(v=6)
URLISH = st.text("htps:/[]@.%0123456789abcdefxX-_#?;\\ \t１。\u00ad٣é", max_size=60)
HOSTS = st.sampled_from(
    ["example.com", "localhost", "127.0.0.1", "8.8.8.8", "0x7f.1", "10.1", "sub.localhost", "bücher.de"]
)
PUBLIC = ("93.184.216.34", "2606:4700:4700::1111")


def rule(url: str, *addresses: str) -> PolicyRule | None:
    objection = check_callback_url(url, addresses)
    return objection.rule if objection else None


@st.composite
def spellings(draw: st.DrawFn, address: IPv4Address) -> str:
    """A host that means `address`: of one to four numbers, in several bases and digits, or inside IPv6."""
    low = int(address) & 0xFFFF
    if draw(st.booleans()):
        tail = draw(st.sampled_from([str(address), f"{int(address) >> 16:x}:{low:X}"]))
        return f"[{draw(st.sampled_from(['::ffff', '::FFFF', '0:0:0:0:0:ffff']))}:{tail}]"
    count = draw(st.integers(1, 4))
    high = list(address.packed[: count - 1])
    numbers = [*high, int.from_bytes(address.packed[count - 1 :], "big")]
    forms = ["{}", "0{:o}", "000{:o}", "0x{:x}", "0X{:X}", "0x{:08x}"]
    text = draw(st.sampled_from([".", "。", "．"])).join(draw(st.sampled_from(forms)).format(n) for n in numbers)
    folded = str.maketrans("0123456789", draw(st.sampled_from(["0123456789", "０１２３４５６７８９", "⓪①②③④⑤⑥⑦⑧⑨"])))
    return text.translate(folded) + draw(st.sampled_from(["", ".", ":8443", ".:443"]))


@given(ADDRESSES_4, st.data())
@settings(max_examples=200)
def test_every_spelling_of_an_ipv4_address_is_judged_like_the_dotted_one(
    address: IPv4Address, data: st.DataObject
) -> None:
    spelling = data.draw(spellings(address))
    assert rule(f"https://{spelling}/") == rule(f"https://{address}/")


@given(ADDRESSES_6)
def test_every_spelling_of_an_ipv6_address_is_judged_alike(address: IPv6Address) -> None:
    verdicts = {rule(f"https://[{text}]/") for text in (str(address), address.exploded, address.exploded.upper())}
    assert len(verdicts) == 1


@given(ADDRESSES_4)
def test_no_ipv4_address_is_called_that_the_registries_keep_for_special_purposes(address: IPv4Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert rule(f"https://{address}/") == "internal"


@given(ADDRESSES_6)
def test_no_ipv6_address_is_called_that_the_registries_keep_for_special_purposes(address: IPv6Address) -> None:
    if address.ipv4_mapped is None and (not address.is_global or address.is_multicast or address.is_site_local):
        assert rule(f"https://[{address}]/") == "internal"


@given(ADDRESSES_4, st.integers(0, 2**64 - 1))
def test_an_ipv6_address_around_an_internal_ipv4_one_is_internal(address: IPv4Address, rest: int) -> None:
    around = {
        "mapped": (0xFFFF << 32) + int(address),
        "NAT64": (0x64FF9B << 96) + int(address),
        "6to4": (0x2002 << 112) + (int(address) << 80) + rest,
        "ISATAP": (0x2606_4700 << 96) + (0x5EFE << 32) + int(address),
    }
    verdicts = {name: rule(f"https://[{IPv6Address(number)}]/") for name, number in around.items()}
    assert verdicts == dict.fromkeys(around, rule(f"https://{address}/"))


@given(st.one_of(ADDRESSES_4, st.sampled_from(["127.0.0.1", "10.0.0.1", "192.168.1.1"]).map(IPv4Address)))
def test_in_scope_listed_an_ipv6_address_is_internal_where_an_ipv4_one_inside_it_is(address: IPv4Address) -> None:
    number, other = int(address), int(IPv4Address("8.8.8.8"))
    around = {
        "mapped": (0xFFFF << 32) + number,
        "compatible": number,
        "NAT64": (0x64FF9B << 96) + number,
        "6to4": (0x2002 << 112) + (number << 80),
        "ISATAP": (0x2606_4700 << 96) + (0x0200_5EFE << 32) + number,
        "Teredo server": (0x2001_0000 << 96) + (number << 64) + (other ^ 0xFFFF_FFFF),
        "Teredo client": (0x2001_0000 << 96) + (other << 64) + (number ^ 0xFFFF_FFFF),
    }
    verdicts = {
        name: check_callback_url(f"https://[{IPv6Address(v6)}]/", scope="listed") for name, v6 in around.items()
    }
    internal = check_callback_url(f"https://{address}/", scope="listed") is not None
    assert {name: verdict is not None for name, verdict in verdicts.items()} == dict.fromkeys(around, internal)


@given(
    HOSTS, st.sampled_from(["", ":443", ":1", ":65535"]), st.sampled_from(["", "/", "/a/b?c=d#e", "?a", "#a", "/@x:0"])
)
def test_port_path_query_and_fragment_do_not_matter(host: str, port: str, rest: str) -> None:
    assert rule(f"https://{host}{port}{rest}") == rule(f"https://{host}")
    assert rule(f"HTTPS://{host.upper()}.{port}{rest}") == rule(f"https://{host}")


@given(HOSTS, URLISH)
def test_nothing_but_https_is_called(host: str, rest: str) -> None:
    assert rule(f"http://{host}{rest}") is not None


@given(st.one_of(ADDRESSES_4, ADDRESSES_6), st.permutations(range(3)))
def test_a_name_is_internal_if_any_of_its_addresses_is(address: IPv4Address | IPv6Address, order: list[int]) -> None:
    found = [(str(address), *PUBLIC)[place] for place in order]
    literal = f"[{address}]" if address.version == 6 else str(address)
    assert rule("https://example.com/", *found) == rule(f"https://{literal}/")


@pytest.mark.parametrize(
    "address", ["fe80::1%eth0", "127.0.0.1", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "0.0.0.0"]
)
@pytest.mark.parametrize("url", ["https://example.com/", "https://bücher.de:8443/hook", "https://127.0.0.1.nip.io/"])
def test_a_name_that_resolves_to_an_internal_address_is_refused(url: str, address: str) -> None:
    assert rule(url) is None
    assert rule(url, *PUBLIC) is None
    assert rule(url, *PUBLIC, address) == "internal"


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f000001", "10.0.0.1", "10.255.255.255", "012.1", "172.16.0.1", "172.31.255.255"),
        *(
            "192.168.0.0",
            "192.168.255.255",
            "[::ffff:192.168.1.1]",
            "[64:ff9b::a00:1]",
            "[2002:7f00:1::]",
            "１０.1",
            "10。0。0。1.",
        ),
    ],
)
def test_the_listed_ranges_are_refused_in_either_scope(host: str) -> None:
    objection = check_callback_url(f"https://{host}/", scope="listed")
    assert objection is not None
    assert objection.rule == "internal"
    assert check_callback_url(f"https://{host}/") == objection


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.2", "0.0.0.0", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("127.0.0.0", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"),
        *("[::1:a00:1]", "[64:ff9b::1:a00:1]"),
        *("[::1]", "[::]", "[fc00::1]", "[fe80::1]", "[2001:db8::1]", "localhost", "sub.localhost", "ip6-localhost"),
    ],
)
def test_addresses_that_the_page_does_not_list_are_called_in_scope_listed(host: str) -> None:
    assert check_callback_url(f"https://{host}/", scope="listed") is None


@given(st.one_of(ADDRESSES_4, ADDRESSES_6))
def test_resolved_addresses_are_held_to_the_same_scope(address: IPv4Address | IPv6Address) -> None:
    literal = f"[{address}]" if address.version == 6 else str(address)
    by_name = check_callback_url("https://example.com/", [str(address)], scope="listed")
    by_address = check_callback_url(f"https://{literal}/", scope="listed")
    assert (by_name is None) == (by_address is None)
    assert by_address is None or check_callback_url(f"https://{literal}/") is not None


@pytest.mark.parametrize(
    "url", ["http://example.com/", "https://a@b.com/", "https://a b.com/", "https://:1/", "x" * 2049]
)
def test_the_other_rules_hold_in_scope_listed(url: str) -> None:
    assert check_callback_url(url, scope="listed") is not None


@given(st.one_of(st.text(st.characters()), URLISH, st.text(st.characters()).map("https://{}".format)))
@settings(max_examples=300)
@example("https://[")
@example("https://\ud800/")
@example("https://" + "1" * 2000)
def test_any_text_is_allowed_or_breaks_a_rule(url: str) -> None:
    objection = check_callback_url(url)
    assert objection is None or objection.message.split()[0] in ("must", "is", "has")
    assert objection is None or len(objection.message) < 450


@given(URLISH)
@settings(max_examples=400)
def test_any_text_after_https_is_allowed_or_breaks_a_rule(rest: str) -> None:
    for scope in ("all", "listed"):
        objection = check_callback_url(f"https://{rest}", PUBLIC, scope)
        assert objection is None or objection.rule != "scheme"


@pytest.mark.parametrize("host", ["\U00020000" * 60 + ".localhost", "\U00020000" * 60 + ".1"], ids=["name", "number"])
def test_a_message_stays_short_and_plain_where_the_host_is_long_and_foreign(host: str) -> None:
    objection = check_callback_url(f"https://{host}/")
    assert objection is not None
    assert r"'\U00020000" in objection.message
    assert len(objection.message) < 450
    assert objection.message.isascii()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https+x://a.com/", "its scheme is 'https+x'"),
        (f"{'x' * 1000}://a.com/", f"its scheme is '{'x' * 20}'"),
        ("example.com/https://a", "its scheme is missing"),
        ("httpſ://example.com/", "its scheme is missing"),
        ("x" * 2049, "it has 2049"),
        ("https://[::1]/", "'[::1]' is one"),
    ],
    ids=lambda text: text[:30],
)
def test_a_refusal_says_what_was_found(url: str, said: str) -> None:
    objection = check_callback_url(url)
    assert objection is not None
    assert said in objection.message


def test_the_refusal_of_an_internal_address_names_the_option_for_a_local_receiver() -> None:
    objection = check_callback_url("https://127.0.0.1/hook")
    assert objection is not None
    assert "'127.0.0.1'" in objection.message
    assert "--callback-route" in objection.message


@pytest.mark.parametrize("host", ["localhost4", "localhost4.localdomain4", "LocalHost6.LocalDomain6."])
def test_other_names_of_this_host_are_internal(host: str) -> None:
    objection = check_callback_url(f"https://{host}/")
    assert objection is not None
    assert objection.rule == "internal"


LOOK_ALIKES = st.sampled_from("0127.xabZ-_。．｡１２①⑦⒈︒\u00ad\u200b\u200d\u200eßſﬁℒ%@")


@given(st.text(st.one_of(LOOK_ALIKES, st.characters()), max_size=12))
def test_a_folded_host_folds_to_itself(host: str) -> None:
    folded = folded_host(host)
    if folded is not None and not folded.endswith("."):
        assert folded_host(folded) == folded
