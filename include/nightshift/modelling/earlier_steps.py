"""What an earlier step of the same night left behind, and whether it is about the version that its number names."""

import logging
from typing import TypeVar, cast

from nightshift.adapters.mlflow.registry import NIGHT, Version
from nightshift.adapters.s3 import step_results
from nightshift.context import Context
from nightshift.errors import BadConfig
from nightshift.results import EvaluateResult, Result, StepDetail, build_result_key

log = logging.getLogger("nightshift")
Detail = TypeVar("Detail", bound=StepDetail)


def load_finished(context: Context, kind: type[Detail], outcomes: tuple[str, ...] = ("done",)) -> Result[Detail]:
    """Returns the stored result of an earlier step of this night, which has its detail. `kind`: the type of that.

    Raises `BadConfig` when the step did not end well. What it did stands, also when a later run of it could not do its
    work: that is logged.
    """
    verb, name, night = kind.verb, context.model.name, context.night
    stored = step_results.load(context.store, name, night, kind)
    if stored is None or stored.outcome not in outcomes or stored.detail is None:
        state = "has not run" if stored is None else f"ended as {stored.outcome}"
        raise BadConfig(f"{verb} of {name} {night} {state}: run `nightshift {verb} {name} {night}` first")
    if stored.failed_since:
        log.info("a later run of %s ended as %s; what the earlier one did stands", verb, stored.last_outcome)
    return cast("Result[Detail]", stored)


def require_judged(context: Context, result: EvaluateResult, version: Version) -> None:
    """Raises `BadConfig` unless the version was trained for the step's night, by the run that the result has.

    Steps can write results, and MLflow gives numbers again when it is restored: a number alone says nothing.
    """
    night = version.tags.get(NIGHT)
    if (night, version.run_id) != (context.night.isoformat(), result.run_id):
        where = context.store.build_uri(build_result_key(context.model.name, context.night, result.verb))
        which = f"version {version.number}, which is of night {night} and run {version.run_id}"
        raise BadConfig(f"{where} is not about {which}: delete it, then clear train and what follows")
