"""Every value of a TOML document is found in its line."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_mock.scenarios.toml_lines import TomlPath, value_lines

DOCUMENT = '''\
a = 1  # [not.a.table]
"b c".d = """
[[no]]
x = 1""""
[[rule]]
steps = [
  { x = 1, "y]" = 'z{' },  # }
  { x.y = 1.5 }, [2024-01-01 10:00:00, 2],
]
match.key = '\\'
[rule.inner]
n = ''
[[rule]]
[[rule.sub]]
m = -0.5e+3
[[rule.sub]]
[t . u]
v = true
'''
LINES: dict[TomlPath, int] = {
    ("a",): 1,
    ("b c", "d"): 2,
    ("rule", 0): 5,
    ("rule", 0, "steps"): 6,
    ("rule", 0, "steps", 0, "y]"): 7,
    ("rule", 0, "steps", 1, "x", "y"): 8,
    ("rule", 0, "steps", 2, 1): 8,
    ("rule", 0, "match", "key"): 10,
    ("rule", 0, "inner", "n"): 12,
    ("rule", 1): 13,
    ("rule", 1, "sub", 0, "m"): 15,
    ("rule", 1, "sub", 1): 16,
    ("t", "u", "v"): 18,
}


def paths(value: Any, at: TomlPath = ()) -> Iterator[TomlPath]:
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*at, key)
        yield from paths(each, (*at, key))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_lines_of_tables_arrays_and_values(newline: str) -> None:
    lines = value_lines(DOCUMENT.replace("\n", newline))
    assert {path: lines[path] for path in LINES} == LINES
    assert set(lines) == set(paths(tomllib.loads(DOCUMENT)))


PIECES = st.sampled_from(
    [*"[]{}=.,#'\"\n ab1", "[[rule]]\n", "[rule.x]\n", "a = 1\n", "b = [", "c = {", "'''", '"""', "x = ", "\\", "\n"]
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_exactly_the_values_of_a_valid_document_have_lines(text: str) -> None:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = value_lines(text)
    assert set(lines) == set(paths(table))
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
