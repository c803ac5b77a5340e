"""The three commands with their subcommands, arguments and options, rendered from click."""

import re
from collections.abc import Iterator

import click

from docs.render import Page
from docs.render.markdown import block, code, codes, join, sentence, table
from docs.render.markdown import default as shown
from evolink_client.cli import main as evolink
from evolink_contracts.cli.main import main as evolink_contracts
from evolink_mock.cli import SettingsCommand
from evolink_mock.cli import main as evolink_mock
from evolink_mock.settings.loading import ENV_PREFIX

COMMANDS: tuple[tuple[str, click.Group], ...] = (
    ("evolink-mock", evolink_mock),
    ("evolink", evolink),
    ("evolink-contracts", evolink_contracts),
)

_DEFAULT = re.compile(r"\s*\[default: (.*)\]$")


def subcommands(name: str, group: click.Group) -> Iterator[tuple[click.Context, click.Command]]:
    """The group and each of its subcommands with a context, as `--help` has it."""
    above = click.Context(group, info_name=name, **group.context_settings)
    yield above, group
    for subcommand in sorted(group.commands):
        command = group.commands[subcommand]
        yield click.Context(command, info_name=subcommand, parent=above), command


def _body() -> str:
    return join(_COMPLETION, *(_command(*each) for name, group in COMMANDS for each in subcommands(name, group)))


def _command(context: click.Context, command: click.Command) -> str:
    level = "##" if isinstance(command, click.Group) else "###"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    help_text = (command.help or "").replace("\b\n", "")
    # In the epilog stands what the pages of the exit codes and of the settings list.
    return join(
        f"{level} {context.command_path}",
        *(sentence(" ".join(part.split())) for part in help_text.split("\n\n")),
        block(usage, "text"),
        _options(context, command),
    )


def _options(context: click.Context, command: click.Command) -> str:
    options = [each for each in command.get_params(context) if isinstance(each, click.Option) and not each.hidden]
    rows = [_row(context, command, option) for option in options]
    return table(("Option", "Default", "Environment variable", "Meaning"), rows)


def _row(context: click.Context, command: click.Command, option: click.Option) -> tuple[str, str, str, str]:
    meaning = option.help or ""
    default = ""
    if found := _DEFAULT.search(meaning):
        meaning, default = meaning[: found.start()], found[1]
    elif option.show_default and option.default is not None:
        default = str(option.default)
    names = codes((*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" {code(option.make_metavar(context))}"
    return names + value, shown(default) if default else "", _variable(command, option), sentence(meaning)


def _variable(command: click.Command, option: click.Option) -> str:
    if isinstance(option.envvar, str):
        return code(option.envvar)
    if isinstance(command, SettingsCommand) and option.name in command.settings:
        return code(f"{ENV_PREFIX}{option.name.upper()}")
    return ""


_COMPLETION = """\
Every option is shown by `--help`, and by `-h`. Shells complete commands, options and values:

```sh
eval "$(_EVOLINK_MOCK_COMPLETE=bash_source evolink-mock)"
eval "$(_EVOLINK_COMPLETE=bash_source evolink)"
eval "$(_EVOLINK_CONTRACTS_COMPLETE=bash_source evolink-contracts)"
```

Write `zsh_source` or `fish_source` for these shells.

Some environment variables belong to no option: `evolink` reads the API key from `EVOLINK_API_KEY`;
`evolink-contracts run` reads the control token of an emulator from `EVOLINK_MOCK_CONTROL_TOKEN`; and each command that
sends requests by HTTPS trusts the certificate authorities in the file that `SSL_CERT_FILE` names."""

PAGE = Page("Commands", "`evolink-mock`, `evolink` and `evolink-contracts` with every option.", _body)
