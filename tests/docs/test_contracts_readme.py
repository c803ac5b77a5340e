"""Each command of the kit's README is one that the kit understands."""

import re
import shlex
from pathlib import Path

import click
import pytest

from evolink_contracts.cli.main import main

ROOT = Path(__file__).parent.parent.parent
TEXT = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "contracts/README.md"))
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = sorted({line for block in BLOCKS for line in block.splitlines() if line.startswith("evolink-contracts ")})


def test_there_are_commands_of_every_kind() -> None:
    assert {line.split()[1] for line in COMMANDS} == main.commands.keys()


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_understood(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVOLINK_API_KEY", "sk-local")
    for name in ("trace.jsonl", "failed.json"):
        (tmp_path / name).touch()
    name, *arguments = shlex.split(line)[1:]
    command = main.commands[name]
    with command.make_context(name, arguments, parent=click.Context(main)) as understood:
        assert understood.params.keys() == {option.name for option in command.params}
