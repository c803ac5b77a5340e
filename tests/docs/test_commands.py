"""Every command that a page names, in a block or in a line, is one that the program understands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from docs.render.commands import COMMANDS as GROUPS
from docs.render.commands import subcommands
from evolink_client.cli import main as evolink
from evolink_contracts.cli.main import main as evolink_contracts
from evolink_mock.cli import SettingsCommand
from evolink_mock.cli import main as evolink_mock

ROOT = Path(__file__).parent.parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").rglob("*.md")]
PROGRAMS = {"evolink": evolink, "evolink-contracts": evolink_contracts, "evolink-mock": evolink_mock}
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(evolink(?:-mock|-contracts)? [^`]+)`")
_COMMAND = re.compile(r"(?:\w+=\S*\s+)*(evolink(?:-mock|-contracts)?) (.*)")


def commands() -> Iterator[str]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = "".join(_BLOCK.findall(text)).replace("\\\n", "").splitlines()
        for line in [*lines, *_INLINE.findall(text)]:
            if found := _COMMAND.match(line.strip()):
                yield re.split(r" [|>&;]|\)", f"{found[1]} {found[2]}")[0]


COMMANDS = sorted({each for each in commands() if not set(each) & set("…$[")})


def understand(command: click.Command, arguments: list[str], parent: click.Context | None = None) -> None:
    """Parse as the program does, up to values: files and services of an example need not exist here."""
    try:
        context = command.make_context(command.name, arguments, parent=parent)
    except (click.NoSuchOption, click.exceptions.NoArgsIsHelpError):
        raise
    except (click.BadParameter, click.BadOptionUsage, click.MissingParameter, click.exceptions.Exit):
        return
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        _, chosen, rest = command.resolve_command(context, rest)
        assert chosen is not None
        understand(chosen, rest, context)


def test_pages_name_every_command_of_the_kit() -> None:
    named = {line.split()[1] for line in COMMANDS if line.startswith("evolink-contracts ")}
    assert evolink_contracts.commands.keys() <= named


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_understood(line: str) -> None:
    program, *arguments = shlex.split(line, comments=True)
    understand(PROGRAMS[program], arguments)


@pytest.mark.parametrize("line", ["evolink-mock serv", "evolink-mock serve --prt 1", "evolink-contracts run --hook x"])
def test_an_unknown_command_or_option_is_found(line: str) -> None:
    with pytest.raises(click.UsageError):
        test_a_command_is_understood(line)


CALLS_BY_HTTPS = ("evolink-mock explain", "evolink-contracts run", "evolink-contracts receiver")
EVERY = [each for name, group in GROUPS for each in subcommands(name, group)]


@pytest.mark.parametrize(("context", "command"), [pytest.param(*each, id=each[0].command_path) for each in EVERY])
def test_the_help_names_every_variable_that_a_command_reads(context: click.Context, command: click.Command) -> None:
    for option in command.get_params(context):
        if isinstance(option, click.Option) and option.envvar is not None:
            record = option.get_help_record(context)
            assert record is not None
            assert f"[env var: {option.envvar}" in record[1]
    shown = " ".join(command.get_help(context).split())
    if context.command_path in CALLS_BY_HTTPS or context.command_path.startswith("evolink "):
        assert "SSL_CERT_FILE" in shown
    if context.command_path == "evolink-contracts run":
        assert "EVOLINK_MOCK_CONTROL_TOKEN" in shown
    if isinstance(command, SettingsCommand):
        assert "EVOLINK_MOCK_" in (command.epilog or "")
    if context.command_path.startswith("evolink "):
        assert "EVOLINK_API_KEY" in shown
        assert "[env var: EVOLINK_BASE_URL]" in shown


def test_the_reference_names_the_variables_that_belong_to_no_option() -> None:
    page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    for variable in ("EVOLINK_API_KEY", "EVOLINK_MOCK_CONTROL_TOKEN", "SSL_CERT_FILE"):
        assert f"`{variable}`" in page.partition("\n## ")[0]
