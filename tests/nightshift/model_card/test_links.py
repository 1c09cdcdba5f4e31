"""Addresses of what a model card and the pages name."""

import pytest

from nightshift.model_card.links import Links

LINKS = Links(airflow="https://airflow.example")


def test_a_cause_leads_to_its_dag_run() -> None:
    run = "flights_nightly:backfill__2026-11-30T00:00:00+00:00"
    address = "https://airflow.example/dags/flights_nightly/runs/backfill__2026-11-30T00%3A00%3A00%2B00%3A00"
    assert LINKS.link_cause(run) == address


@pytest.mark.parametrize("by", ["", "shell:ada", "shell", "javascript:alert(1)"])
def test_a_cause_that_is_no_run_leads_nowhere(by: str) -> None:
    assert LINKS.link_cause(by) == ""
