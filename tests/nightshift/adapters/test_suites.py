"""The suites that ship, and what is said of one that cannot be used."""

from pathlib import Path
from typing import Any

import pytest

from nightshift.adapters import suites
from nightshift.core.volume import VolumePolicy
from nightshift.errors import BadConfig

PARAMETERS: dict[str, Any] = {"night": 0, "day_begin": 0, "day_end": 0, "rows_min": 7, "rows_max": 9}
SHIPPED = ("flights", "schedule", "weather")


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of suites of the test's own, with the file `odd.json` to write."""
    monkeypatch.setattr(suites, "FOLDER", tmp_path)
    return tmp_path / "odd.json"


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_suites_have_about_twenty_expectations(name: str) -> None:
    assert 18 <= suites.load(name).size <= 30


@pytest.mark.parametrize("name", SHIPPED)
def test_parameters_are_filled_in_wherever_they_stand(name: str) -> None:
    filled = suites.load(name).expectations(PARAMETERS)
    assert "$PARAMETER" not in str(filled)
    rows = next(e for e in filled if e["type"] == "expect_table_row_count_to_be_between")
    assert (rows["kwargs"]["min_value"], rows["kwargs"]["max_value"]) == (7, 9)


def test_a_parameter_that_nobody_gives_is_named() -> None:
    with pytest.raises(BadConfig, match=r"suite flights asks for the parameter .*known: rows_min"):
        suites.load("flights").expectations({"rows_min": 1})


@pytest.mark.parametrize("name", ["nothing", "../flights", "", "Flights", "flights\n"])
def test_a_suite_that_is_not_there_says_where_it_should_be(name: str) -> None:
    with pytest.raises(BadConfig, match="great_expectations/suites/"):
        suites.load(name)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"expectations": []}', '{"expectations": [{"type": "expect"}]}'])
def test_a_file_that_is_no_suite_is_refused(written: Path, text: str) -> None:
    written.write_text(text)
    with pytest.raises(BadConfig, match=r"odd\.json is not an expectation suite"):
        suites.load("odd")


def test_the_digest_changes_with_the_file(written: Path) -> None:
    text = '{"expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "a"}}]}'
    written.write_text(text)
    before = suites.load("odd").digest
    written.write_text(text + " ")
    assert suites.load("odd").digest != before


def test_the_volume_policy_stands_in_the_suite() -> None:
    assert suites.load("flights").volume.share == (0.6, 1.4)


def test_without_a_volume_policy_a_wide_one_holds_and_a_wrong_one_is_refused(written: Path) -> None:
    written.write_text('{"expectations": [{"type": "a", "kwargs": {}}], "meta": {"volume": {"shares": [1, 2]}}}')
    with pytest.raises(BadConfig, match=r"meta\.volume must look like"):
        assert suites.load("odd").volume
    written.write_text('{"expectations": [{"type": "a", "kwargs": {}}]}')
    assert suites.load("odd").volume == VolumePolicy()
