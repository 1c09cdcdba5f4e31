"""What every DAG and every task must have, and the pod that each task would make."""

import re
from copy import copy
from datetime import timedelta
from itertools import pairwise

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import ParamValidationError

import models
from nightshift.definition import VERBS, Model
from nightshift_airflow.approval import ApproveOperator
from nightshift_airflow.nightly import NIGHT, REASON, VERSION
from nightshift_airflow.timetable import NightTimetable
from nightshift_airflow.tries import MORE, RealFailures
from task_pods import every_step, pod_of, steps

BY_HAND = ("set_champion", "rescore")
PINNED = re.compile(r"\A[^:@]+(:[0-9]+/[^:@]+)?(:(?!latest\Z)[\w.-]+|@sha256:[0-9a-f]{64})\Z")


def asks(model: Model) -> bool:
    return model.approval == "human"


def chain_of(model: Model) -> list[str]:
    """The tasks of a night in their order."""
    return [task for verb in VERBS for task in (["approve"] if verb == "promote" and asks(model) else []) + [verb]]


def by_hand(bag: DagBag) -> list[DAG]:
    return [dag for name, dag in bag.dags.items() if name.endswith(BY_HAND)]


def scheduled(bag: DagBag) -> list[DAG]:
    return [dag for dag in bag.dags.values() if dag not in by_hand(bag)]


def test_there_are_as_many_dags_as_the_models_say(bag: DagBag) -> None:
    expected = {f"{name}_{what}" for name in models.names() for what in ("nightly", *BY_HAND)}
    expected |= {f"{model.name}_replay" for model in models.load_all() if model.replay}
    assert bag.import_errors == {}
    assert set(bag.dags) == expected


def test_every_task_but_a_question_is_a_command_in_a_pod_of_its_own(bag: DagBag) -> None:
    tasks = [task for dag in bag.dags.values() for task in dag.tasks]
    questions = [task for task in tasks if task.task_id == "approve"]
    asking, replayed = (sum(found) for found in zip(*((asks(m), m.replay) for m in models.load_all()), strict=True))
    assert every_step(bag) == [task for task in tasks if task not in questions]
    assert len(questions) == asking
    assert len(tasks) == (len(VERBS) + len(BY_HAND)) * len(models.names()) + replayed + asking


def test_the_chain_is_the_steps_in_order_with_a_question_where_a_person_must_agree(nightlies: dict[str, DAG]) -> None:
    for model in models.load_all():
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
    for model in models.load_all():
        waiting = model.approval_timeout / model.schedule.period if asks(model) else 0
        assert waiting + 2 <= nightlies[model.name].max_active_runs < waiting + 3


def test_the_schedule_comes_from_the_definition(nightlies: dict[str, DAG]) -> None:
    for model in models.load_all():
        dag = nightlies[model.name]
        assert isinstance(dag.timetable, NightTimetable)
        table = NightTimetable(model.schedule.cron, model.schedule.timezone, model.schedule.days - 1)
        assert (dag.timetable, dag.timetable.serialize()) == (table, table.serialize())
        for task in steps(dag):
            assert (task.retries, task.retry_delay) == (model.schedule.retries + MORE, model.schedule.retry_delay)
            assert task.retry_policy.allowed == model.schedule.retries
            assert task.owner == model.owner


def test_every_task_retries_with_back_off_and_is_limited_in_time(bag: DagBag) -> None:
    for task in every_step(bag):
        assert task.retries >= MORE
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


def test_a_question_waits_as_long_as_the_definition_says_and_no_answer_is_a_no(nightlies: dict[str, DAG]) -> None:
    for model in models.load_all():
        for task in (one for one in nightlies[model.name].tasks if one.task_id == "approve"):
            assert isinstance(task, ApproveOperator)
            assert task.response_timeout == model.approval_timeout
            assert task.defaults == ["Reject"]
            assert (task.owner, task.retries) == (model.owner, model.schedule.retries + MORE)
            assert task.execution_timeout == timedelta(minutes=5)
            assert list(task.params) == ["reason"]


def test_what_may_change_the_champion_leads_to_its_history(bag: DagBag) -> None:
    leading = {"approve", "promote", "set_champion", "rescore"}
    for dag in bag.dags.values():
        for task in dag.tasks:
            assert ("History" in {link.name for link in task.operator_extra_links}) == (task.task_id in leading)


