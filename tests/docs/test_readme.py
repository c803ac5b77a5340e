"""The README's files, pictures and tables; test_pages.py runs its blocks."""

import re
from pathlib import Path

from evolink_mock.core.task import SCENARIO_SOURCES
from evolink_mock.scenarios.language import WORDS
from evolink_mock.scenarios.wire_faults import WIRE_FAULTS
from tests.support.commands import run
from tests.support.emulator import DOCUMENTED, Emulator

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_settings_example_is_accepted(tmp_path: Path) -> None:
    from evolink_mock.settings import load_settings

    (example,) = [text for kind, text in BLOCKS if kind == "toml" and "[[rule]]" not in text]
    file = tmp_path / "evolink.toml"
    file.write_text(example, encoding="utf-8")
    loaded = load_settings(file=file)
    assert loaded.keys["sk-poor"].balance == 20.0
    assert loaded.choices.cancelled_as == "cancelled"


def test_the_example_of_a_scenario_file_does_what_is_said_of_it(tmp_path: Path) -> None:
    (example,) = [text for kind, text in BLOCKS if kind == "toml" and "[[rule]]" in text]
    file = tmp_path / "scenarios.toml"
    file.write_text(example, encoding="utf-8")
    assert run("check", str(file)).stdout == f"{file}: 2 rules, nothing wrong\n"
    with Emulator.in_process(scenarios=str(file)) as emulator:
        answers = [emulator.post(DOCUMENTED) for _ in range(104)]
        assert [(answer.status_code, answer.headers.get("retry-after")) for answer in answers[:5]] == [
            *[(429, "5")] * 3,
            *[(200, None)] * 2,
        ]
        emulator.advance("20s")
        tasks = emulator.control("tasks?limit=101")["tasks"]
        assert 20 < [task["status"] for task in tasks].count("failed") < 60
        assert tasks[-1]["status"] == "completed"


def test_it_names_every_scenario_source_in_order_and_every_word() -> None:
    section = README.partition("## Fault injection (scenarios)")[2].partition("\n## ")[0]
    assert re.findall(r"^\| (prompt|header|queued|key|file|default) \|", section, re.MULTILINE) == list(
        SCENARIO_SOURCES
    )
    for word in (*WORDS, "flap"):
        assert f"`{word}=" in section, word
    for fault in WIRE_FAULTS:
        assert f"`{fault}`" in section, fault


def test_the_pictures_are_there() -> None:
    shown = re.findall(r'(?:src|srcset)="([^"]+\.png)"', README)
    assert len(shown) == 2
    for name in shown:
        head = (ROOT / name).read_bytes()[:24]
        assert head.startswith(b"\x89PNG")
        assert (int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")) == (1280, 720)
