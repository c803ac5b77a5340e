"""Values as people write them: defaults in every source, words for true and false, lists with commas and repeated."""

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest

from docs.render.settings import PAGE
from evolink_mock.cli import SERVE_SETTINGS, main
from evolink_mock.settings import MEDIA, NAMES, Settings, load_settings
from evolink_mock.settings.record import LISTS
from tests.support.commands import refused, run

ENTRIES = {part.split("\n", 1)[0]: part for part in PAGE.body().split("\n### ")[1:]}
NULLABLE = ("clock_start", "balance", "requests_per_minute", "concurrent_tasks")


def shown_default(name: str) -> str:
    """The default of a setting on its page of the reference: in code a value, or the word "empty"."""
    if found := re.search(r"^- Default: (?:`([^`]+)`|empty)(?:: \S.*)?$", ENTRIES[name], re.MULTILINE):
        return found[1] or ""
    first = re.search(r"^\| --- .*\n\| `([^`]*)`", ENTRIES[name], re.MULTILINE)
    assert first is not None, name
    return first[1]


def serve_options(arguments: list[str]) -> dict[str, Any]:
    """The options of `evolink-mock serve`, as click parses them."""
    group = click.Context(main, **main.context_settings)
    return main.commands["serve"].make_context("serve", arguments, parent=group).params


@pytest.mark.parametrize("name", NAMES)
def test_the_default_that_the_reference_shows_is_accepted_in_every_source(name: str, tmp_path: Path) -> None:
    value = shown_default(name)
    variable = f"EVOLINK_MOCK_{name.upper()}"
    assert load_settings({}, {variable: value}) == Settings().resolved()
    assert load_settings(assignments={name: [value]}) == Settings().resolved()
    bare = re.fullmatch(r"true|false|\d+(\.\d+)?", value) is not None
    file = tmp_path / "evolink.toml"
    file.write_text(f"{name} = {value if bare else json.dumps(value)}\n", encoding="utf-8")
    assert load_settings(file=file) == Settings().resolved()


@pytest.mark.parametrize("name", SERVE_SETTINGS)
def test_the_default_that_the_reference_shows_is_accepted_by_the_option(name: str) -> None:
    value, option = shown_default(name), name.replace("_", "-")
    given = [f"--no-{option}"] if value == "false" else [f"--{option}", value]
    flags = {name: value for name, value in serve_options(given).items() if name in NAMES and value not in (None, ())}
    assert load_settings(flags) == Settings().resolved()


@pytest.mark.parametrize("name", [name for name in NAMES if name == "tls" or name == "cancel_route"])
@pytest.mark.parametrize(
    ("texts", "value"), [(("true", "on", "yes", "1", "ON"), True), (("false", "off", "no", "0", " Off"), False)]
)
def test_switches_take_the_usual_words(name: str, texts: tuple[str, ...], value: bool) -> None:
    for text in texts:
        for loaded in (
            load_settings({}, {f"EVOLINK_MOCK_{name.upper()}": text}),
            load_settings({}, {}, None, {name: [text]}),
        ):
            assert (loaded.tls if name == "tls" else loaded.choices.cancel_route) is value


@pytest.mark.parametrize("name", NULLABLE)
def test_a_setting_that_can_be_unset_says_the_word_for_it(name: str, tmp_path: Path) -> None:
    word = "unset" if name == "clock_start" else "unlimited"
    file = tmp_path / "evolink.toml"
    file.write_text(f"{name} = 7\n", encoding="utf-8")
    for text in (word, word.upper(), "unset", "null"):
        assert getattr(load_settings({}, {f"EVOLINK_MOCK_{name.upper()}": text}, file), name) is None
    with pytest.raises(ValueError, match=f"{name} must be .*, or {word}; got 'much'$"):
        load_settings(assignments={name: ["much"]})
    assert f'{name} = "{word}"\n' in run("settings").stdout
    rows = {row["name"]: row for row in json.loads(run("settings", "--json").stdout)}
    assert rows[name]["value"] is None