def test_the_title_says_how_often_it_runs(nightlies: dict[str, DAG]) -> None:
    for model in models.load_all():
        often = {1: "nightly", 7: "weekly"}.get(model.schedule.days, f"every {model.schedule.days} days")
        assert nightlies[model.name].dag_display_name == f"{model.title}: {often}"


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({}, "reason"),
        ({"reason": "no"}, "too short"),
        ({"reason": "x" * 501}, "too long"),
        ({"reason": "why not", "version": "latest"}, "does not match"),
        ({"reason": "why not", "version": "0"}, "does not match"),
    ],
)
def test_the_form_of_set_champion_asks_for_a_version_and_a_reason(entered: dict[str, str], said: str) -> None:
    params = ParamsDict({"version": copy(VERSION), "reason": copy(REASON)})
    params.update({"reason": "it is late on Mondays", "version": "17"})
    assert params.validate() == {"reason": "it is late on Mondays", "version": "17"}
    fresh = ParamsDict({"version": copy(VERSION), "reason": copy(REASON)})
    with pytest.raises(ParamValidationError, match=said):
        _enter(fresh, entered)


def _enter(params: ParamsDict, values: dict[str, str]) -> None:
    params.update(values)
    params.validate()


def test_the_trigger_form_offers_a_night(nightlies: dict[str, DAG]) -> None:
    for dag in nightlies.values():
        assert set(dag.params) == {"night"}
        param = dag.params.get_param("night")
        assert param.value is None
        assert param.schema["format"] == "date"
        assert param.description


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
    params = ParamsDict({"night": copy(NIGHT)})
    with pytest.raises(ParamValidationError):
        params.update({"night": value})


@pytest.mark.parametrize("value", ["2013-02-09", None])
def test_the_trigger_takes_a_day_or_nothing(value: str | None) -> None:
    params = ParamsDict({"night": copy(NIGHT)})
    params.update({"night": value})
    assert params.validate() == {"night": value}


def test_the_pod_is_as_large_as_the_definition_says(nightlies: dict[str, DAG]) -> None:
    for model in models.load_all():
        for task in steps(nightlies[model.name]):
            limits = model.resources_of(task.task_id)
            pod = pod_of(task)
            # S3 and MLflow may each be away for 120 s, and an attempt of 20 s may begin just before that is over.
            assert pod["spec"]["activeDeadlineSeconds"] == limits.timeout.total_seconds() + 2 * (120 + 20)
            assert pod["spec"]["containers"][0]["resources"] == {
                "requests": {"cpu": limits.cpu, "memory": limits.memory, "ephemeral-storage": "256Mi"},
                "limits": {"cpu": limits.cpu_limit, "memory": limits.memory_limit, "ephemeral-storage": "3Gi"},
            }


def test_the_image_is_pinned(bag: DagBag) -> None:
    images = {pod_of(task)["spec"]["containers"][0]["image"] for task in every_step(bag)}
    assert images
    assert all(PINNED.match(image) for image in images)


@pytest.mark.parametrize("image", ["steps", "steps:latest", "host:5000/steps", "host:5000/steps:latest"])
def test_an_image_that_is_not_pinned_would_be_found(image: str) -> None:
    assert not PINNED.match(image)


def test_the_pod_meets_the_restricted_profile_and_writes_only_to_tmp(bag: DagBag) -> None:
    for task in every_step(bag):
        spec = pod_of(task)["spec"]
        (container,) = spec["containers"]
        assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        }
        assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]  # noqa: S108  # in the pod
        assert [set(volume) for volume in spec["volumes"]] == [{"name", "emptyDir"}]
        assert spec["serviceAccountName"] == "nightshift-steps"
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["restartPolicy"] == "Never"
        assert not spec.get("hostNetwork")


def test_configuration_comes_by_reference_and_threads_follow_the_limit(bag: DagBag) -> None:
    for task in every_step(bag):
        (container,) = pod_of(task)["spec"]["containers"]
        assert container["envFrom"] == [
            {"configMapRef": {"name": "nightshift-steps"}},
            {"secretRef": {"name": "nightshift-steps"}},
        ]
        environment = {variable["name"]: variable["value"] for variable in container["env"]}
        assert environment["OMP_NUM_THREADS"] == "1"
        assert not [name for name in environment if "KEY" in name or "SECRET" in name or "PASSWORD" in name]


def test_nothing_of_a_pod_is_made_from_a_template(bag: DagBag) -> None:
    assert {task.template_fields for task in every_step(bag)} == {("arguments",)}


def test_no_pod_is_left_and_no_specification_is_logged(bag: DagBag) -> None:
    for task in every_step(bag):
        assert (task.on_finish_action.value, task.on_kill_action.value) == ("delete_pod", "delete_pod")
        assert task.durable
        assert not task.log_pod_spec_on_failure
        assert not task.do_xcom_push
