"""The reference pages: as the code renders them, and with an entry for everything that is public."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_args

import click
import httpx
import pytest

from docs.render import REFERENCE, pages, stale, unknown
from docs.render.commands import COMMANDS, subcommands
from docs.render.control_api import calls
from docs.render.definitions import MODULES, names_of
from docs.render.exit_codes import EXIT_CODES
from docs.render.fixtures import PLUGINS, fixtures, markers, options
from docs.render.markdown import code, prose, sentence, table
from evolink_contracts.promises import PROMISES
from evolink_contracts.runs.receiver_promises import PROMISES as RECEIVER_PROMISES
from evolink_contracts.spec.errors import ERRORS, FAILURES
from evolink_contracts.spec.files import FILE_CALLS, FILE_ERRORS
from evolink_contracts.spec.openapi import render_openapi
from evolink_contracts.spec.sources import CONFLICTS, RULINGS, SOURCES
from evolink_mock import InProcessTransport, Settings, create_app
from evolink_mock.control.fidelity import fidelity
from evolink_mock.core.choices import Choices
from evolink_mock.core.delivery import Stage
from evolink_mock.core.task import SCENARIO_SOURCES
from evolink_mock.scenarios.language import SHORTHANDS, WORDS, parse_scenario
from evolink_mock.settings import NAMES, load_settings
from evolink_mock.settings.help import Help, help_in
from evolink_mock.settings.keys import KeyRule
from evolink_mock.settings.options import help_of
from evolink_mock.worlds.journal import EVENTS
from tests.support.emulator import bearer

STANDARD = ("builtins", "collections.abc", "contextlib", "dataclasses", "os", "time", "types", "typing")
"""Modules of the standard library whose names signatures use."""
ROOT = Path(__file__).parent.parent.parent
SOURCES_OF_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "evolink-mock": ("mockserver/evolink_mock/cli*",),
    "evolink": ("client/evolink_client/cli*",),
    "evolink-contracts": ("contracts/evolink_contracts/cli/*.py",),
}


def page(stem: str) -> str:
    return (REFERENCE / f"{stem}.md").read_text(encoding="utf-8")


def headings(stem: str) -> list[str]:
    return [line.lstrip("#").strip().replace("`", "") for line in page(stem).splitlines() if line.startswith("#")]


def blocks(stem: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page(stem), re.MULTILINE | re.DOTALL)


def test_every_page_is_what_the_code_renders() -> None:
    assert sorted(stale()) == [], "make reference"
    assert unknown() == []


def test_every_page_is_in_the_index_with_a_summary() -> None:
    for stem, each in pages().items():
        assert stem == "index" or f"- [{each.title}]({stem}.md): {each.summary}" in page("index")
        assert each.summary.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_an_entry(name: str) -> None:
    entry = page("settings").partition(f"\n### {name}\n")[2].partition("\n### ")[0]
    assert f"`EVOLINK_MOCK_{name.upper()}`" in entry
    assert f"`--{name.replace('_', '-')}`" in entry or f"`--set {name}=VALUE`" in entry
    said = CONFLICTS[name].question if name in CONFLICTS else help_of(name).text
    assert prose(said) in entry or sentence(said) in entry
    assert len(said.split()) > 2
    assert said.rstrip()[-1] in ".?"


@pytest.mark.parametrize("name", KeyRule.__struct_fields__)
def test_every_setting_of_a_key_has_an_entry(name: str) -> None:
    assert f"| {code(name)} |" in page("settings")
    assert sentence(help_in(KeyRule, name).text) in page("settings")


def test_a_setting_without_a_sentence_is_an_error() -> None:
    @dataclass
    class Record:
        said: Annotated[int, Help("A number.")] = 0
        silent: int = 0

    # The annotations of a class that is local to a function are found by their text only in its module.
    Record.__annotations__ = {"said": Annotated[int, Help("A number.")], "silent": int}
    assert help_in(Record, "said").text == "A number."
    with pytest.raises(LookupError, match=r"Record\.silent needs a Help"):
        help_in(Record, "silent")


def commands() -> Iterator[Any]:
    for name, group in COMMANDS:
        for context, command in subcommands(name, group):
            yield pytest.param(context, command, id=context.command_path)


@pytest.mark.parametrize(("context", "command"), [*commands()])
def test_every_command_and_option_has_an_entry(context: click.Context, command: click.Command) -> None:
    assert context.command_path in headings("commands")
    level = "##" if isinstance(command, click.Group) else "###"
    entry = page("commands").partition(f"\n{level} {context.command_path}\n")[2]
    entry = re.split(r"\n##", entry)[0]
    assert command.help
    for option in command.get_params(context):
        if isinstance(option, click.Option):
            row = next(line for line in entry.splitlines() if line.startswith(f"| {code(option.opts[0])}"))
            assert len(row.split(" | ")[-1].split()) > 1, f"{option.opts[0]} has no help text"


def exit_codes_in(patterns: tuple[str, ...]) -> set[int]:
    """The numbers that a command's code exits with: `sys.exit(3)`, `sys.exit(1 if broken else 0)`, `exit_code = 2`."""
    found = set()
    for pattern in patterns:
        for file in ROOT.glob(pattern):
            for path in file.rglob("*.py") if file.is_dir() else [file]:
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                    if isinstance(node, ast.Call) and ast.unparse(node.func) == "sys.exit":
                        found |= {
                            n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and type(n.value) is int
                        }
    return found


