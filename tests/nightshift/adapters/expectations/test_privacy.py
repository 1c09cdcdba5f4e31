"""No value of a cell leaves a check: not into its page, its sentences, or a log line."""

import json
import logging
from dataclasses import asdict
from typing import Any

import pandas as pd
import pytest
from great_expectations.expectations.registry import list_registered_expectation_implementations

from nightshift.adapters.expectations.checking import Checked, check
from nightshift.adapters.suites import Suite

CANARY = "Zyxwv-Canary-77"
NUMBER = 918273645
FRAME = pd.DataFrame(
    {
        "name": [CANARY, CANARY, "a", "b", None],
        "amount": [NUMBER, 1.0, 2.0, 3.0, None],
        "mixed": [CANARY, 1, 2.5, None, "x"],
        "when": pd.to_datetime(["1987-06-05", "2013-01-01", "2013-01-01", "NaT", "2013-01-02"]),
    }
)
SECRETS = (CANARY, str(NUMBER), "918,273,645", "9.18273645", "1987-06-05")
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


def test_no_value_is_in_a_log_line(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    check(Suite("canary", {"expectations": EXPECTATIONS}, "0"), FRAME, {})
    said = caplog.text + "".join(capfd.readouterr())
    assert not [secret for secret in SECRETS if secret in said]


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