def test_what_the_listing_shows_can_be_written_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "evolink.toml"
    file.write_text(re.sub(r"^    .*\n", "", run("settings").stdout, flags=re.MULTILINE), encoding="utf-8")
    assert load_settings(file=file) == Settings().resolved()


@pytest.mark.parametrize("given", [("sk-a,sk-b",), ("sk-a", "sk-b"), (" sk-a ,", "sk-b")])
def test_keys_are_listed_with_commas_and_by_repeating(given: tuple[str, ...]) -> None:
    for loaded in (
        load_settings({"keys": given}),
        load_settings(assignments={"keys": given}),
        load_settings({}, {"EVOLINK_MOCK_KEYS": ",".join(given)}),
    ):
        assert (list(loaded.keys), loaded.only_keys) == (["sk-a", "sk-b"], True)
    options = [part for text in given for part in ("--keys", text)]
    assert len(serve_options(options)["keys"]) == len(given)


ROUTES = ("https://a.example.com=http://127.0.0.1:3000", "https://b.example.com=http://127.0.0.1:3001")


@pytest.mark.parametrize("given", [(",".join(ROUTES),), ROUTES, (f"{ROUTES[0]}, {ROUTES[1]},",)])
@pytest.mark.parametrize("name", [name for name in LISTS if name == "callback_route" or (name != "keys" and MEDIA)])
def test_routes_are_listed_with_commas_and_by_repeating(name: str, given: tuple[str, ...]) -> None:
    expected = {"https://a.example.com": "http://127.0.0.1:3000", "https://b.example.com": "http://127.0.0.1:3001"}
    if name == "media_route" and given[-1].endswith(","):
        return
    for loaded in (
        load_settings({name: given}),
        load_settings(assignments={name: given}),
        load_settings({}, {f"EVOLINK_MOCK_{name.upper()}": ",".join(given)}),
    ):
        assert getattr(loaded, name) == expected


@pytest.mark.skipif(not MEDIA, reason="needs the extra media")
def test_the_comma_of_a_directory_is_part_of_it(tmp_path: Path) -> None:
    odd = tmp_path / "a,b=c"
    odd.mkdir()
    text = f"https://a.example.com={odd},https://b.example.com=http://127.0.0.1:9000"
    assert load_settings({"media_route": (text,)}).media_route == {
        "https://a.example.com": str(odd),
        "https://b.example.com": "http://127.0.0.1:9000",
    }


@pytest.mark.parametrize("text", ["sk-a=sk-b", "sk-b,sk-a=20"])
def test_a_key_with_a_value_is_refused_with_what_would_be_right(text: str, tmp_path: Path) -> None:
    file = tmp_path / "evolink.toml"
    file.write_text(f'keys = ["{text}"]\n', encoding="utf-8")
    sources: dict[str, Any] = {
        "--keys": {"flags": {"keys": (text,)}},
        "EVOLINK_MOCK_KEYS": {"environ": {"EVOLINK_MOCK_KEYS": text}},
        "--set keys": {"assignments": {"keys": [text]}},
        f"{file}: line 1": {"file": file},
    }
    for source, given in sources.items():
        with pytest.raises(ValueError, match="must list API keys alone, such as sk-a,sk-b; got") as told:
            load_settings(**given)
        assert str(told.value).startswith(f"{source}: keys must list")
        assert '[keys."KEY"]' in str(told.value)
        assert "sk-a=" not in str(told.value)


def test_the_name_of_an_assignment_is_quoted_as_written() -> None:
    for written in ("requests_per_minut", "requests-per-minut"):
        shown = refused("--set", f"{written}=3")
        assert f"--set {written}: " in shown
        assert "did you mean 'requests_per_minute'?" in shown
    assert "--set max-body: max_body must be" in refused("--set", "max-body=x")


def test_repeated_assignments_add_to_a_list_and_replace_any_other_value() -> None:
    shown = refused("--set", "keys=sk-a", "--set", "keys=sk-b", "--set", "balance=x", "--set", "balance=y")
    assert "got 'y'" in shown