@pytest.mark.parametrize("command", EXIT_CODES)
def test_every_exit_code_has_an_entry(command: str) -> None:
    used = exit_codes_in(SOURCES_OF_COMMANDS[command])
    assert used <= EXIT_CODES[command].keys() == {*EXIT_CODES[command]}
    entry = page("exit-codes").partition(f"\n## {command}\n")[2].partition("\n## ")[0]
    for number, meaning in EXIT_CODES[command].items():
        assert f"| `{number}` | {sentence(meaning)} |" in entry
    (group,) = (group for name, group in COMMANDS if name == command)
    assert all(meaning in (group.epilog or "") for meaning in EXIT_CODES[command].values())


@pytest.mark.parametrize("word", [*WORDS, *SHORTHANDS])
def test_every_scenario_word_has_an_entry_with_its_values(word: str) -> None:
    entry = page("scenario-words").partition(f"\n### {word}\n")[2].partition("\n### ")[0]
    row = WORDS.get(word)
    summary = SHORTHANDS[word].summary if row is None else row.summary
    assert sentence(summary) in entry
    for value in () if row is None else row.values:
        assert f"| `{value}` |" in entry or f"`{word}={value}`" in entry


def test_the_examples_of_shorthands_are_scenarios() -> None:
    for name in SHORTHANDS:
        entry = page("scenario-words").partition(f"\n### {name}\n")[2]
        parse_scenario(entry.partition("Example: `")[2].partition("`")[0])


def test_every_scenario_source_has_an_entry() -> None:
    rows = [line for line in page("scenario-words").splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows[: len(SCENARIO_SOURCES)]] == list(SCENARIO_SOURCES)


@pytest.mark.parametrize("call", calls(), ids=lambda call: f"{call.method} {call.path}")
def test_every_control_call_has_an_entry_with_its_parameters(call: Any) -> None:
    heading = f"## `{call.method} /__mock{call.path}`"
    entry = page("control-api").partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    assert entry
    for name, meaning in call.parameters.items():
        assert f"| `{name}` | {sentence(meaning)} |" in entry
    for name in () if call.body is None else call.body.__struct_fields__:
        (row,) = (line for line in entry.splitlines() if line.startswith(f"| `{name}` |"))
        assert len(row.split(" | ")[-1].split()) > 2, f"{name} has no description"


def test_every_event_has_an_entry() -> None:
    entry = page("control-api").partition("\n## `GET /__mock/events`\n")[2].partition("\n## ")[0]
    for name, meaning in EVENTS.items():
        assert f"| `{name}` | {sentence(meaning)} |" in entry
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "mockserver").rglob("*.py")]
    recorded = {name for text in sources for name in re.findall(r'(?:record_event\(|event = )"([a-z.]+)"', text)}
    stages = {f"callback.{stage}" for stage in (*get_args(Stage), "failed") if stage != "queued"}
    assert recorded | stages <= {*EVENTS}
    assert {name for name in EVENTS if name.startswith("callback.")} == stages


def test_a_call_that_changes_something_names_its_body_or_takes_none() -> None:
    with httpx.Client(transport=InProcessTransport(create_app(Settings(clock="manual")))) as client:
        for call in calls():
            if call.method != "POST" or call.body is not None:
                continue
            created = client.post(
                "http://mock/v1/videos/generations",
                json={"model": "wan2.6-text-to-video", "prompt": "A cat", "callback_url": "https://sink.mock/200"},
                headers=bearer(),
            ).json()["id"]
            client.post("http://mock/__mock/clock", json={"until": "next-event"}, headers=bearer())
            client.post("http://mock/__mock/clock", json={"advance": "20s"}, headers=bearer())
            path = call.path.replace("{task_id}", created).replace("{number}", "1")
            refused = client.post(f"http://mock/__mock{path}", json={"surprise": 1}, headers=bearer())
            assert refused.status_code == 400, path
            assert "takes no body" in refused.text


def test_every_route_of_the_api_has_an_entry() -> None:
    paths = {
        method.upper() + " " + path
        for path, each in render_openapi("", cancel_route=True)["paths"].items()
        for method in each
    }
    assert paths <= set(headings("http-api"))
    for row in create_app(Settings()).table.rows:
        # A link of the file endpoints is given by their answers, and its path is no interface.
        assert row.path.startswith("/files/") or row.path in page("http-api"), row.path


