"""The links of every step: stable paths, without a question to anyone."""

from dataclasses import dataclass
from datetime import date

import pytest
from airflow.sdk import BaseOperatorLink

from nightshift_airflow.links import HISTORY, LINKS


@dataclass
class Operator:
    model: str = "flights"
    verb: str = "train"
    night: date | None = date(2013, 2, 9)


def paths(operator: Operator) -> dict[str, str]:
    return {link.name: link.get_link(operator, ti_key=None) for link in LINKS}


def test_links_lead_to_the_pages_of_the_night() -> None:
    assert paths(Operator()) == {
        "Result": "/nightshift/runs/flights/2013-02-09/train",
        "Data Docs": "/nightshift/docs/flights/2013-02-09",
        "MLflow run": "/nightshift/mlflow/flights/2013-02-09",
    }


def test_without_a_night_they_lead_to_the_first_page() -> None:
    assert set(paths(Operator(night=None)).values()) == {"/nightshift/docs"}


def test_they_stay_below_the_path_that_airflow_is_served_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://host/airflow/")
    assert paths(Operator())["Data Docs"] == "/airflow/nightshift/docs/flights/2013-02-09"


def test_the_history_is_of_the_model_whatever_the_night() -> None:
    for operator in (Operator(), Operator(night=None)):
        assert HISTORY.get_link(operator, ti_key=None) == "/nightshift/history/flights"


def test_each_has_a_place_of_its_own_in_the_task() -> None:
    links = (*LINKS, HISTORY)
    assert len({link.xcom_key for link in links}) == len(links)
    assert all(isinstance(link, BaseOperatorLink) for link in links)
