"""The command line has options made from the settings, each with its help."""

import os
from dataclasses import fields

import click
import pytest
from click.testing import CliRunner

from evolink_mock.cli import main
from evolink_mock.settings import NAMES, Settings
from evolink_mock.settings.options import help_of, option
from tests.support.commands import run

SETTINGS = [each.name for each in fields(Settings) if each.name != "choices"]


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_documented_in_a_sentence_and_can_be_an_option(name: str) -> None:
    text = help_of(name).text
    assert text.endswith(".")
    assert text[0].isupper() or ":" in text
    assert option(name).name == name


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("port", "integer", "[default: 8080]"),
        ("speed", "float", "[default: 1]"),
        ("clock_start", "integer", "[default: now; manual, auto: 1757169743]"),
        ("tls", "boolean", "[default: off]"),
        ("state", "text", "crashes."),
        ("keys", "text", "[default: any but sk-invalid...]"),
    ],
)
def test_an_option_has_the_type_and_the_default_of_its_setting(name: str, kind: str, shown: str) -> None:
    made = option(name)
    assert made.type.name == kind
    assert (made.help or "").endswith(shown)


def test_a_closed_choice_is_one_on_the_command_line() -> None:
    refused = run("serve", "--clock", "fast")
    assert refused.exit_code == 2
    assert "'fast' is not one of 'real', 'scaled', 'manual', 'auto'" in refused.output


def test_the_help_of_serve_has_the_words_of_the_settings() -> None:
    shown = " ".join(CliRunner().invoke(main, ["serve", "--help"], env=dict(os.environ, COLUMNS="100")).output.split())
    for name in ("host", "seed", "scenarios", "public_url", "callback_route", "fetch_public"):
        assert f"--{name.replace('_', '-')}" in shown
        assert help_of(name).text in shown
    assert "no-tls" in shown


@pytest.mark.parametrize("command", ["serve", "doctor"])
def test_the_options_are_settings_or_say_how_the_settings_are_read(command: str) -> None:
    made = main.commands[command]
    options = [
        each for each in made.get_params(click.Context(made, **main.context_settings)) if isinstance(each, click.Option)
    ]
    names = {each.name for each in options if "--help" not in each.opts}
    assert names - set(NAMES) <= {"config", "assignments", "dry_run", "as_json", "exit_with_stdin"}
