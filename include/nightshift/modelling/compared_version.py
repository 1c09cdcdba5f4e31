"""Whether a record of `evaluate` is about the version that its number names."""

from collections.abc import Mapping
from typing import Any

from nightshift.adapters.mlflow.registry import NIGHT, Version
from nightshift.context import Step
from nightshift.errors import BadConfig
from nightshift.result import key_of


def require_judged(step: Step, detail: Mapping[str, Any], version: Version) -> None:
    """Raises `BadConfig` unless the version was trained for the step's night, by the run that the record has.

    Steps can write records, and MLflow gives numbers again when it is restored: a number alone says nothing.
    """
    run_id, night = detail.get("run_id", version.run_id), version.tags.get(NIGHT)
    if (night, version.run_id) != (step.night.isoformat(), run_id):
        where = step.store.uri(key_of(step.model.name, step.night, "evaluate"))
        which = f"version {version.number}, which is of night {night} and run {version.run_id}"
        raise BadConfig(f"{where} is not about {which}: delete it, then clear train and what follows")
