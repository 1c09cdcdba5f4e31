"""The forms of the DAGs that people trigger: what they take, and what they refuse before a run exists."""

from copy import copy

import pytest
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import ParamValidationError

from nightshift_airflow.dags.dag_factory import NIGHT_PARAM, REASON_PARAM, VERSION_PARAM
from support import airflow_environment  # noqa: F401  # before anything imports airflow


@pytest.mark.parametrize(
    ("entered", "message"),
    [
        ({}, "reason"),
        ({"reason": "no"}, "too short"),
        ({"reason": "x" * 501}, "too long"),
        ({"reason": "why not", "version": "latest"}, "does not match"),
        ({"reason": "why not", "version": "0"}, "does not match"),
    ],
)
def test_the_form_of_set_champion_asks_for_a_version_and_a_reason(entered: dict[str, str], message: str) -> None:
    params = ParamsDict({"version": copy(VERSION_PARAM), "reason": copy(REASON_PARAM)})
    params.update({"reason": "it is late on Mondays", "version": "17"})
    assert params.validate() == {"reason": "it is late on Mondays", "version": "17"}
    fresh = ParamsDict({"version": copy(VERSION_PARAM), "reason": copy(REASON_PARAM)})
    with pytest.raises(ParamValidationError, match=message):
        _enter(fresh, entered)


def _enter(params: ParamsDict, values: dict[str, str]) -> None:
    params.update(values)
    params.validate()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2013-02-09\n",
        "2013-02-09;id",
        "$(id)",
        "{{ ds }}",
        "２０１３-０２-０９",
        "2013-02-30",
        "20130209",
        "x" * 300,
        5,
        [],
    ],
)
def test_the_trigger_refuses_what_is_no_day(value: object) -> None:
    params = ParamsDict({"night": copy(NIGHT_PARAM)})
    with pytest.raises(ParamValidationError):
        params.update({"night": value})


@pytest.mark.parametrize("value", ["2013-02-09", None])
def test_the_trigger_takes_a_day_or_nothing(value: str | None) -> None:
    params = ParamsDict({"night": copy(NIGHT_PARAM)})
    params.update({"night": value})
    assert params.validate() == {"night": value}
