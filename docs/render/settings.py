"""Every setting of the emulator with its type, bounds, default, and the places where it can be given."""

from dataclasses import fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from docs.render import Page
from docs.render.markdown import bullets, code, codes, join, prose, sentence, table
from evolink_contracts.spec.models import MODELS
from evolink_contracts.spec.sources import CONFLICTS
from evolink_mock.cli import SERVE_SETTINGS
from evolink_mock.core.choices import Choices
from evolink_mock.settings import NAMES
from evolink_mock.settings.bounds import bounds_of
from evolink_mock.settings.conversion import unset_word
from evolink_mock.settings.help import help_in
from evolink_mock.settings.keys import KeyRule
from evolink_mock.settings.loading import ENV_PREFIX
from evolink_mock.settings.options import help_of, value_type, written_default
from evolink_mock.settings.record import BOUNDS, LISTS, Settings

_WORDS = {str: "text", int: "integer", float: "number", bool: "`true` or `false`"}


def _body() -> str:
    own = [name for name in NAMES if name not in CONFLICTS]
    return join(
        _SOURCES.replace("{families}", _families()),
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
    per_key = "can be set per key" if name in KeyRule.__struct_fields__ else ""
    facts = {
        "Type": _list(name) if name in LISTS else _alternatives(name),
        "Default": _default(name),
        **_places(name),
        "Keys": per_key,
    }
    return join(f"### {name}", sentence(help_of(name).text), bullets(facts))


def _default(name: str) -> str:
    """The value that stands for the default, and in words what it means."""
    written, described = written_default(name), help_of(name).default
    value = code(written) if written else "empty"
    return value if described in (None, written) else f"{value}: {prose(described)}"


def _list(name: str) -> str:
    metavar = help_of(name).metavar
    if name == "keys":
        return f'list {code(metavar)}; in a file also tables `[keys."KEY"]`'
    return f"list {code(f'{metavar},{metavar}')}; in a file a table `[{name}]`"


def _alternatives(name: str) -> str:
    unset = unset_word(name, get_type_hints(Settings)[name])
    kind = _type(value_type(name), BOUNDS.get(name))
    return f"{kind}; or {code(unset)}" if unset else kind


def _type(kind: Any, bounded: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {codes(get_args(kind))}"
    return _WORDS[kind] + (f", {prose(bounded.words)}" if bounded else "")


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


def _families() -> str:
    """Each family with its models."""
    families: dict[str, list[str]] = {}
    for model in MODELS.values():
        families.setdefault(model.family, []).append(model.name)
    return "; ".join(f"{code(family)} is {codes(names)}" for family, names in families.items())


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_SOURCES = """\
A setting is given by an option of `evolink-mock serve`, by an environment variable, or in the file of `--config`
([Files](files.md)); the first of these that has it wins. `evolink-mock settings` lists the values in force;
`evolink-mock settings --config FILE` also checks that file, and names each mistake with its line.
From Python: `evolink_mock.Settings(clock="manual")`, `@pytest.mark.evolink(clock="manual")`.

To return to a default that another source overrules, write the value that stands behind "Default"; where it is
"empty", write an empty one: `--state ""`, `EVOLINK_MOCK_STATE=`, `state = ""`. In variables and `--set`, `on` and `yes`
are `true`, and `off` and `no` are `false`; an option has `--tls` and `--no-tls` instead. From Python, `unlimited` and
`unset` are `None`.

A list is written with commas, in an option or a variable; an option of a list can also be repeated, as `--set` with its
name can. A comma in the path of a directory is part of the path.

A model family is the models whose creates count together towards one limit: {families}."""

PAGE = Page("Settings", "Every setting of the emulator: type, default, bounds, option and environment variable.", _body)
