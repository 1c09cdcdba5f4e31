"""The tasks of a model: everything about them comes from its definition."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from nightshift.definition import Model
from nightshift_airflow import pod
from nightshift_airflow.step_operator import DeliveryOperator, StepOperator

__all__ = ["DeliveryOperator", "StepOperator", "common", "deliver", "step"]

LONGEST_RETRY_DELAY = timedelta(minutes=4)  # a run recovers within five minutes of a fault's end
PARTICULAR: Mapping[str, Mapping[str, Any]] = {
    "promote": {"max_active_tis_per_dag": 1},  # a backfill and the nightly run promote one after the other
    "score": {"trigger_rule": "none_failed"},  # after a refusal, too: with the champion that stands
}


def deliver(model: Model) -> DeliveryOperator:
    """The task that stands in for whoever delivers the data of `model`."""
    return DeliveryOperator(
        task_id="deliver",
        verb="deliver",
        cmds=["nightshift"],
        arguments=["seed", model.name, "--until"],
        **common(model, "deliver"),
    )


def step(model: Model, verb: str) -> StepOperator:
    """The task of one step of `model`: everything about it comes from the definition."""
    return StepOperator(
        task_id=verb,
        verb=verb,
        cmds=["nightshift"],
        arguments=[verb, model.name],
        **common(model, verb),
        **PARTICULAR.get(verb, {}),
    )


def common(model: Model, verb: str) -> dict[str, Any]:
    """What every task of `model` has: its pod, its owner, its patience."""
    resources = model.resources_of(verb)
    return {
        "name": f"{model.name}-{verb}".replace("_", "-"),
        "model": model.name,
        "timezone": model.schedule.timezone,
        "owner": model.owner,
        "retries": model.schedule.retries,
        "retry_delay": model.schedule.retry_delay,
        "retry_exponential_backoff": 2,
        "max_retry_delay": LONGEST_RETRY_DELAY,
        "execution_timeout": pod.longest(resources),
        **pod.policy(resources, {"nightshift-model": model.name, "nightshift-verb": verb}),
    }
