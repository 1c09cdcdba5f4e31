"""`train`: fits a challenger on the window of validated nights, and registers it as one version.

Stored detail: run_id, version, artifact_sha256, idempotency_key, train_nights, holdout_nights, left_out, rows,
holdout_rows, positive_rate (classification), metrics (on the holdout), reused.
"""

import logging
from typing import Any

from nightshift.adapters.lake import Lake
from nightshift.adapters.registry_rest import TRAIN_DETAIL, Registry, Version
from nightshift.errors import TryLater
from nightshift.result import Outcome
from nightshift.steps import Step, idempotency_key
from nightshift.steps._window import training_plan

log = logging.getLogger("nightshift.train")


def run(step: Step) -> Outcome:
    """Trains the night's challenger, or finds the one that an earlier attempt registered.

    Raises `DataRejected` when the night is not validated or its window holds no usable night.
    """
    lake, registry = Lake(step.store, step.model), Registry()
    plan = training_plan(lake, step.night)
    key = idempotency_key(step, plan.digest)
    found = registry.with_key(step.model.name, key)
    if found is None:
        # MLflow and scikit-learn take seconds to import: only work that is really done pays for them.
        from nightshift.steps._challenger import Challenger

        detail = Challenger(step, lake, plan, key).register(registry)
    else:
        detail = _reused(registry, found)
    return Outcome(summary=_summary(detail), detail=detail)


def _reused(registry: Registry, version: Version) -> dict[str, Any]:
    """The detail of a version that stands already. It was registered last, so all of its run was stored before."""
    detail = registry.attached(version.run_id, TRAIN_DETAIL)
    if detail is None:
        raise TryLater(f"run {version.run_id} of version {version.number} has no {TRAIN_DETAIL}: MLflow lost a file")
    registry.finish_run(version.run_id)
    log.info("version %d was already trained from the same nights, code and definition: it is used", version.number)
    return {**detail, "version": version.number, "reused": True}


def _summary(detail: dict[str, Any]) -> str:
    numbers = ", ".join(f"{name} {value:.4f}" for name, value in sorted(detail["metrics"].items()))
    nights, rows = len(detail["train_nights"]), detail["rows"]
    did = "found again" if detail["reused"] else "trained"
    return f"{did} version {detail['version']} on {rows:,} rows of {nights} nights; on the holdout: {numbers}"
