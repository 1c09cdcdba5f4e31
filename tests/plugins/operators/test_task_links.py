"""The links of every step: stable paths, without a question to anyone."""

from dataclasses import dataclass
from datetime import date

import pytest
from airflow.sdk import BaseOperatorLink

from nightshift.adapters.gx import data_docs
from nightshift_airflow.operators.task_links import HISTORY, LINKS
from nightshift_airflow.page_paths import add_addresses
from nightshift_airflow.ui.pages import link_pages


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


def test_a_refusal_of_validate_names_a_page_of_the_view() -> None:
    folder = data_docs.check_folder("flights", date(2013, 2, 9), "flights", "0123456789abcdef0123")
    assert data_docs.build_view_path(f"{folder}index.html") == PAGE


PAGE = "/nightshift/docs/flights/2013-02-09/flights/0123456789abcdef0123"


def test_a_path_in_a_line_of_the_log_is_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    line = f"flights fails 2 of 25 expectations; first: too few rows; page: {PAGE}"
    assert add_addresses(line) == line
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://host/airflow/")
    assert add_addresses(line).endswith(f"; page: https://host/airflow{PAGE}")
    assert add_addresses(add_addresses(line)) == add_addresses(line)


def test_a_path_in_a_sentence_is_a_link_and_all_else_is_text() -> None:
    assert str(link_pages(f"<b> of {PAGE} & more", "/airflow/nightshift")) == (
        f'&lt;b&gt; of <a href="/airflow{PAGE}">{PAGE}</a> &amp; more'
    )
    assert str(link_pages("nothing", "")) == "nothing"


def test_the_history_is_of_the_model_whatever_the_night() -> None:
    for operator in (Operator(), Operator(night=None)):
        assert HISTORY.get_link(operator, ti_key=None) == "/nightshift/history/flights"


def test_each_has_a_place_of_its_own_in_the_task() -> None:
    links = (*LINKS, HISTORY)
    assert len({link.xcom_key for link in links}) == len(links)
    assert all(isinstance(link, BaseOperatorLink) for link in links)
