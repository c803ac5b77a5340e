"""No spelling of a key gets through, and innocent text stays as it is."""

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.core.redaction import redact, truncate
from tests.support.emulator import Emulator

KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=6, max_size=40)
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in JSON": json.dumps,
    "in JSON within JSON": lambda key: json.dumps(json.dumps(key)),
    "percent-encoded": lambda key: quote(key, safe=""),
    "percent-encoded throughout": lambda key: "".join(f"%{ord(character):02x}" for character in key),
    "as escapes": lambda key: "".join(f"\\u{ord(character):04X}" for character in key),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(key=KEYS, before=st.text(), after=st.text())
def test_a_key_is_found_however_it_is_spelled(spelling: str, key: str, before: str, after: str) -> None:
    spelled = SPELLINGS[spelling](key)
    shown = redact(f"{before} {spelled} {after}".encode("utf-8", "replace"), key)
    assert spelled.encode() not in shown


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
