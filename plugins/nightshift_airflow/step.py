"""The tasks of a model: everything about them comes from its definition."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from nightshift.definition import VERBS, Model, Resources
from nightshift_airflow import pod, tries
from nightshift_airflow.approval import FORM, ApproveOperator
from nightshift_airflow.night import Calendar
from nightshift_airflow.step_operator import (
    DeliveryOperator,
    PromoteOperator,
    RescoreOperator,
    SetChampionOperator,
    StepOperator,
)

__all__ = ["StepOperator", "chain_of", "common", "deliver", "rescore", "set_champion", "step"]

LONGEST_RETRY_DELAY = timedelta(minutes=4)  # a run recovers within five minutes of a fault's end
APPROVE = "approve"
ASKING = timedelta(minutes=5)  # reading the verdict and asking; the wait for the answer is not part of it
RESCORING = timedelta(hours=4)  # many nights, each of which takes what one `score` takes


def chain_of(model: Model) -> list[StepOperator | ApproveOperator]:
    """The tasks of one night of `model` in their order, with `approve` before `promote` where a person must agree."""
    tasks: list[StepOperator | ApproveOperator] = []
    for verb in VERBS:
        if verb == "promote" and _asks(model):
            tasks.append(approve(model))
        tasks.append(step(model, verb))
    return tasks


def step(model: Model, verb: str) -> StepOperator:
    """The task of one step of `model`."""
    what: dict[str, Any] = {"task_id": verb, "verb": verb, "cmds": ["nightshift"], "arguments": [verb, model.name]}
    if verb == "promote":
        return PromoteOperator(**what, **common(model, verb), **_promoting(model))
    # After a refusal, too, the night is scored: with the champion that stands.
    after: Mapping[str, Any] = {"trigger_rule": "none_failed"} if verb == "score" else {}
    return StepOperator(**what, **common(model, verb), **after)


def approve(model: Model) -> ApproveOperator:
    """The task that asks a person."""
    return ApproveOperator(
        task_id=APPROVE,
        model=model.name,
        title=model.title,
        params=FORM,
        calendar=Calendar.of(model.schedule),
        response_timeout=model.approval_timeout,
        execution_timeout=ASKING,
        **_patience(model),
    )


def deliver(model: Model) -> DeliveryOperator:
    """The task that stands in for whoever delivers the data of `model`."""
    arguments = ["seed", model.name, "--until"]
    return DeliveryOperator(
        task_id="deliver", verb="deliver", cmds=["nightshift"], arguments=arguments, **common(model, "deliver")
    )


def set_champion(model: Model) -> SetChampionOperator:
    """The task that makes a version champion. Tried again it does nothing that is done already."""
    return SetChampionOperator(
        task_id="set_champion",
        verb="set_champion",
        cmds=["nightshift"],
        arguments=["set-champion", model.name],
        **common(model, "set_champion", model.resources_of("promote")),
    )


def rescore(model: Model) -> RescoreOperator:
    """The task that scores nights again."""
    return RescoreOperator(
        task_id="rescore",
        verb="rescore",
        cmds=["nightshift"],
        arguments=["rescore", model.name],
        **common(model, "rescore", replace(model.resources_of("score"), timeout=RESCORING)),
    )


def common(model: Model, verb: str, resources: Resources | None = None) -> dict[str, Any]:
    """What every pod's task of `model` has: its pod, its owner, its patience. `resources`: other than the verb's."""
    limits = resources or model.resources_of(verb)
    return {
        "name": f"{model.name}-{verb}".replace("_", "-"),
        "model": model.name,
        "calendar": Calendar.of(model.schedule),
        "execution_timeout": pod.longest(limits),
        **_patience(model),
        **pod.policy(limits, {"nightshift-model": model.name, "nightshift-verb": verb}),
    }


def _patience(model: Model) -> dict[str, Any]:
    return {
        "owner": model.owner,
        **tries.options(model.schedule.retries, model.schedule.retry_delay),
        "retry_exponential_backoff": 2,
        "max_retry_delay": LONGEST_RETRY_DELAY,
    }


def _asks(model: Model) -> bool:
    return model.approval == "human"


def _promoting(model: Model) -> dict[str, Any]:
    """A backfill and the nightly run promote one after the other; a refusal by a person is recorded by `promote`."""
    after = {"trigger_rule": "none_failed", "asks": APPROVE} if _asks(model) else {"asks": None}
    return {"max_active_tis_per_dag": 1, **after}
