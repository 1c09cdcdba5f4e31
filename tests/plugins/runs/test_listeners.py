"""What the scheduler adds to a run when it begins."""

from types import SimpleNamespace
from typing import Any

import pytest

from nightshift_airflow.runs.listeners import on_dag_run_running
from nightshift_airflow.runs.triggered_by import make_environment


def make_run(tags: set[str], backfill_id: int | None, conf: dict[str, Any] | None = None) -> Any:
    """A run as the scheduler hands it to a listener."""
    return SimpleNamespace(
        run_id="r",
        run_type="backfill",
        triggering_user_name=None,
        dag=SimpleNamespace(tags=tags),
        backfill_id=backfill_id,
        conf=conf,
    )


def test_a_task_can_read_which_backfill_its_run_belongs_to() -> None:
    run = make_run({"nightshift", "flights"}, 7)
    on_dag_run_running(run)
    assert make_environment("flights_nightly", run, "")["NIGHTSHIFT_RUN_BACKFILL"] == "7"


def test_the_rest_of_the_configuration_stays() -> None:
    run = make_run({"nightshift"}, 7, {"night": "2013-02-09"})
    on_dag_run_running(run)
    assert run.conf == {"night": "2013-02-09", "backfill": 7}


@pytest.mark.parametrize(("tags", "backfill_id"), [({"theirs"}, 7), (set(), 7), ({"nightshift"}, None)])
def test_a_run_of_another_dag_or_of_no_backfill_is_left_alone(tags: set[str], backfill_id: int | None) -> None:
    run = make_run(tags, backfill_id)
    on_dag_run_running(run)
    assert run.conf is None
