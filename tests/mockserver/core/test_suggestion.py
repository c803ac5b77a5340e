"""Messages about unknown names suggest the nearest one that is known."""

from evolink_mock.core.suggestion import unknown_name


def test_a_name_unlike_any_other_is_answered_with_all_known_names() -> None:
    assert unknown_name("flag", "zzz", ("port", "seed")) == "'zzz' is not a known flag; known: port, seed"
    assert unknown_name("flag", "prot", {"port": 1}) == "'prot' is not a known flag; did you mean 'port'?"
