"""The reason that a person gives: what is taken and what is refused."""

import pytest

from nightshift.errors import BadConfig
from nightshift.reasons import parse_optional_reason, parse_reason


@pytest.mark.parametrize("text", ["", "ab", "  x  ", "two\nlines", "bell\a", "hidden\u202e", "x" * 501])
def test_a_reason_that_says_nothing_or_hides_something_is_refused(text: str) -> None:
    with pytest.raises(BadConfig, match="the reason"):
        parse_reason(text)


def test_a_reason_is_taken_without_the_spaces_around_it() -> None:
    assert parse_reason("  zu langsam: 2× – seit Montag ") == "zu langsam: 2× – seit Montag"
    assert parse_reason("x" * 500) == "x" * 500


@pytest.mark.parametrize("text", ["two\nlines", "bell\a", "x" * 501])
def test_an_optional_reason_is_one_line_as_well(text: str) -> None:
    with pytest.raises(BadConfig, match="--decided-because must be one line of at most 500 characters"):
        parse_optional_reason(text, "--decided-because")


def test_an_optional_reason_may_be_empty() -> None:
    assert parse_optional_reason(" ", "--decided-because") == ""
