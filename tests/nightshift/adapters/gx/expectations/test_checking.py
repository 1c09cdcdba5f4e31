"""The shipped suites pass real nights, the hard ones among them, and fail on what upstreams get wrong."""

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from great_expectations.core import ExpectationSuite
from great_expectations.expectations.registry import (
    get_expectation_impl,
    list_registered_expectation_implementations,
)

from nightshift import catalog
from nightshift.adapters.gx import suites
from nightshift.adapters.gx.expectations.checking import Checked, check
from nightshift.adapters.gx.suite_table import EXPECTATIONS
from nightshift.adapters.gx.suites import Suite
from nightshift.errors import BadConfig

pytestmark = pytest.mark.filterwarnings("ignore:Series.values:Warning")  # the library, with pandas 3
Partition = Callable[..., pd.DataFrame]
Checking = Callable[..., Checked]
Fault = Callable[[pd.DataFrame], pd.DataFrame]

BLIZZARD, LATE, THANKSGIVING, BAD_SENSOR = (date(2013, 2, 9), date(2013, 3, 8), date(2013, 11, 28), date(2013, 2, 12))


def _says(checked: Checked) -> str:
    return "\n".join(failure.sentence for failure in checked.failures)


@pytest.mark.parametrize("name", ["flights", "schedule", "weather"])
@pytest.mark.parametrize("night", [date(2013, 1, 1), BLIZZARD, BAD_SENSOR, LATE, date(2013, 6, 14), date(2013, 12, 30)])
def test_real_nights_pass(name: str, night: date, partition: Partition, checking: Checking) -> None:
    checked = checking(name, partition(name, night), night)
    assert _says(checked) == ""
    assert checked.rows == len(partition(name, night))
    assert checked.expectations == suites.load(name).size


def test_the_quietest_night_passes_with_the_volume_of_its_weekday(partition: Partition, checking: Checking) -> None:
    frame = partition("flights", THANKSGIVING)
    assert _says(checking("flights", frame, THANKSGIVING, (int(989.5 * 0.6), 1385))) == ""


def _set(column: str, value: Any, rows: int = 1) -> Fault:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        changed = frame.copy()
        changed.loc[changed.index[:rows], column] = value
        return changed

    return change


FAULTS: dict[str, tuple[Fault, str]] = {
    "lacks a column": (lambda f: f.drop(columns="distance"), "distance: .*there is no column distance"),
    "has a column more": (lambda f: f.assign(extra=1), "the table: .*found .*extra"),
    "a number became text": (
        lambda f: f.assign(arr_delay=f.arr_delay.astype(str)),
        "arr_delay: values must be of type",
    ),
    "a number became a fraction": (lambda f: f.assign(flight=f.flight.astype(float)), "flight: values must be of type"),
    "labels are missing": (lambda f: f.assign(arr_delay=np.nan), "arr_delay: .*rows do not"),
    "a fifth of the labels is missing": (_set("arr_delay", np.nan, 200), "arr_delay: if dep_time IS NOT NULL"),
    "rows are there twice": (lambda f: pd.concat([f, f.head(3)]), "night, carrier, flight, origin: .*6 of "),
    "it is the day before": (lambda f: f.assign(night=f.night - pd.Timedelta(days=1)), "night: .*rows do not"),
    "one row is of another day": (_set("night", pd.Timestamp("2013-06-15")), "night: .*1 of .* rows do not"),
    "half of it is missing": (lambda f: f.sample(len(f) // 2, random_state=1), "the table: must have .*rows; found"),
    "it is there twice as often": (lambda f: pd.concat([f, f]), "the table: must have .*rows; found"),
    "a new carrier": (_set("carrier", "ZZ"), "carrier: values must belong to this set"),
    "no carrier": (_set("carrier", None), "carrier: values must never be null"),
    "a new origin": (_set("origin", "BOS"), "origin: values must belong to this set"),
    "one airport is missing": (
        lambda f: f.assign(origin=f.origin.replace("JFK", "LGA")),
        "origin: the airports' usual shares",
    ),
    "the evening is missing": (
        lambda f: pd.concat([f[f.sched_dep_time < 1400]] * 2).assign(flight=range(2 * sum(f.sched_dep_time < 1400))),
        "sched_dep_time: departures spread",
    ),
    "miles became kilometres": (lambda f: f.assign(distance=f.distance * 1.609), "distance: mean must be"),
    "minutes became hours": (lambda f: f.assign(arr_delay=f.arr_delay / 60), "arr_delay: standard deviation"),
    "minutes became seconds": (lambda f: f.assign(arr_delay=f.arr_delay * 60), "arr_delay: minutes"),
    "delays are shifted": (lambda f: f.assign(arr_delay=f.arr_delay + 120), "arr_delay: minutes"),
    "a code in small letters": (_set("dest", "bos"), "dest: values must match this regular expression"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_upstreams_get_wrong_fails(fault: str, partition: Partition, checking: Checking) -> None:
    break_it, sentence = FAULTS[fault]
    checked = checking("flights", break_it(partition("flights")))
    assert any(re.search(sentence, failure.sentence) for failure in checked.failures), _says(checked)


def test_a_failure_names_its_expectation_and_column(partition: Partition, checking: Checking) -> None:
    checked = checking("flights", _set("carrier", "ZZ", 3)(partition("flights")))
    (failure,) = checked.failures
    assert (failure.expectation, failure.column) == ("expect_column_values_to_be_in_set", "carrier")
    assert "3 of 989 rows do not (0.3 %)" in failure.sentence


def test_the_same_check_gives_the_same_page(partition: Partition, checking: Checking) -> None:
    assert checking("flights", partition("flights")) == checking("flights", partition("flights"))


def test_the_page_tells_what_real_nights_have(partition: Partition, checking: Checking) -> None:
    assert "The quietest real night" in checking("flights", partition("flights")).body


@pytest.mark.parametrize("name", ["flights", "schedule", "weather"])
def test_the_files_load_as_they_are_in_great_expectations(name: str) -> None:
    text = (catalog.SUITES_FOLDER / f"{name}.json").read_text()
    assert len(ExpectationSuite(**json.loads(text)).expectations) == suites.load(name).size


def test_the_table_of_expectations_is_that_of_the_library() -> None:
    assert len(EXPECTATIONS) > 45
    for name, known in EXPECTATIONS.items():
        fields = get_expectation_impl(name).__fields__
        assert set(known.needed) == {field for field, model in fields.items() if model.required}, name
        assert known.allowed <= set(fields), name
    every = {name for name in list_registered_expectation_implementations() if name.startswith("expect_")}
    assert {
        name for name in every - set(EXPECTATIONS) if not re.search("like_pattern|query|other_table", name)
    } == set()


def test_an_expectation_that_does_not_exist_is_wrong_configuration() -> None:
    known = {"type": "expect_column_to_exist", "kwargs": {"column": "a"}}
    suite = Suite("odd", {"expectations": [known, {"type": "expect_miracles", "kwargs": {}}]}, "0")
    with pytest.raises(BadConfig, match="suite odd cannot run: there is no expectation expect_miracles"):
        check(suite, pd.DataFrame({"a": [1]}), {})


def test_nothing_is_written(
    partition: Partition, checking: Checking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    checking("weather", partition("weather"))
    assert list(tmp_path.iterdir()) == []
