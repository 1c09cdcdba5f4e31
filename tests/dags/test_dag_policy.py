"""What every DAG and every task must have."""

from datetime import timedelta
from itertools import pairwise

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG

from nightshift import catalog
from nightshift.definition import VERBS, Model
from nightshift_airflow.operators.approve_operator import ApproveOperator
from nightshift_airflow.runs.night_timetable import NightTimetable
from nightshift_airflow.runs.retry_policy import EXTRA_TRIES, RealFailures
from support.task_pods import list_every_step, list_steps

BY_HAND = ("set_champion", "rescore")


def needs_approval(model: Model) -> bool:
    return model.approval == "human"


def chain_of(model: Model) -> list[str]:
    """The tasks of a night in their order."""
    return [
        task for verb in VERBS for task in (["approve"] if verb == "promote" and needs_approval(model) else []) + [verb]
    ]


def by_hand(bag: DagBag) -> list[DAG]:
    return [dag for name, dag in bag.dags.items() if name.endswith(BY_HAND)]


def scheduled(bag: DagBag) -> list[DAG]:
    return [dag for dag in bag.dags.values() if dag not in by_hand(bag)]


def test_there_are_as_many_dags_as_the_models_say(bag: DagBag) -> None:
    expected = {f"{name}_{kind}" for name in catalog.list_names() for kind in ("nightly", *BY_HAND)}
    expected |= {f"{model.name}_replay" for model in catalog.load_all_models() if model.replay}
    assert bag.import_errors == {}
    assert set(bag.dags) == expected


def test_every_task_but_an_approval_is_a_command_in_a_pod_of_its_own(bag: DagBag) -> None:
    tasks = [task for dag in bag.dags.values() for task in dag.tasks]
    approvals = [task for task in tasks if task.task_id == "approve"]
    approving, replayed = (
        sum(counts) for counts in zip(*((needs_approval(m), m.replay) for m in catalog.load_all_models()), strict=True)
    )
    assert list_every_step(bag) == [task for task in tasks if task not in approvals]
    assert len(approvals) == approving
    assert len(tasks) == (len(VERBS) + len(BY_HAND)) * len(catalog.list_names()) + replayed + approving


def test_the_chain_is_the_steps_in_order_with_an_approval_if_the_model_needs_one(nightlies: dict[str, DAG]) -> None:
    for model in catalog.load_all_models():
        dag, chain = nightlies[model.name], chain_of(model)
        assert set(dag.task_ids) == set(chain)
        assert dag.get_task(chain[0]).upstream_task_ids == set()
        for before, after in pairwise(chain):
            assert dag.get_task(after).upstream_task_ids == {before}


def test_every_dag_has_a_page_an_owner_and_tags(bag: DagBag) -> None:
    for dag in bag.dags.values():
        assert "red" in (dag.doc_md or ""), f"{dag.dag_id}: its page must say what to do when it is red"
        assert "nightshift" in dag.tags
        assert dag.description
        assert dag.owner
        assert dag.owner != "airflow"


def test_every_schedule_has_intervals_of_its_own_and_catches_nothing_up(bag: DagBag) -> None:
    for dag in scheduled(bag):
        assert isinstance(dag.timetable, NightTimetable)
        assert dag.catchup is False
        assert dag.start_date is not None


def test_what_people_start_has_no_schedule_is_ready_and_runs_once_at_a_time(bag: DagBag) -> None:
    for dag in by_hand(bag):
        assert not dag.timetable.can_be_scheduled
        assert dag.is_paused_upon_creation is False
        assert dag.max_active_runs == 1
        assert len(dag.tasks) == 1


def test_runs_that_wait_for_a_person_leave_room_for_others(nightlies: dict[str, DAG]) -> None:
    for model in catalog.load_all_models():
        waiting = model.approval_timeout / model.schedule.period if needs_approval(model) else 0
        assert waiting + 2 <= nightlies[model.name].max_active_runs < waiting + 3


def test_the_schedule_comes_from_the_definition(nightlies: dict[str, DAG]) -> None:
    for model in catalog.load_all_models():
        dag = nightlies[model.name]
        assert isinstance(dag.timetable, NightTimetable)
        table = NightTimetable(model.schedule.cron, model.schedule.timezone, model.schedule.days - 1)
        assert (dag.timetable, dag.timetable.serialize()) == (table, table.serialize())
        for task in list_steps(dag):
            assert (task.retries, task.retry_delay) == (
                model.schedule.retries + EXTRA_TRIES,
                model.schedule.retry_delay,
            )
            assert task.retry_policy.allowed == model.schedule.retries
            assert task.owner == model.owner


def test_every_task_retries_with_back_off_and_is_limited_in_time(bag: DagBag) -> None:
    for task in list_every_step(bag):
        assert task.retries >= EXTRA_TRIES
        assert isinstance(task.retry_policy, RealFailures)
        assert task.retry_exponential_backoff == 2
        assert task.max_retry_delay <= timedelta(minutes=5)
        pods_own = timedelta(seconds=task.active_deadline_seconds)
        assert pods_own < task.execution_timeout <= pods_own + timedelta(minutes=15)


def test_promotions_are_one_after_the_other_and_score_follows_a_refusal(nightlies: dict[str, DAG]) -> None:
    for dag in nightlies.values():
        assert dag.get_task("promote").max_active_tis_per_dag == 1
        after_no = {"score", "promote"} if dag.has_task("approve") else {"score"}
        assert {task.task_id for task in dag.tasks if task.trigger_rule == "none_failed"} == after_no
        assert {task.trigger_rule.value for task in dag.tasks} == {"all_success", "none_failed"}


def test_an_approval_waits_as_long_as_the_definition_says_and_no_response_is_a_rejection(
    nightlies: dict[str, DAG],
) -> None:
    for model in catalog.load_all_models():
        for task in (task for task in nightlies[model.name].tasks if task.task_id == "approve"):
            assert isinstance(task, ApproveOperator)
            assert task.response_timeout == model.approval_timeout
            assert task.defaults == ["Reject"]
            assert (task.owner, task.retries) == (model.owner, model.schedule.retries + EXTRA_TRIES)
            assert task.execution_timeout == timedelta(minutes=5)
            assert list(task.params) == ["reason"]


def test_what_may_change_the_champion_leads_to_its_history(bag: DagBag) -> None:
    leading = {"approve", "promote", "set_champion", "rescore"}
    for dag in bag.dags.values():
        for task in dag.tasks:
            assert ("History" in {link.name for link in task.operator_extra_links}) == (task.task_id in leading)


def test_the_title_says_how_often_it_runs(nightlies: dict[str, DAG]) -> None:
    for model in catalog.load_all_models():
        often = {1: "nightly", 7: "weekly"}.get(model.schedule.days, f"every {model.schedule.days} days")
        assert nightlies[model.name].dag_display_name == f"{model.title}: {often}"


def test_the_trigger_form_offers_a_night(nightlies: dict[str, DAG]) -> None:
    for dag in nightlies.values():
        assert set(dag.params) == {"night"}
        param = dag.params.get_param("night")
        assert param.value is None
        assert param.schema["format"] == "date"
        assert param.description
