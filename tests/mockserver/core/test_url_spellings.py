"""Tables of callback URLs: which are refused, by which rule, and which are called."""

import pytest

from evolink_mock.core.url_policy import PolicyRule, check_callback_url

BASE = "https://example.com/"

REFUSED: list[tuple[PolicyRule, str]] = [
    ("scheme", ""),
    ("length", BASE.ljust(2049, "a")),
    ("length", BASE.ljust(2049, "ä")),
    ("length", f"{BASE}?q=".ljust(100_000, "a")),
    ("length", "x" * 2049),
    ("characters", "https://exam ple.com/"),
    ("characters", " https://example.com/"),
    ("characters", "https://example.com/ "),
    ("characters", "https://example.com/a b"),
    ("characters", "https://exam\tple.com/"),
    ("characters", "ht\ttps://example.com/"),
    ("characters", "https://example.com/\t"),
    ("characters", "https://127.0.0\t.1/"),
    ("characters", "https://exam\nple.com/"),
    ("characters", "https://example.com/\n"),
    ("characters", "\nhttps://example.com/"),
    ("characters", "https://example.com/\r\nX: y"),
    ("characters", "https://exam\x00ple.com/"),
    ("characters", "https://example.com/\x00"),
    ("characters", "https://example.com/\x1f"),
    ("characters", "https://example.com/\x7f"),
    ("characters", "\x01"),
    ("characters", "https:\\\\example.com\\"),
    ("characters", "https://example.com\\@127.0.0.1/"),
    ("characters", "https://example.com/a\\b"),
    ("characters", "https://exam\u00a0ple.com/"),
    ("characters", "https://exam\u3000ple.com/"),
    ("characters", "https://example.com/\u2028"),
]

OTHER_SCHEMES = """
http://example.com/ HTTP://example.com/ http://localhost/ http://example.com:443/ ftp://example.com/ file:///etc/passwd
ws://example.com/ wss://example.com/ javascript:alert(1) data:text/plain,x gopher://example.com/ httpss://example.com/
xhttps://example.com/ https+x://example.com/ ｈttps://example.com/ httpſ://example.com/ -https://example.com/
example.com example.com/https://a //example.com/ /webhooks ?https://example.com/ https
"""
CREDENTIALS = """
user@example.com/ user:secret@example.com/ :secret@example.com/ @example.com/ :@example.com/ example.com:443@127.0.0.1/
a@b@example.com/ user@127.0.0.1/ user%40x@example.com/ example.com;@localhost/
"""
PORTS = """
example.com:0/ example.com:00/ 8.8.8.8:0/ [2606:4700::1111]:0/ example.com:65536/ example.com:99999/
example.com:4294967739/ example.com:x/ example.com:-1/ example.com:+443/ example.com:8_0/ example.com:443:443/
example.com:000443/ example.com:４４３/ a.com:٨٠/
"""
NO_HOST = """
https:// https:/// https:///example.com/ https:/example.com https:example.com https: https://?x=1 https://#x
https://:443/ https://./ https://。/ https://\u00ad/
"""
NO_VALID_HOST = """
%31%32%37.0.0.1/ %6c%6f%63alhost/ example%2ecom/ example.com%00/ ％31.com/ example.com％2f/ example.com％/
[fe80::1%25eth0]/ [fe80::1%eth0]/ [2606:4700::1111%251]/ [::1/ ::1]/ []/ [:]/ [8.8.8.8]/ [12345::]/ [example.com]/
[::1::2]/ [::１]/ [::ffff:127.0.0.256]/ [::ffff:0127.0.0.1]/ [::ffff:127.1]/ 256.0.0.1/ 8.8.8.256/ 8.8.65536/
8.16777216/ 4294967296/ 0x100000000/ 040000000000/ 8.8.8.08/ 09/ 8.0x100.8.8/ 8.8.8.8.8/ 0.0.0.0.0/ example.1/ a.0x7f/
example.com.0x/ 8..8/ example..com/ .example.com/ .localhost/ .127.0.0.1/ 127.0..1/ exam／ple.com/ a？b.com/
exam℀ple.com/ a：80/ a＠b.com/
"""

