"""The end of a question: ours goes with the try that asked it, and no other DAG's is touched."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from airflow.models.dag import DagTag
from airflow.models.hitl import HITLDetail
from airflow.models.hitl_history import HITLDetailHistory
from airflow.models.taskinstancehistory import TaskInstanceHistory
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

import airflow_environment  # noqa: F401  # before anything imports airflow
from nightshift_airflow.runs import listeners as listening

OURS = {"dag_id": "flights_nightly", "operator": "ApproveOperator"}


@pytest.fixture(scope="module")
def database() -> Iterator[Engine]:
    """Airflow's own tables, those of a question, in memory. `flights_nightly` is one of our DAGs."""
    engine = create_engine("sqlite://")
    tables: Any = [one.__table__ for one in (HITLDetail, HITLDetailHistory, TaskInstanceHistory, DagTag)]
    HITLDetail.metadata.create_all(engine, tables=tables)
    with engine.begin() as connection:
        connection.execute(DagTag.__table__.insert().values(name=listening.TAG, dag_id="flights_nightly"))
        connection.execute(DagTag.__table__.insert().values(name="foreign", dag_id="theirs"))
    yield engine
    engine.dispose()


def archived(database: Engine, dag_id: str, operator: str) -> bool:
    """Asks, archives the question as Airflow does when a try ends; returns whether it is still asked."""
    tried = uuid4()
    with Session(database) as session:
        session.execute(TaskInstanceHistory.__table__.insert().values(_try(tried, dag_id, operator)))
        asked = HITLDetail(ti_id=tried, options=["Approve"], subject="?", params={})
        session.add(asked)
        session.flush()
        session.add(HITLDetailHistory(asked))
        session.commit()
        return session.scalar(select(HITLDetail.ti_id).where(HITLDetail.ti_id == tried)) is not None


def _try(tried: UUID, dag_id: str, operator: str) -> dict[str, Any]:
    names = {"dag_id": dag_id, "task_id": "approve", "run_id": str(tried), "operator": operator}
    return {"task_instance_id": tried, **names, "try_number": 1, "pool": "p", "pool_slots": 1}


def test_a_question_of_ours_ends_with_its_try(database: Engine) -> None:
    assert not archived(database, **OURS)


@pytest.mark.parametrize(
    "theirs", [{"dag_id": "theirs"}, {"dag_id": "unknown"}, {"operator": "HITLOperator"}, {"operator": None}]
)
def test_a_question_of_another_dag_or_task_stays(database: Engine, theirs: dict[str, Any]) -> None:
    assert archived(database, **{**OURS, **theirs})
