"""Header values in any alphabet: UTF-8, as clients write it, and Latin-1 where it is not valid UTF-8."""

import pytest

from evolink_mock.core.request_headers import bearer_key, header_text
from evolink_mock.settings.keys import KeyRule
from tests.support.emulator import DOCUMENTED, Emulator

TEXTS = ("café", "naïve – “quoted”", "失败", "ошибка", "🐈")


@pytest.mark.parametrize("text", TEXTS)
def test_a_value_is_read_as_utf_8(text: str) -> None:
    assert header_text(text.encode()) == text
    assert bearer_key(b"Bearer sk-" + "é失🐈".encode()) == "sk-é失🐈"


def test_bytes_that_are_not_utf_8_are_read_as_latin_1() -> None:
    assert header_text(b"caf\xe9") == "café"
    assert bearer_key(b"Bearer sk-\xe9") == "sk-é"


@pytest.mark.parametrize("text", TEXTS)
def test_a_scenario_says_the_same_by_every_source(emulator: Emulator, text: str) -> None:
    scenario = f"fail=content_policy_violation; message={text}"
    headers = {b"authorization": b"Bearer sk-local", b"x-mock-scenario": scenario.encode()}
    by_header = emulator.client.post("/v1/videos/generations", json=DOCUMENTED, headers=headers).json()["id"]
    emulator.control("scenarios", {"scenario": scenario})
    queued = emulator.create()
    by_prompt = emulator.create(prompt=f"[[mock: {scenario}]] A cat")
    emulator.advance("30s")
    messages = [emulator.query(task).json()["error"]["message"] for task in (by_header, queued, by_prompt)]
    assert messages == [text] * 3


def test_a_key_in_another_alphabet_is_the_key_of_the_settings() -> None:
    with Emulator.in_process(keys={"sk-é失": KeyRule()}, only_keys=True) as emulator:
        answer = emulator.client.get("/v1/credits", headers={b"authorization": "Bearer sk-é失".encode()})
    assert answer.status_code == 200
