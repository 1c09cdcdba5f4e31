"""What `validate` knows and refuses, with the results that later steps read."""

from datetime import timedelta

import pandas as pd
import pytest

from nightshift.lake.validated_nights import Lake
from support.lab import NEXT, NIGHT, NOT_NULL, Lab

IN_RANGE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "min_value": -9, "max_value": 9}}


def _is_usable(lab: Lab) -> bool:
    return Lake(lab.store, lab.model).list_usable([NIGHT]).nights == (NIGHT,)


def test_a_suite_mended_wrongly_keeps_what_was_known(lab: Lab) -> None:
    assert lab.run("validate").outcome == "done"
    lab.write_suite("facts", [NOT_NULL, {**IN_RANGE, "type": "expect_column_values_to_be_betwen"}])
    assert lab.run("validate").outcome == "bad_config"
    assert _is_usable(lab)
    lab.write_suite("facts", [NOT_NULL, {**IN_RANGE, "kwargs": {"column": "x", "max_value": -9}}])
    assert lab.run("validate").outcome == "rejected"
    assert not _is_usable(lab)


def test_a_pass_that_was_kept_is_of_that_content_only(lab: Lab) -> None:
    assert lab.run("validate").outcome == "done"
    lab.write_suite("facts", [NOT_NULL, {"type": "expect_column_values_to_be_between", "kwargs": {"columm": "x"}}])
    lab.write("facts", NIGHT, lab.make_rows(NIGHT, count=61))
    assert lab.run("validate").outcome == "bad_config"
    assert not _is_usable(lab)


@pytest.mark.parametrize("dataset", ["facts", "plan"])
def test_a_key_is_checked_whatever_the_suite_says(lab: Lab, dataset: str) -> None:
    day = NIGHT if dataset == "facts" else NEXT
    rows = lab.make_rows(day)[["id", "x", "y"] if dataset == "facts" else ["id", "x"]]
    lab.write(dataset, day, rows, name="again.parquet")
    result = lab.run("validate")
    assert result.outcome == "rejected"
    assert "60 of 60 keys are repeated, in 120 of 120 rows" in result.summary
    lab.clear(dataset, day)
    lab.write(dataset, day, pd.concat([rows, rows.head(5)]))
    assert "5 of 60 keys are repeated, in 10 of 65 rows" in lab.run("validate").summary
    lab.write(dataset, day, rows.assign(id=rows["id"].where(rows.index > 1)), name="part-0.parquet")
    assert "id: every row must have a value in each column of the key; 2 of 60 rows have none" in (
        lab.run("validate").summary
    )


def test_a_schedule_without_a_suite_is_not_used_when_its_key_is_broken(lab: Lab) -> None:
    lab.remove_suite("plan")
    before = NIGHT - timedelta(days=1)
    assert [lab.run("validate", night).outcome for night in (before, NIGHT)] == ["done", "done"]
    assert Lake(lab.store, lab.model).list_learnable([NIGHT]).nights == (NIGHT,)
    lab.write("plan", NIGHT, pd.concat([lab.make_rows(NIGHT)] * 2)[["id", "x"]])
    assert lab.run("validate", before).outcome == "rejected"
    (left_out,) = Lake(lab.store, lab.model).list_learnable([NIGHT]).left_out
    assert left_out[1] == "its schedule failed validation: 1 of 5 expectations"
