"""Byte ranges, compared with a reference that lists the requested bytes by the letter of RFC 9110."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evolink_mock.api.byte_ranges import Part, Unsatisfiable, matches, part_of

TAG = '"abc"'
NUMBERS = st.integers(0, 30).map(str) | st.just("") | st.just("99999999999999999")
ASKED = st.one_of(
    st.builds("bytes={}-{}".format, NUMBERS, NUMBERS),
    st.sampled_from(["bytes=", "bytes", "", "items=0-1", "bytes=0-1,3-4", "bytes=a-b", "bytes=1--2", "BYTES = 0-3 "]),
    st.text(max_size=12),
)


def reference(size: int, asked: str) -> list[int] | str | None:
    """The places that are asked for; `None` for all, "none" where there are no such."""
    unit, equals, spec = asked.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    found = re.fullmatch(r"\s*([0-9]*)-([0-9]*)\s*", spec)
    if found is None or found.groups() == ("", ""):
        return None
    start, end = found.groups()
    if len(start) > 18 or len(end) > 18:
        return None
    if not start:
        places = list(range(size))[-int(end) :] if int(end) else []
    elif end and int(end) < int(start):
        return None
    else:
        last = min(int(end), size - 1) if end else size - 1
        places = list(range(int(start), last + 1)) if int(start) < size else []
    return places or "none"


@given(st.integers(0, 25), ASKED)
@example(10, "bytes=0-0")
@example(10, "bytes=-3")
@example(10, "bytes=7-")
@example(0, "bytes=0-")
def test_ranges_are_parsed_like_the_reference_implementation(size: int, asked: str) -> None:
    try:
        part = part_of(size, asked, None, TAG)
    except Unsatisfiable:
        assert reference(size, asked) == "none"
        return
    expected = reference(size, asked)
    if part is None:
        assert expected is None
    else:
        assert list(range(part.first, part.first + part.length)) == expected
        assert part.content_range == f"bytes {part.first}-{part.first + part.length - 1}/{size}"


@pytest.mark.parametrize(
    ("condition", "follows"), [(None, True), (TAG, True), ('"other"', False), (f"W/{TAG}", False), ("Thu, 01", False)]
)
def test_if_range_applies_the_range_only_to_an_unchanged_entity(condition: str | None, follows: bool) -> None:
    assert part_of(10, "bytes=2-3", condition, TAG) == (Part(2, 2, 10) if follows else None)


@pytest.mark.parametrize(
    ("tags", "known"),
    [(None, False), ("*", True), (TAG, True), (f'"x", W/{TAG}', True), ('"x"', False), ("", False), ("abc", False)],
)
def test_if_none_match_compares_entity_tags_weakly(tags: str | None, known: bool) -> None:
    assert matches(tags, TAG) is known
