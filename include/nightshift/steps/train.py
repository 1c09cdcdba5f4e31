"""`train`: fits a challenger on the window of validated nights, and registers it as one version.

Stored detail: run_id, version, artifact_sha256, model_code, idempotency_key, train_nights, holdout_nights, left_out,
joins (counts of each night that was read), rows, holdout_rows, positive_rate (classification), metrics (on the
holdout), reused.
"""

import logging
from typing import Any

from nightshift.adapters.lake import Lake
from nightshift.adapters.registry_rest import SHA256, Registry, Version
from nightshift.result import Outcome
from nightshift.steps import Step
from nightshift.steps._standing import detail_of, standing
from nightshift.steps._window import Plan, training_plan

log = logging.getLogger("nightshift.train")


def run(step: Step) -> Outcome:
    """Trains the night's challenger, or finds the one that an earlier attempt registered.

    Raises `DataRejected` when the night is not validated or its window holds no usable night.
    """
    lake, registry = Lake(step.store, step.model), Registry()
    plan = training_plan(lake, step.night)  # says what it will learn from before it waits for MLflow
    registry.prepare(step.model.name, step.night)
    found = standing(registry, step, lambda: plan)
    if found is not None:
        detail = _reused(registry, found, plan)
    else:
        # MLflow and scikit-learn take seconds to import: only work that is really done pays for them.
        from nightshift.steps._challenger import Challenger

        version = Challenger(step, lake, plan).register(registry)
        detail = detail_of(registry, version)
        # Of two attempts at once the first to register wins; what is recorded is what the version holds.
        detail["artifact_sha256"] = version.tags.get(SHA256, detail["artifact_sha256"])
    return Outcome(summary=_summary(detail), detail=detail)


def _reused(registry: Registry, version: Version, plan: Plan) -> dict[str, Any]:
    """The detail of a version that stands already; says which nights it could not learn from."""
    detail = detail_of(registry, version)
    registry.finish_run(version.run_id)
    read = (entry["night"] for entry in detail.get("joins", ()))
    number, known = version.number, {*detail["train_nights"], *detail["holdout_nights"], *read}
    log.info("version %d was already trained by the same code and definition from nights that stand: used", number)
    for night in (*plan.train.nights, *plan.holdout.nights):
        if night.isoformat() not in known:
            log.info("night %s became usable after version %d was trained; later nights learn from it", night, number)
    return {**detail, "reused": True}


def _summary(detail: dict[str, Any]) -> str:
    numbers = ", ".join(f"{name} {value:.4f}" for name, value in sorted(detail["metrics"].items()))
    nights, rows = len(detail["train_nights"]), detail["rows"]
    did = "found again" if detail["reused"] else "trained"
    return f"{did} version {detail['version']} on {rows:,} rows of {nights} nights; on the holdout: {numbers}"
