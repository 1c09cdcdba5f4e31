"""The suites that ship, and what is said of one that cannot be used."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from nightshift import catalog
from nightshift.adapters.gx import suites
from nightshift.core.volume import VolumePolicy
from nightshift.errors import BadConfig

PARAMETERS: dict[str, Any] = {"night": 0, "day_begin": 0, "day_end": 0, "rows_min": 7, "rows_max": 9}
SHIPPED = ("flights", "schedule", "weather")


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of suites of the test's own, with the file `odd.json` to write."""
    monkeypatch.setattr(catalog, "SUITES_FOLDER", tmp_path)
    return tmp_path / "odd.json"


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_suites_have_about_twenty_expectations(name: str) -> None:
    assert 18 <= suites.load(name).size <= 30


@pytest.mark.parametrize("name", SHIPPED)
def test_parameters_are_filled_in_wherever_they_stand(name: str) -> None:
    filled = suites.load(name).list_expectations(PARAMETERS)
    assert "$PARAMETER" not in str(filled)
    rows = next(e for e in filled if e["type"] == "expect_table_row_count_to_be_between")
    assert (rows["kwargs"]["min_value"], rows["kwargs"]["max_value"]) == (7, 9)


def test_a_parameter_that_nobody_gives_is_named() -> None:
    with pytest.raises(BadConfig, match=r"suite flights asks for the parameter .*known: rows_min"):
        suites.load("flights").list_expectations({"rows_min": 1})


@pytest.mark.parametrize("name", ["nothing", "../flights", "", "Flights", "flights\n"])
def test_a_suite_that_is_not_there_says_where_it_should_be(name: str) -> None:
    with pytest.raises(BadConfig, match="great_expectations/suites/"):
        suites.load(name)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"expectations": []}', "7"])
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


def _write(path: Path, *expectations: Any, **fields: Any) -> None:
    path.write_text(json.dumps({"name": "odd", "expectations": list(expectations), **fields}))


EXISTS: dict[str, Any] = {"type": "expect_column_to_exist", "kwargs": {"column": "a"}}


@pytest.mark.parametrize(
    "volume",
    [
        {"shares": [1, 2]},
        {"share": 1},
        {"share": [2, 1]},
        {"share": ["a", "b"]},
        {"first": [-1, 2]},
        {"share": [1]},
        [],
    ],
)
def test_a_wrong_volume_policy_is_refused(written: Path, volume: Any) -> None:
    _write(written, EXISTS, meta={"volume": volume})
    with pytest.raises(BadConfig, match=r"suites/odd\.json: meta\.volume must look like"):
        suites.check("odd")


def test_without_a_volume_policy_a_wide_one_holds(written: Path) -> None:
    _write(written, EXISTS)
    assert suites.load("odd").volume == VolumePolicy()


def _case(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_column_{kind}", "kwargs": {"column": "a", **kwargs}}


QUANTILES = {"quantiles": [0.5], "value_ranges": [[2, 1]]}
WRONG: list[tuple[dict[str, Any], str]] = [
    (_case("values_to_be_betwen", max_value=1), "did you mean expect_column_values_to_be_between?"),
    ({"type": "expect_miracles", "kwargs": {}}, "there is no such expectation"),
    ({"type": "unexpected_rows_expectation", "kwargs": {}}, "there is no such expectation for tables in memory"),
    ({"type": "expect_column_to_exist", "kwargs": {"columm": "a"}}, "no argument 'columm': did you mean column?"),
    ({"type": "expect_column_to_exist", "kwargs": {}}, "its kwargs lack column"),
    ({"type": "expect_column_to_exist"}, "every expectation needs type and kwargs"),
    ({**EXISTS, "note": "why"}, "there is no field 'note': did you mean notes?"),
    (_case("values_to_not_be_null", mostly=1.5), "mostly must be a number from 0 to 1"),
    (_case("values_to_not_be_null", mostly="all"), "mostly must be a number from 0 to 1"),
    (_case("values_to_be_between", min_value=2, max_value=1), "min_value 2 lies above max_value 1"),
    (_case("values_to_be_between", min_value="a"), 'min_value must be a number, a date such as "2013-02-09"'),
    (_case("values_to_be_between", max_value=[1]), "max_value must be a number"),
    (_case("values_to_be_between"), "it has neither min_value nor max_value"),
    (_case("values_to_match_regex", regex="("), "regex is no regular expression: missing ), unterminated subpattern"),
    (_case("values_to_match_regex_list", regex_list=["a", "["]), "regex_list is no regular expression"),
    (_case("values_to_be_in_set", value_set=[]), "value_set must be a list that is not empty"),
    (_case("values_to_be_in_set", value_set="a"), "value_set must be a list that is not empty"),
    (_case("values_to_be_between", max_value={"$PARAMETER": "nigth"}), "there is no parameter 'nigth'; known: night"),
    (
        _case("values_to_be_between", max_value={"$PARAMETER": "night", "days": 1}),
        "nothing else may stand in its object",
    ),
    (_case("quantile_values_to_be_between", quantile_ranges=QUANTILES), "a range that begins above its end"),
    (_case("quantile_values_to_be_between", quantile_ranges={"quantiles": [1]}), "quantile_ranges must look like"),
    ({"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": "a"}}, "column_list must be a list"),
]


@pytest.mark.parametrize(("expectation", "says"), WRONG)
def test_what_is_wrong_with_an_expectation_is_said_with_its_number(
    written: Path, expectation: dict[str, Any], says: str
) -> None:
    _write(written, EXISTS, expectation)
    with pytest.raises(BadConfig, match=r"great_expectations/suites/odd\.json, expectation 2") as caught:
        suites.check("odd")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"expectations": [{}], "expectations": []}', "'expectations' stands twice in one object"),
        ('{"expectations": [], "expectation": 1}', "there is no field 'expectation': did you mean expectations?"),
        ('{"expectations": [NaN]}', "NaN is no number of JSON"),
        ('{"expectations": {}}', "expectations must be a list"),
        ('{"expectations": [', "Expecting value"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(written: Path, text: str, says: str) -> None:
    written.write_text(text)
    with pytest.raises(BadConfig, match=r"suites/odd\.json is not an expectation suite") as caught:
        suites.check("odd")
    assert says in str(caught.value)


def test_a_number_with_more_digits_than_a_double_keeps_them(written: Path) -> None:
    written.write_text(json.dumps({"expectations": [_case("values_to_be_between", max_value=7)]}).replace("7", "0.1"))
    assert suites.load("odd").document["expectations"][0]["kwargs"]["max_value"] == 0.1
    digits = "0.123456789012345678901"
    written.write_text(json.dumps({"expectations": [_case("values_to_be_between", max_value=7)]}).replace("7", digits))
    assert suites.load("odd").document["expectations"][0]["kwargs"]["max_value"] == Decimal(digits)


@pytest.mark.parametrize("bound", [1, 0.5, "0.5", "2013-02-09", "2013-02-09T00:00:00Z", {"$PARAMETER": "night"}])
def test_a_bound_is_a_number_a_date_or_a_parameter(written: Path, bound: Any) -> None:
    _write(written, _case("values_to_be_between", min_value=bound))
    suites.check("odd")


def test_a_check_imports_nothing_heavy() -> None:
    code = "from nightshift.adapters.gx import suites; import sys; suites.check('flights'); print(*sys.modules)"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"great_expectations", "pandas", "numpy"} & set(completed.stdout.split())