def test_every_field_of_an_upload_has_an_entry() -> None:
    for call in FILE_CALLS:
        entry = page("http-api").partition(f"\n### `{call.method} {call.path}`\n")[2].partition("\n###")[0]
        assert call.path.partition("/upload/")[1] == ("/upload/" if call.fields else "")
        for field in call.fields:
            assert f"| `{field.name}`" in entry
            assert (
                f"{sentence(field.meaning)}{' Required.' * field.required} | {field.basis}, {field.source} |" in entry
            )


def test_every_error_and_failure_code_has_an_entry() -> None:
    text = page("failure-codes")
    for name, failure in FAILURES.items():
        assert f"| `{name}` | {' '.join(sentence(failure.message).split())}" in text
        assert f"| {sentence(failure.advice)} | {failure.origin} | {failure.basis}, {failure.source}" in text
    for (operation, condition), row in ERRORS.items():
        assert f"| {operation} | `{condition}` | {row.status} | {code(row.code)} |" in text
    for condition in FILE_ERRORS:
        assert f"| `{condition}` |" in page("http-api")


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.number)
def test_every_promise_has_an_entry(promise: Any) -> None:
    row = f"| {promise.number} `{promise.name}` | {prose(promise.statement)} | {promise.severity} |"
    assert f"{row} {promise.basis}, {promise.source} |".replace("\n", " ") in page("promises")


def test_every_promise_of_a_receiver_has_an_entry() -> None:
    for promise in RECEIVER_PROMISES:
        assert f"| {promise.number} | {prose(promise.statement)} |" in page("promises")


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_an_entry(module: str) -> None:
    assert module in headings("python")
    assert {*names_of(module)} <= {*headings("python")}


def test_every_stub_of_a_public_name_is_python() -> None:
    for stub in blocks("python", "python"):
        ast.parse(stub)


def test_every_name_in_a_public_signature_has_an_entry_or_is_explained() -> None:
    named = {part for heading in headings("python") for part in (heading, heading.rpartition(".")[2])}
    named |= set(re.findall(r"^\| `(\w+)` \| \S", page("python"), re.MULTILINE))
    standard = {"random", "ssl", *(name for each in STANDARD for name in vars(import_module(each)))}
    for stub in blocks("python", "python"):
        loaded = (node for node in ast.walk(ast.parse(stub)) if isinstance(node, ast.Name))
        used = {node.id for node in loaded if isinstance(node.ctx, ast.Load)}
        assert used - named - standard == set(), stub
    assert {"Emulator", "Behaviour", "DOCUMENTED", "ClockFactory", "Grant", "StorageError", "Choices"} <= named


def test_no_stub_names_what_is_private() -> None:
    for stub in blocks("python", "python"):
        private = [node.id for node in ast.walk(ast.parse(stub)) if isinstance(node, ast.Name) and node.id[0] == "_"]
        assert private == [], stub
    assert 'cancelled_as: Literal["failed", "cancelled"] = "failed"' in page("python")


def test_every_fixture_marker_and_option_of_pytest_has_an_entry() -> None:
    for _, plugin in PLUGINS:
        for name, _, documented in fixtures(plugin):
            assert name in headings("pytest")
            assert documented
        for marker, meaning in markers(plugin):
            assert f"`@pytest.mark.{marker}`" in page("pytest")
            assert meaning
        for option, given in options(plugin):
            assert f"| `{option}" in page("pytest")
            assert given["help"]


def test_every_row_of_the_fidelity_report_has_an_entry() -> None:
    report: Mapping[str, Any] = fidelity(Choices())
    for row in report["emulator"]:
        assert f"| {prose(row['subject'])} | {sentence(row['behaviour'])} | {row['basis']} |" in page("fidelity")
    for ruling in RULINGS:
        assert f"| {ruling.subject} |" in page("fidelity")
    assert all(f"| {key} |" in page("fidelity") for key in SOURCES)


def test_the_settings_files_shown_are_valid(tmp_path: Path) -> None:
    shown, defaults, *_ = blocks("files", "toml")
    file = tmp_path / "settings.toml"
    file.write_text(shown, encoding="utf-8")
    assert load_settings(file=file).clock == "manual"
    file.write_text(defaults, encoding="utf-8")
    assert load_settings(file=file) == load_settings()


def test_no_two_headings_of_a_page_have_the_same_anchor() -> None:
    for stem in pages():
        seen = headings(stem)
        assert len(seen) == len(set(seen)), f"{stem}: two headings are the same, and so are their anchors"


def test_texts_become_markdown_without_markup() -> None:
    assert prose("a <b> of *c* in [d]") == r"a \<b> of \*c\* in \[d\]"
    assert prose("a `<b>` of <c>") == r"a `<b>` of \<c>"
    assert sentence("what it is") == "What it is."
    assert sentence("evolink-mock serves") == "evolink-mock serves."
    assert code("a`b") == "`` a`b ``"


def test_a_table_keeps_its_columns_and_leaves_out_empty_ones() -> None:
    assert table(("A", "B", "C"), [("1|2", "", "x\ny"), ("3", "", "")]) == (
        "| A | C |\n| --- | --- |\n| 1\\|2 | x y |\n| 3 |  |"
    )
