"""`train`: fits a challenger on the window of validated nights, and registers it as one version."""

import logging
from dataclasses import replace

from nightshift.adapters.mlflow.registry import SHA256, Version
from nightshift.context import Context
from nightshift.modelling.inputs import Plan, plan_training
from nightshift.modelling.reuse import find_existing, read_result
from nightshift.results import Outcome, TrainResult

log = logging.getLogger("nightshift.train")


def run(context: Context) -> Outcome[TrainResult]:
    """Trains the night's challenger, or finds the one that an earlier attempt registered.

    Raises `DataRejected` when the night is not validated or its window holds no usable night.
    """
    plan = plan_training(context.lake, context.night)  # says what it will learn from before it waits for MLflow
    context.registry.prepare(context.model.name, context.night)
    existing = find_existing(context, lambda: plan)
    if existing is not None:
        result = _reuse(context, existing, plan)
    else:
        # MLflow and scikit-learn take seconds to import: only work that is really done pays for them.
        from nightshift.modelling.challenger import Challenger

        version = Challenger(context, plan).register()
        result = read_result(context, version, reused=False)
        # Of two attempts at once the first to register wins; what is recorded is what the version holds.
        result = replace(result, artifact_sha256=version.tags.get(SHA256, result.artifact_sha256))
    return Outcome(summary=_summarize(result), detail=result)


def _reuse(context: Context, version: Version, plan: Plan) -> TrainResult:
    """Returns the result of a version that is there already; logs which nights it could not learn from."""
    result = read_result(context, version, reused=True)
    context.registry.finish_run(version.run_id)
    number = version.number
    known = {*result.train_nights, *result.holdout_nights, *(counts.night for counts in result.joins)}
    log.info("version %d was already trained by the same code and definition from nights that stand: used", number)
    for night in (*plan.train.nights, *plan.holdout.nights):
        if night not in known:
            log.info("night %s became usable after version %d was trained; later nights learn from it", night, number)
    return result


def _summarize(result: TrainResult) -> str:
    numbers = ", ".join(f"{name} {value:.4f}" for name, value in sorted(result.metrics.items()))
    did = "found again" if result.reused else "trained"
    trained = f"{did} version {result.version} on {result.rows:,} rows of {len(result.train_nights)} nights"
    return f"{trained}; on the holdout: {numbers}"
