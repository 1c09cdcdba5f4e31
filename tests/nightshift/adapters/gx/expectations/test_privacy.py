"""No value of a cell leaves a check: not into its page, its sentences, or a log line."""

import json
import logging
import warnings
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from great_expectations.expectations.registry import list_registered_expectation_implementations

from nightshift.adapters.gx.expectations.checking import Checked, check
from nightshift.adapters.gx.suites import Suite

CANARY = "Zyxwv-Canary-77"
NUMBER = 918273645
FRAME = pd.DataFrame(
    {
        "name": [CANARY, CANARY, "a", "b", None],
        "amount": [NUMBER, 1.0, 2.0, 3.0, None],
        "mixed": [CANARY, 1, 2.5, None, "x"],
        "when": pd.to_datetime(["1987-06-05", "2013-01-01", "2013-01-01", "NaT", "2013-01-02"]),
        "price": [Decimal(NUMBER), Decimal("1.5"), Decimal("2.5"), Decimal("1.5"), None],
        "large": pd.Series([NUMBER, 2**53 + 1, 2, 3, None], dtype="Int64"),
        "kind": pd.Categorical([CANARY, "a", "b", "a", None]),
        "nested": [[CANARY], [1], None, [2], [3]],
        "bytes": [CANARY.encode(), b"a", b"b", None, b"c"],
        "zoned": ["2013-01-01 10:00 ZYXWV", "2013-01-01", "x", None, "2013"],
    }
)
ODD = ("price", "large", "kind", "nested", "bytes", "when", "zoned")
SECRETS = (CANARY, str(NUMBER), "918,273,645", "9.18273645", "1987-06-05", "ZYXWV")
EXPECTATIONS: list[dict[str, Any]] = [
    {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "name", "value_set": ["q"]}},
    {"type": "expect_column_values_to_not_be_in_set", "kwargs": {"column": "name", "value_set": ["a"]}},
    {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "name"}},
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "name"}},
    {"type": "expect_column_values_to_be_null", "kwargs": {"column": "name"}},
    {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "name", "regex": "^q$"}},
    {"type": "expect_column_value_lengths_to_be_between", "kwargs": {"column": "name", "max_value": 1}},
    {"type": "expect_column_distinct_values_to_be_in_set", "kwargs": {"column": "name", "value_set": ["q"]}},
    {"type": "expect_column_distinct_values_to_equal_set", "kwargs": {"column": "name", "value_set": ["q"]}},
    {"type": "expect_column_distinct_values_to_contain_set", "kwargs": {"column": "name", "value_set": ["q"]}},
    {"type": "expect_column_most_common_value_to_be_in_set", "kwargs": {"column": "name", "value_set": ["q"]}},
    {
        "type": "expect_column_kl_divergence_to_be_less_than",
        "kwargs": {"column": "name", "partition_object": {"values": ["q"], "weights": [1.0]}, "threshold": 0.1},
    },
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount", "max_value": 2}},
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "name", "max_value": 2}},
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "mixed", "max_value": 2}},
    {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "mixed", "max_value": 2}},
    {"type": "expect_column_stdev_to_be_between", "kwargs": {"column": "name", "max_value": 2}},
    {"type": "expect_column_max_to_be_between", "kwargs": {"column": "amount", "max_value": 2}},
    {"type": "expect_column_min_to_be_between", "kwargs": {"column": "when", "min_value": pd.Timestamp("2013-01-01")}},
    {"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "name", "type_": "int64"}},
    {"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "mixed", "type_": "float"}},
    {"type": "expect_column_values_to_be_in_type_list", "kwargs": {"column": "mixed", "type_list": ["float"]}},
    {"type": "expect_column_values_to_be_dateutil_parseable", "kwargs": {"column": "name"}},
    {"type": "expect_column_values_to_be_json_parseable", "kwargs": {"column": "name"}},
    {"type": "expect_column_values_to_match_strftime_format", "kwargs": {"column": "name", "strftime_format": "%Y"}},
    {
        "type": "expect_column_value_z_scores_to_be_less_than",
        "kwargs": {"column": "amount", "threshold": 1, "double_sided": True},
    },
    {"type": "expect_column_pair_values_to_be_equal", "kwargs": {"column_A": "name", "column_B": "mixed"}},
    {
        "type": "expect_column_pair_values_to_be_in_set",
        "kwargs": {"column_A": "name", "column_B": "amount", "value_pairs_set": [["q", 1]]},
    },
    {"type": "expect_column_pair_values_a_to_be_greater_than_b", "kwargs": {"column_A": "name", "column_B": "amount"}},
    {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["name", "when"]}},
    {"type": "expect_select_column_values_to_be_unique_within_record", "kwargs": {"column_list": ["name", "mixed"]}},
    {"type": "expect_multicolumn_sum_to_equal", "kwargs": {"column_list": ["amount", "when"], "sum_total": 1}},
    {"type": "expect_column_to_exist", "kwargs": {"column": "nowhere"}},
    {"type": "expect_column_values_to_be_dateutil_parseable", "kwargs": {"column": "zoned"}},
    {"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "price", "type_": "large_string"}},
    *(
        {"type": f"expect_column_{kind}", "kwargs": {"column": column, **kwargs}}
        for column in ODD
        for kind, kwargs in (
            ("values_to_be_between", {"max_value": 1}),
            ("max_to_be_between", {"max_value": 1}),
            ("sum_to_be_between", {"max_value": 1}),
            ("values_to_be_in_set", {"value_set": ["q", 7]}),
            ("distinct_values_to_equal_set", {"value_set": ["q", 7]}),
            ("most_common_value_to_be_in_set", {"value_set": ["q", 7]}),
            ("values_to_be_of_type", {"type_": "float64"}),
            ("values_to_match_regex", {"regex": "^q$"}),
            ("value_z_scores_to_be_less_than", {"threshold": 0.1, "double_sided": True}),
            (
                "quantile_values_to_be_between",
                {"quantile_ranges": {"quantiles": [0.0, 1.0], "value_ranges": [[0, 0], [0, 0]]}},
            ),
        )
    ),
]


@pytest.fixture(scope="module")
def checked() -> Checked:
    return check(Suite("canary", {"expectations": EXPECTATIONS}, "0"), FRAME, {})


def test_most_of_the_suite_fails_so_that_there_is_something_to_tell(checked: Checked) -> None:
    assert checked.expectations == len(EXPECTATIONS)
    assert len(checked.failures) > 25


@pytest.mark.parametrize("secret", SECRETS)
def test_no_value_is_in_the_page_or_in_a_sentence(checked: Checked, secret: str) -> None:
    assert secret not in checked.body
    assert secret not in json.dumps([asdict(failure) for failure in checked.failures])


def test_no_value_is_in_a_log_line_or_a_warning(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        check(Suite("canary", {"expectations": EXPECTATIONS}, "0"), FRAME, {})
    output = caplog.text + "".join(capfd.readouterr()) + " ".join(str(warning.message) for warning in warned)
    assert not [secret for secret in SECRETS if secret in output]


def test_an_expectation_that_could_not_be_made_says_why_without_the_message(checked: Checked) -> None:
    sentences = [failure.sentence for failure in checked.failures if failure.column == "mixed"]
    assert any("of a type that this check cannot compare" in sentence for sentence in sentences)
    assert "Traceback" not in checked.body


def test_the_numbers_that_tell_how_bad_it_is_stay(checked: Checked) -> None:
    in_set = next(f for f in checked.failures if f.expectation == "expect_column_values_to_be_in_set")
    assert in_set.sentence.endswith("4 of 5 rows do not (100.0 %)")


def test_the_names_of_the_canary_suite_are_known_to_the_library() -> None:
    known = set(list_registered_expectation_implementations())
    assert {expectation["type"] for expectation in EXPECTATIONS} <= known


def test_a_quantile_is_shown_where_it_is_no_single_cells_value() -> None:
    ranges = {"quantiles": [0.0, 0.5, 1.0], "value_ranges": [[0, 0], [0, 0], [0, 0]]}
    quantiles = {
        "type": "expect_column_quantile_values_to_be_between",
        "kwargs": {"column": "a", "quantile_ranges": ranges},
    }
    suite = Suite("quantiles", {"expectations": [quantiles]}, "0")
    (many,) = check(suite, pd.DataFrame({"a": range(1, 102)}), {}).failures
    assert many.sentence.endswith("found (not shown), 51, (not shown)")
    (few,) = check(suite, pd.DataFrame({"a": range(1, 10)}), {}).failures
    assert few.sentence.endswith("found (not shown), (not shown), (not shown)")


def test_the_mean_of_one_row_is_not_shown() -> None:
    mean = {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "a", "max_value": 1}}
    (failure,) = check(Suite("one", {"expectations": [mean]}, "0"), pd.DataFrame({"a": [NUMBER]}), {}).failures
    assert str(NUMBER) not in failure.sentence


def test_a_type_that_is_not_known_is_the_suites_fault(checked: Checked) -> None:
    (sentence,) = (failure.sentence for failure in checked.failures if "large_string" in failure.sentence)
    assert sentence.endswith("such as int64, float64, str, bool or datetime64")