INTERNAL = {
    "loopback": "127.0.0.1 127.0.0.0 127.1.2.3 127.255.255.255 127.0.0.1. 127.0.0.1:8443",
    "private": "10.0.0.0 10.1.2.3 10.255.255.255 172.16.0.0 172.20.1.1 172.31.255.255 192.168.0.0 192.168.255.255",
    "this network": "0.0.0.0 0.1.2.3 0.255.255.255 0.0.0.0:443",
    "link-local": "169.254.0.0 169.254.169.254 169.254.255.255",
    "carrier": "100.64.0.0 100.100.100.200 100.127.255.255",
    "multicast": "224.0.0.0 224.0.0.1 239.255.255.255",
    "reserved": """
        240.0.0.0 255.255.255.254 255.255.255.255 192.0.0.1 192.88.99.1 192.88.99.255 198.18.0.0 198.19.255.255""",
    "documentation": "192.0.2.0 192.0.2.255 198.51.100.1 203.0.113.255 [2001:db8::1] [3fff::1] [3fff:fff::1]",
    "decimal": "2130706433 0 1 167772160 3232235777 2886729729 4294967295 2852039166",
    "octal": "0177.0.0.1 0177.0.0.01 017700000001 012.0.0.1 00 0300.0250.0.1 00000000177.0.0.1 0251.0376.0251.0376",
    "hexadecimal": "0x7f.0.0.1 0x7F.0x0.0x0.0x1 0x7f000001 0X7F000001 0x0 0x 0xa.1 0xc0a80001 0x0000007f.1 0xA9FEA9FE",
    "short": "127.1 127.0.1 10.1 192.168.1 172.16.1 169.254.43518 127.16777215 0.0 10.0.65535",
    "mixed": "0x7f.1 0177.1 127.0x1 0xa.012.1.1 192.0250.1 0x7f.0.1 127.0.0x0.01 0xac.020.0.1",
    "IPv6": """
        [::1] [::] [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::1]:443 [fc00::] [fd12:3456::1]
        [fdff:ffff::1] [FD00::1] [fe80::1] [febf::1] [fec0::1] [ff02::1] [ff0e::1] [100::1] [64:ff9b:1::1] [5f00::1]
        [2001::1] [2001:2::1] [2001:10::1] [4000::1] [1fff::1]""",
    "mapped": """
        [::ffff:127.0.0.1] [::ffff:7f00:1] [::FFFF:7F00:0001] [0:0:0:0:0:ffff:127.0.0.1] [::ffff:10.0.0.1]
        [::ffff:a00:1] [::ffff:0.0.0.0] [::ffff:169.254.169.254] [::ffff:c0a8:1]""",
    "inside IPv6": """
        [::127.0.0.1] [::7f00:1] [::10.0.0.1] [::8.8.8.8] [64:ff9b::7f00:1] [64:ff9b::10.0.0.1] [64:ff9b::1:808:808]
        [2002:7f00:1::] [2002:a00:1::1] [2002:c0a8:101:1::1] [2001:0:4136:e378:8000:63bf:80ff:fffe] [2001:0:7f00:1::]
        [::ffff:0:127.0.0.1] [2606:4700::5efe:10.0.0.1] [2606:4700::200:5efe:127.0.0.1]""",
    "names": """
        localhost LOCALHOST LocalHost localhost. localhost:8443 sub.localhost a.b.localhost. SUB.LocalHost
        localhost.localdomain localhost6 ip6-localhost ip6-loopback""",
    "digits": """
        １２７.０.０.１ 127.0.0.１ ①②⑦.⓪.⓪.① ⑩.0.0.1 𝟏𝟐𝟕.𝟎.𝟎.𝟏 𝟙𝟘.0.0.1 ¹²⁷.0.0.1 ₁₂₇.0.0.1 🯱🯲🯷.🯰.🯰.🯱
        ０x７f.1 ０ｘ７ｆ.１ ２１３０７０６４３３ ⓪""",
    "dots": "127。0。0。1 127．0．0．1 127｡0｡0｡1 127.0。0．1 127.0.0.1。 localhost。 sub｡localhost １２７。１ 127︒1",
    "letters": "ｌｏｃａｌｈｏｓｔ ＬＯＣＡＬＨＯＳＴ ⓛⓞⓒⓐⓛⓗⓞⓢⓣ 𝐥𝐨𝐜𝐚𝐥𝐡𝐨𝐬𝐭 localhoſt localhoﬆ ℒOCALHOST",
    "invisible": """
        local\u00adhost 127.0.0.1\u00ad 1\u00ad27.0.0.1 local\u200bhost 127\u200b.0.0.1 local\u2060host local\ufeffhost
        127.0.0.\u200b1 localhost.\u00ad""",
}

