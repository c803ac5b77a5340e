"""A paid service, for which fakes stand: what is bought is bound, and callbacks come to the kit's own receiver."""

import json
import re
import socket
from pathlib import Path

import pytest

from certificates import HOST, certificate
from evolink_contracts.spending import Overspent, Purse, Refrained
from evolink_contracts.trace import Call
from kit import kit
from serving import Server

CHEAP = {
    "model": "wan2.6-image-to-video-flash",
    "prompt": "x",
    "image_urls": ["https://example.com/a.png"],
    "duration": 2,
}


def bought(reserved: object) -> Call:
    answer = json.dumps({"id": "t", "usage": {"credits_reserved": reserved}})
    return Call(0, "POST", "/v1/videos/generations", 200, answer, sent=json.dumps(CHEAP))


def test_the_first_price_that_is_shown_replaces_the_one_that_was_thought() -> None:
    purse = Purse(limit=20)
    assert purse.worst(CHEAP) == 6
    purse.after(bought(12))
    assert (purse.spent, purse.worst(CHEAP)) == (12, 12)
    with pytest.raises(Overspent, match="may cost 12 credits; of 20"):
        purse.afford([CHEAP])


@pytest.mark.parametrize("shown", [None, "6", -1, float("nan"), float("inf"), True])
def test_a_price_that_is_none_counts_as_the_worst(shown: object) -> None:
    purse = Purse(limit=20, rate=4)
    purse.after(bought(shown))
    assert purse.spent == 8


def test_what_broke_a_rule_and_was_accepted_is_not_tried_again() -> None:
    faulty = json.dumps({**CHEAP, "prompt": None})
    purse = Purse(limit=1000)
    purse.before(faulty, {})
    answer = json.dumps({"id": "t", "usage": {"credits_reserved": 6}})
    purse.after(Call(0, "POST", "/v1/videos/generations", 200, answer, sent=faulty))
    with pytest.raises(Refrained, match="t was accepted though it broke a rule, and another may cost credits too"):
        purse.before(faulty, {})
    purse.before(json.dumps(CHEAP), {})
    assert purse.spent == 6


def test_a_live_run_says_what_it_costs_and_refuses_what_is_too_much() -> None:
    with Server("--generation-time", "1s") as server:
        live = ("run", "--base-url", server.url, "--api-key", "sk-live", "--profile", "live")
        ran = kit(*live, "--max-credits", "5")
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "4 creates may cost 15 credits; of 5 (--max-credits) 0 are spent; nothing was bought" in ran.stderr
        assert kit(*live).returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profile", "scheme"), [("emulator", "http"), ("emulator", "https"), ("live", "http")], ids=lambda each: each
)
def test_callbacks_come_to_the_receiver_of_the_kit(profile: str, scheme: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own, ca = certificate(tmp_path)
    listen = ["--listen", f"127.0.0.1:{port}", *(["--certificate", *map(str, own)] if scheme == "https" else [])]
    more = ("--max-credits", "20", "--callbacks", "yes") if profile == "live" else ("--histories", "5")
    route = ("--callback-route", f"https://{HOST}={scheme}://127.0.0.1:{port}", "--callback-ca", str(ca))
    with Server("--generation-time", "1s", *route) as server:
        ran = kit("run", "--base-url", server.url, "--api-key", "sk-live", "--profile", profile, *listen, *more)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"Callbacks to https://{HOST} are heard at {scheme}://127.0.0.1:{port}" in ran.stderr
    assert re.search(r"✓ VC-067 .*\(\d+×\)", ran.stdout), ran.stdout
    assert "✓ VC-066" in ran.stdout
    if profile == "live":
        assert "At worst this costs 18 credits, for 5 creates of 2 s; --max-credits allows 20" in ran.stderr
        assert "✓ VC-068 A receiver has 10 s to answer." in ran.stdout
    else:
        assert ran.stdout.splitlines()[-1].endswith("; 5 histories of seed 0 held")
