"""Makes the tasks of a model: everything about them comes from its definition."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from nightshift.definition import VERBS, Model, Resources
from nightshift_airflow.kubernetes.pod_policy import compute_execution_timeout, make_pod_arguments
from nightshift_airflow.operators.approve_operator import RESPONSE_FORM, ApproveOperator
from nightshift_airflow.operators.step_operators import (
    DeliveryOperator,
    PromoteOperator,
    RescoreOperator,
    SetChampionOperator,
    StepOperator,
)
from nightshift_airflow.runs.night_of_run import Calendar
from nightshift_airflow.runs.retry_policy import make_retry_arguments

LONGEST_RETRY_DELAY = timedelta(minutes=4)  # a run recovers within five minutes of a fault's end
APPROVE = "approve"
APPROVE_TIMEOUT = timedelta(minutes=5)  # to send the request; the wait for the response comes on top
RESCORE_TIMEOUT = timedelta(hours=4)  # many nights, each of which takes what one `score` takes


def make_night_tasks(model: Model) -> list[StepOperator | ApproveOperator]:
    """Returns the tasks of one night of `model` in order, with `approve` before `promote` if it needs approval."""
    tasks: list[StepOperator | ApproveOperator] = []
    for verb in VERBS:
        if verb == "promote" and _needs_approval(model):
            tasks.append(make_approve_task(model))
        tasks.append(make_step_task(model, verb))
    return tasks


def make_step_task(model: Model, verb: str) -> StepOperator:
    """Returns the task of one step of `model`."""
    command: dict[str, Any] = {"task_id": verb, "verb": verb, "cmds": ["nightshift"], "arguments": [verb, model.name]}
    if verb == "promote":
        return PromoteOperator(**command, **make_common_arguments(model, verb), **_make_promote_options(model))
    # After a refusal the night is scored as well, with the current champion.
    after: Mapping[str, Any] = {"trigger_rule": "none_failed"} if verb == "score" else {}
    return StepOperator(**command, **make_common_arguments(model, verb), **after)


def make_approve_task(model: Model) -> ApproveOperator:
    """Returns the task that requests the approval of a person."""
    return ApproveOperator(
        task_id=APPROVE,
        model=model.name,
        title=model.title,
        params=RESPONSE_FORM,
        calendar=Calendar.build_from_schedule(model.schedule),
        response_timeout=model.approval_timeout,
        execution_timeout=APPROVE_TIMEOUT,
        **_make_retry_options(model),
    )


def make_delivery_task(model: Model) -> DeliveryOperator:
    """Returns the task that stands in for the supplier of the data of `model`."""
    arguments = ["seed", model.name, "--until"]
    return DeliveryOperator(
        task_id="deliver",
        verb="deliver",
        cmds=["nightshift"],
        arguments=arguments,
        **make_common_arguments(model, "deliver"),
    )


def make_set_champion_task(model: Model) -> SetChampionOperator:
    """Returns the task that makes a version champion. A retry repeats nothing that is done already."""
    return SetChampionOperator(
        task_id="set_champion",
        verb="set_champion",
        cmds=["nightshift"],
        arguments=["set-champion", model.name],
        **make_common_arguments(model, "set_champion", model.get_resources("promote")),
    )


def make_rescore_task(model: Model) -> RescoreOperator:
    """Returns the task that scores nights again."""
    return RescoreOperator(
        task_id="rescore",
        verb="rescore",
        cmds=["nightshift"],
        arguments=["rescore", model.name],
        **make_common_arguments(model, "rescore", replace(model.get_resources("score"), timeout=RESCORE_TIMEOUT)),
    )


def make_common_arguments(model: Model, verb: str, resources: Resources | None = None) -> dict[str, Any]:
    """Returns the arguments of every task of `model` with a pod. `resources`: other than those of the verb."""
    limits = resources or model.get_resources(verb)
    return {
        "name": f"{model.name}-{verb}".replace("_", "-"),
        "model": model.name,
        "calendar": Calendar.build_from_schedule(model.schedule),
        "execution_timeout": compute_execution_timeout(limits),
        **_make_retry_options(model),
        **make_pod_arguments(limits, {"nightshift-model": model.name, "nightshift-verb": verb}),
    }


def _make_retry_options(model: Model) -> dict[str, Any]:
    return {
        "owner": model.owner,
        **make_retry_arguments(model.schedule.retries, model.schedule.retry_delay),
        "retry_exponential_backoff": 2,
        "max_retry_delay": LONGEST_RETRY_DELAY,
    }


def _needs_approval(model: Model) -> bool:
    return model.approval == "human"


def _make_promote_options(model: Model) -> dict[str, Any]:
    """Returns what only `promote` has: a backfill and the nightly run promote one after the other.

    `promote` also runs after a person has rejected the promotion, because it records the rejection.
    """
    if not _needs_approval(model):
        return {"max_active_tis_per_dag": 1, "approve_task": None}
    return {"max_active_tis_per_dag": 1, "approve_task": APPROVE, "trigger_rule": "none_failed"}
