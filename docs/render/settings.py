"""Every setting of the emulator with its type, bounds, default, and the places where it can be given."""

from dataclasses import fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from docs.render import Page
from docs.render.markdown import bullets, code, codes, default, join, prose, sentence, table
from evolink_contracts.spec.sources import CONFLICTS
from evolink_mock.cli import SERVE_SETTINGS
from evolink_mock.core.choices import Choices
from evolink_mock.settings import NAMES
from evolink_mock.settings.bounds import bounds_of
from evolink_mock.settings.help import help_in
from evolink_mock.settings.keys import KeyRule
from evolink_mock.settings.loading import ENV_PREFIX
from evolink_mock.settings.options import default_of, help_of, value_type
from evolink_mock.settings.record import BOUNDS

_WORDS = {str: "text", int: "integer", float: "number", bool: "`true` or `false`"}


def _body() -> str:
    own = [name for name in NAMES if name not in CONFLICTS]
    return join(
        _SOURCES,
        "## Settings of the emulator",
        *(_setting(name) for name in own),
        "## Settings of a key",
        'In the table `[keys."KEY"]` of a file. A setting that a key lacks is that of the emulator.',
        table(("Name", "Type", "Meaning"), [_key_setting(name) for name in KeyRule.__struct_fields__]),
        "## Open questions of the API",
        "Where the sources are silent or contradict each other, a setting chooses. The first value is the default.",
        *(_choice(name) for name in NAMES if name in CONFLICTS),
    )


def _places(name: str) -> dict[str, str]:
    flag = name.replace("_", "-")
    option = f"--{flag}" if name in SERVE_SETTINGS else f"--set {name}=VALUE"
    return {"Option": code(option), "Environment variable": code(f"{ENV_PREFIX}{name.upper()}")}


def _setting(name: str) -> str:
    given = default_of(name)
    per_key = "can be set per key" if name in KeyRule.__struct_fields__ else ""
    facts = {
        "Type": _type(value_type(name), BOUNDS.get(name)),
        "Default": "none" if given is None else default(given),
        **_places(name),
        "Keys": per_key,
    }
    return join(f"### {name}", sentence(help_of(name).text), bullets(facts))


def _type(kind: Any, bounded: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {codes(get_args(kind))}"
    if kind in _WORDS:
        return _WORDS[kind] + (f", {prose(bounded.words)}" if bounded else "")
    return "table, or a list `NAME=VALUE,NAME=VALUE` in options and variables"


def _key_setting(name: str) -> tuple[str, str, str]:
    kind = get_type_hints(KeyRule)[name]
    (inner,) = (part for part in get_args(kind) if part is not NoneType)
    shown = "list of texts" if get_origin(inner) is list else _type(inner, bounds_of(KeyRule).get(name))
    return code(name), shown, sentence(help_in(KeyRule, name).text)


def _choice(name: str) -> str:
    conflict = CONFLICTS[name]
    kind = next(each.type for each in fields(Choices) if each.name == name)
    readings = [(code(_toml(each.value)), prose(each.meaning), each.source) for each in conflict.readings]
    others = f"Other values: {_type(kind, BOUNDS.get(name))}." if conflict.open_ended else ""
    return join(
        f"### {name}",
        prose(f"{conflict.question} {conflict.reason}"),
        table(("Value", "Effect", "Source"), readings),
        others,
        bullets({**_places(name), "Basis": conflict.basis}),
    )


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_SOURCES = """\
A setting is given by an option of `evolink-mock serve`, by an environment variable, or in the file of `--config`
([Files](files.md)); the first of these that has it wins. `evolink-mock settings` lists the values in force.
From Python: `evolink_mock.Settings(clock="manual")`, `@pytest.mark.evolink(clock="manual")`."""

PAGE = Page("Settings", "Every setting of the emulator: type, default, bounds, option and environment variable.", _body)
