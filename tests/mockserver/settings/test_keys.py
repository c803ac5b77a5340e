"""Naming a key in the settings gives it settings of its own; `only_keys`, and a list of keys, refuse all others."""

from pathlib import Path

import pytest

from evolink_mock.core.redaction import key_digest, masked_key
from evolink_mock.core.request_headers import LONGEST_KEY
from evolink_mock.server.banner import banner
from evolink_mock.settings import KeyRule, Settings, load_settings
from tests.support.emulator import DOCUMENTED, Emulator

TABLE = '[keys."sk-poor"]\nbalance = 20.0\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "c.toml"
    written.write_text(TABLE, encoding="utf-8")
    return written


def accepts(settings: Settings, key: str) -> bool:
    return settings.accepted_keys().accepts(key)


def test_a_table_of_keys_locks_no_other_key_out(file: Path) -> None:
    loaded = load_settings(file=file)
    assert accepts(loaded, "sk-local")
    assert not accepts(loaded, "sk-invalid-1")
    assert "accepts only" not in banner(loaded, None)


@pytest.mark.parametrize("environ", [{"EVOLINK_MOCK_ONLY_KEYS": "true"}, {"EVOLINK_MOCK_KEYS": "sk-poor"}])
def test_only_keys_and_a_list_of_keys_lock_the_others_out(file: Path, environ: dict[str, str]) -> None:
    for loaded in (load_settings({}, environ, file), load_settings({"only_keys": True}, {}, file)):
        assert accepts(loaded, "sk-poor")
        assert not accepts(loaded, "sk-local")


def test_a_list_of_keys_leaves_them_the_settings_that_a_table_gives_them(file: Path) -> None:
    loaded = load_settings({"keys": "sk-poor,sk-rich"}, {}, file)
    assert loaded.keys == {"sk-poor": KeyRule(balance=20.0), "sk-rich": KeyRule()}
    assert not accepts(loaded, "sk-local")


def test_an_explicit_choice_of_the_same_source_or_above_wins_over_a_list(file: Path) -> None:
    assert accepts(load_settings({"keys": "sk-poor", "only_keys": False}, {}, file), "sk-local")
    assert accepts(load_settings({"only_keys": False}, {"EVOLINK_MOCK_KEYS": "sk-poor"}, file), "sk-local")
    file.write_text("only_keys = false\n" + TABLE, encoding="utf-8")
    assert not accepts(load_settings({"keys": "sk-poor"}, {}, file), "sk-local")


def test_an_empty_list_restricts_nothing() -> None:
    assert accepts(load_settings({}, {"EVOLINK_MOCK_KEYS": ""}), "sk-local")


def test_only_keys_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="EVOLINK_MOCK_ONLY_KEYS: only_keys needs the keys to accept"):
        load_settings({}, {"EVOLINK_MOCK_ONLY_KEYS": "true"})


def test_the_banner_says_which_keys_are_accepted(file: Path) -> None:
    shown = banner(load_settings({"only_keys": True}, {}, file), None)
    assert f"accepts only the keys of {file}: sk…r\n" in shown
    assert "$EVOLINK_API_KEY" in shown


@pytest.mark.parametrize("path", ["/__mock/clock", "/__mock/timeline"])
def test_a_refused_key_gets_the_reason_and_a_missing_one_another(path: str) -> None:
    keys = {"sk-poor": KeyRule(balance=20.0)}
    with Emulator.in_process(keys=keys, only_keys=True) as emulator:
        refused = emulator.as_key("sk-local-1234").request("GET", path)
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == "key_refused"
        assert refused.json()["error"]["message"] == (
            "This emulator accepts only the keys of the settings; got sk-l…34"
        )
        missing = emulator.client.get(path)
        assert (missing.status_code, missing.json()["error"]["code"]) == (401, "world_required")
        assert missing.json()["error"]["message"].startswith("No key was sent")
        malformed = emulator.client.get(path, headers={"Authorization": "Basic x"})
        assert malformed.json()["error"]["message"].startswith("The Authorization header is not of the form")


def test_an_invalid_key_gets_its_own_reason(emulator: Emulator) -> None:
    refused = emulator.as_key("sk-invalid-1").request("GET", "/__mock/clock").json()["error"]
    assert (refused["code"], "sk-invalid" in refused["message"]) == ("key_refused", True)


def test_the_limit_of_a_key_is_in_bytes() -> None:
    assert accepts(Settings(), "é" * (LONGEST_KEY // 2))
    assert not accepts(Settings(), "é" * (LONGEST_KEY // 2) + "x")


def test_a_key_over_the_limit_is_refused_everywhere(emulator: Emulator) -> None:
    longest = "k" * LONGEST_KEY
    assert emulator.as_key(longest).request("GET", "/v1/credits").status_code == 200
    longer = emulator.as_key(longest + "x")
    for path in ("/v1/credits", "/v1/tasks/task-unified-1-a", "/api/v1/files/quota", "/__mock/clock"):
        assert longer.request("GET", path).status_code == 401
    refused = longer.request("GET", "/__mock/clock").json()["error"]
    assert refused == {
        "code": "key_refused",
        "message": f"A key has at most {LONGEST_KEY} bytes; got one of {LONGEST_KEY + 1}",
        "type": refused["type"],
    }
    assert longer.post(DOCUMENTED).json() == emulator.as_key("sk-invalid").post(DOCUMENTED).json()


def test_a_key_over_the_limit_is_refused_in_the_settings() -> None:
    with pytest.raises(ValueError, match=f"has 257 bytes; a key has at most {LONGEST_KEY}"):
        Settings(keys={"k" * 257: KeyRule()})


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("sk-tour", "sk…r"),
        ("sk-test-of-tour", "sk-t…our"),
        ("sk-local", "sk-…l"),
        ("sk-a", "sk…"),
        ("sk-ab", "sk…"),
        ("", "…"),
    ],
)
def test_a_key_is_shown_by_its_ends(key: str, shown: str) -> None:
    assert masked_key(key) == shown


def test_keys_with_equal_ends_have_worlds_of_different_ids(emulator: Emulator) -> None:
    for key in ("sk-one-1", "sk-other-1-1", "sk-o22-1"):
        emulator.as_key(key).request("GET", "/v1/credits")
    rows = emulator.control("worlds?all=true")["worlds"]
    ids = [row["world"] for row in rows]
    assert len(set(ids)) == len(ids)
    assert key_digest("sk-one-1") in ids
    assert all(len(each) == 8 and int(each, 16) >= 0 for each in ids)


def test_an_id_selects_a_world_without_its_key(emulator: Emulator) -> None:
    task = emulator.create()
    clock = emulator.control("clock")
    assert (clock["key"], clock["world"]) == ("sk-…l", key_digest("sk-local"))
    shown = emulator.client.get(f"/__mock/tasks?world={clock['world']}").json()["tasks"]
    assert [row["id"] for row in shown] == [task]
    unknown = emulator.client.get("/__mock/tasks?world=00000000")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "world_not_found")
    assert emulator.client.get("/__mock/tasks?world=x").json()["error"]["code"] == "invalid_query"
    both = emulator.client.get(f"/__mock/tasks?all=true&world={clock['world']}")
    assert both.json()["error"]["message"] == "Give either all=true or world=ID"