PUBLIC = {
    "names": """
        example.com EXAMPLE.COM your-domain.com a.b.c.d.example.co.uk x.y example.com. my_hook.example.com 10.com
        0x7f.com 1.example 8.8.8.8x 127.0.0.1.nip.io 127.0.0.1.example.com 1e100.net localhost.example.com mylocalhost
        notlocalhost.com localhost-1.com local.host xn--bcher-kva.de""",
    "IDN": """
        bücher.de faß.de 例え.jp пример.рф παράδειγμα.gr مثال.إختبار 🍕.example ｅｘａｍｐｌｅ.com example。com
        münchen｡de हिन्दी.example ١٢٣.example""",
    "ports": """
        example.com:443 example.com:1 example.com:65535 example.com:8443 example.com: 8.8.8.8:8443
        [2606:4700::1111]:443""",
    "IPv4": """
        8.8.8.8 1.1.1.1 93.184.216.34 8.8.8.8. 1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255
        128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0
        192.88.98.255 192.88.100.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255
        203.0.114.0 223.255.255.255""",
    "other spellings": """
        134744072 0x08080808 010.010.010.010 01002004010 8.526344 8.8.2056 0x8.8.0x808 ８.８.８.８ 8。8。8。8""",
    "IPv6": """
        [2606:4700:4700::1111] [2001:4860:4860::8888] [2001:4860:4860:0:0:0:0:8888] [2A00:1450:4001:81b::200e]
        [2001:200::1] [2001:db7::1] [2001:db9::1] [3ffe::1] [3fff:1000::1] [2620:fe::fe]""",
    "inside IPv6": """
        [::ffff:8.8.8.8] [::ffff:808:808] [64:ff9b::8.8.8.8] [64:ff9b::808:808] [2002:808:808::1]
        [2606:4700::5efe:8.8.8.8] [2606:4700::1234:5efe:10.0.0.1]""",
    "rest": """
        example.com/?a=b&c=d#e example.com?a=1 example.com#x example.com/%20%zz example.com/ä/é example.com?@127.0.0.1
        example.com/@localhost example.com#@10.0.0.1 example.com//127.0.0.1/ example.com/;a='b'\"{}|^`<>[]""",
}

REFUSED += [("scheme", url) for url in OTHER_SCHEMES.split()]
REFUSED += [("credentials", f"https://{rest}") for rest in CREDENTIALS.split()]
REFUSED += [("port", f"https://{rest}") for rest in PORTS.split()]
REFUSED += [("host", url) for url in NO_HOST.split()]
REFUSED += [("host", f"https://{rest}") for rest in (*NO_VALID_HOST.split(), f"{'a.' * 127}com/", f"{'a.' * 125}coms/")]
REFUSED += [("internal", f"https://{host}") for hosts in INTERNAL.values() for host in hosts.split()]

CALLED = [f"https://{rest}" for group in PUBLIC.values() for rest in group.split()]
CALLED += ["HTTPS://EXAMPLE.COM/", "HttpS://example.com/Hook", BASE.ljust(2048, "a"), f"{BASE}?q=".ljust(2048, "ä")]
CALLED += ["https://your-domain.com/webhooks/video-task-completed", f"https://{'a.' * 125}com./"]


def shown(url: str) -> str:
    return ascii(url)[1:-1][:60]


@pytest.mark.parametrize(("rule", "url"), [pytest.param(rule, url, id=f"{rule} {shown(url)}") for rule, url in REFUSED])
def test_refused(rule: PolicyRule, url: str) -> None:
    objection = check_callback_url(url)
    assert objection is not None
    assert objection.rule == rule


@pytest.mark.parametrize("url", CALLED, ids=shown)
def test_called(url: str) -> None:
    assert check_callback_url(url) is None


IGNORED_BY_IDNA = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180f\u200b\u200f\u202a\u202e\u2060\u206f\u3164\ufe00\ufe0f"
    "\ufeff\uffa0\ufff0\ufff8\U0001bca0\U0001bca3\U0001d173\U0001d17a\U000e0000\U000e0100\U000e01ef\U000e0fff"
)
FORBIDDEN_IN_HOSTS = "—、<>^|\"'`{}()!$&*+,;=~\x80\x9f\ufffd\ue000\uffff\u0378\ud800\U000f0000"


@pytest.mark.parametrize("host", ["127.0.0.1{}", "1{}27.0.0.1", "local{}host", "{}localhost", "exam{}ple.com"])
@pytest.mark.parametrize("character", IGNORED_BY_IDNA, ids=ascii)
def test_an_ignorable_character_changes_nothing(host: str, character: str) -> None:
    assert check_callback_url(f"https://{host.format(character)}/") == check_callback_url(f"https://{host.format('')}/")


@pytest.mark.parametrize("character", FORBIDDEN_IN_HOSTS, ids=ascii)
def test_a_character_that_no_host_can_have_is_refused(character: str) -> None:
    assert check_callback_url(f"https://exam{character}ple.com/") is not None


@pytest.mark.parametrize("host", ["127.0.0.1..", "localhost..", "example.com..", "..", "127.0.0.1.。"])
def test_two_dots_at_the_end_are_refused(host: str) -> None:
    assert check_callback_url(f"https://{host}/") is not None


@pytest.mark.parametrize(
    "host",
    [
        "[v1.example]",
        "[vF.a]:443",
        "a[2606:4700::1111]",
        "[2606:4700::1111]a",
        "[2606:4700::1111].com",
        "[2606:4700::1]]",
        "2606:4700::1111",
    ],
)
def test_brackets_hold_an_ipv6_address_and_nothing_stands_around_them(host: str) -> None:
    assert check_callback_url(f"https://{host}/") is not None
