"""No spelling of a key gets through, and innocent text stays as it is."""

import json
import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from evolink_mock.core.redaction import masked_key, redact, truncate
from tests.support.emulator import Emulator

KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=6, max_size=40)
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in JSON": json.dumps,
    "in JSON within JSON": lambda key: json.dumps(json.dumps(key)),
    "percent-encoded": lambda key: quote(key, safe=""),
    "percent-encoded throughout": lambda key: "".join(f"%{byte:02x}" for byte in key.encode()),
    "as escapes": lambda key: re.sub(
        r"..",
        lambda unit: f"\\u{ord(unit[0][0]):02X}{ord(unit[0][1]):02X}",
        key.encode("utf-16-be").decode("latin-1"),
        flags=re.DOTALL,
    ),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(key=KEYS, before=st.text(), after=st.text())
def test_a_key_is_found_however_it_is_spelled(spelling: str, key: str, before: str, after: str) -> None:
    spelled = SPELLINGS[spelling](key)
    shown = redact(f"{before} {spelled} {after}".encode("utf-8", "replace"), key)
    assert spelled.encode() not in shown


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(key=st.text(st.sampled_from('\\%u0041b"ы😀'), min_size=6, max_size=12), before=st.sampled_from(["", "\\", "x"]))
def test_a_key_that_looks_escaped_itself_is_found(spelling: str, key: str, before: str) -> None:
    if len(spelled := SPELLINGS[spelling](key).encode()) >= 6:
        assert spelled not in redact(before.encode() + b" " + spelled + b" ", key)


@example(key="000000", before="%", after="")
@example(key="0041bc", before="\\u", after="")
@given(key=KEYS, before=st.text(), after=st.text())
def test_json_with_a_redacted_key_is_still_json(key: str, before: str, after: str) -> None:
    assume(len(key.replace("\\", "")) >= 4)
    text = f"{before}{key}{after}"
    for value in (text, json.dumps(text), json.dumps(json.dumps(text))):
        shown = json.loads(redact(json.dumps({"a": [value]}).encode(), key))
        assert key not in shown["a"][0]


HUGE = 400_000


@pytest.mark.parametrize("text", [b"\\", b"\\u", b"\\ud83d", b"%", b"%4", b"%41", b'\\"', b"s", b"sk-test-12345"])
def test_redaction_takes_a_time_that_is_linear_in_the_text(text: bytes) -> None:
    """In quadratic time, each of these would take hours."""
    huge = text * (HUGE // len(text))
    assert redact(huge, "sk-test-123456") == huge
    assert redact(huge + b"sk-test-12345\\u0036", "sk-test-123456").endswith("…".encode())


@pytest.mark.parametrize("run", [1, 200, 511, 1023])
def test_a_key_of_backslashes_is_redacted_in_a_time_that_is_linear_in_the_text(run: int) -> None:
    """To compare each spelling at each place would take minutes."""
    key, huge = "\\" * 256, (b"\\" * run + b"x") * (4_000_000 // (run + 1))
    assert redact(huge, key).replace("…".encode(), b"").count(b"x") == huge.count(b"x")
    assert redact(b"a " + key.encode() + b" b", key) == "a … b".encode()


def test_a_key_of_any_length_that_comes_once_costs_no_preparation() -> None:
    """To compile a pattern for each of these would take minutes."""
    for number in range(500):
        key = f"sk-{number}" * 1000
        assert redact(f"a {key}\\n".encode(), key) == "a …\\n".encode()


def test_a_masked_key_shows_at_most_half_of_it() -> None:
    shown = [masked_key("abcdefghijklmnopqrst"[:length]) for length in range(21)]
    assert shown[:8] == ["…", "…", "a…", "a…", "ab…", "ab…", "ab…f", "ab…g"]
    assert shown[8] == "abc…h"
    assert shown[14] == "abcd…lmn"
    assert shown[20] == "abcd…rst"
    assert all(len(each) - 1 <= length / 2 for length, each in enumerate(shown))


@given(key=KEYS, place=st.integers(0, 60))
def test_truncation_leaves_no_part_of_a_key(key: str, place: int) -> None:
    text = b"~" * place + key.encode() + b"~" * 100
    kept = truncate(text, 50, key)
    assert len(kept) <= 50
    assert key.encode()[:4] not in kept or b"~" in key.encode()[:4] or place + len(key) > len(text)


def test_short_keys_are_not_redacted_in_running_text(emulator: Emulator) -> None:
    own = emulator.as_key("o")
    own.request("GET", "/v1/credits", {"X-Mock-Token": "SECRET", "Cookie": "sid=SECRET"})
    text = own.request("GET", "/__mock/journal").text
    assert "SECRET" not in text
    assert '"x-mock-token":"…"' in text


def test_control_calls_redact_the_key_in_a_task_too(emulator: Emulator) -> None:
    own = emulator.as_key('sk-"quoted"-0123')
    task = own.create(prompt='it is sk-"quoted"-0123 indeed')
    own.request("GET", "/v1/credits?k=sk%2D%22quoted%22%2D0123")
    for path in (f"tasks/{task}", "journal", "events", "worlds", "clock"):
        assert "0123" not in own.request("GET", f"/__mock/{path}").text.replace(task, "")


def test_a_key_at_the_edge_of_a_long_body_is_hidden(emulator: Emulator) -> None:
    own = emulator.as_key("sk-secret-123456789")
    for padding in range(4040, 4060):
        own.post_raw(b"x" * padding + b"sk-secret-123456789" + b"x" * 100)
    assert "sk-sec" not in own.request("GET", "/__mock/journal").text
