"""Whether a record of `evaluate` is about the version that its number names."""

from nightshift.adapters.mlflow.registry import NIGHT, Version
from nightshift.context import Step
from nightshift.errors import BadConfig
from nightshift.results import EvaluateResult, key_of


def require_judged(step: Step, result: EvaluateResult, version: Version) -> None:
    """Raises `BadConfig` unless the version was trained for the step's night, by the run that the record has.

    Steps can write records, and MLflow gives numbers again when it is restored: a number alone says nothing.
    """
    night = version.tags.get(NIGHT)
    if (night, version.run_id) != (step.night.isoformat(), result.run_id):
        where = step.store.uri(key_of(step.model.name, step.night, result.verb))
        which = f"version {version.number}, which is of night {night} and run {version.run_id}"
        raise BadConfig(f"{where} is not about {which}: delete it, then clear train and what follows")
