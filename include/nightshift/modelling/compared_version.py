"""Whether a record of `evaluate` is about the version that its number names."""

from nightshift.adapters.mlflow.registry import NIGHT, Version
from nightshift.context import Context
from nightshift.errors import BadConfig
from nightshift.results import EvaluateResult, key_of


def require_judged(context: Context, result: EvaluateResult, version: Version) -> None:
    """Raises `BadConfig` unless the version was trained for the step's night, by the run that the record has.

    Steps can write records, and MLflow gives numbers again when it is restored: a number alone says nothing.
    """
    night = version.tags.get(NIGHT)
    if (night, version.run_id) != (context.night.isoformat(), result.run_id):
        where = context.store.uri(key_of(context.model.name, context.night, result.verb))
        which = f"version {version.number}, which is of night {night} and run {version.run_id}"
        raise BadConfig(f"{where} is not about {which}: delete it, then clear train and what follows")
