"""`score`: the champion that `promote` named predicts every scheduled row of the next day, published by manifest.

Written: `scores/<model>/date=<next day>/`, columns: the model's key, night (the day scored), prediction, model_version.
Stored detail: version, scored_night, rows, manifest, idempotency_key, reused.
"""

import logging
from datetime import date
from typing import Any

import pandas as pd

from nightshift.adapters.lake import Lake
from nightshift.adapters.manifests import Manifest, location, manifest
from nightshift.adapters.publishing import publish
from nightshift.adapters.registry_rest import Registry
from nightshift.core import windows
from nightshift.errors import NothingToDo
from nightshift.result import Outcome
from nightshift.steps import Step, idempotency_key
from nightshift.steps._finished import finished
from nightshift.steps._window import require_validated, scoring_inputs

log = logging.getLogger("nightshift.score")


def run(step: Step) -> Outcome:
    """Publishes the predictions for the day after the night, or finds that they are published.

    Raises `DataRejected` when the schedule of that day is missing or was not validated, `NothingToDo` when there is no
    champion or another attempt published meanwhile, `BadConfig` when `promote` has not run.
    """
    decided = finished(step, "promote", ("done", "nothing_to_do")).detail
    if decided["champion_version"] is None:
        raise NothingToDo(f"model {step.model.name} has no champion: nothing scores {step.night}", {"version": None})
    version, day = int(decided["champion_version"]), step.night + windows.ONE_DAY
    lake, partition = Lake(step.store, step.model), partition_of(step, day)
    require_validated(lake, step.night)
    # Read before anything is computed: whoever publishes from here on makes our own commit fail.
    standing = manifest(step.store, partition)
    key = idempotency_key(step, f"{scoring_inputs(lake, day)} {version}")
    if standing is None or standing.meta.get("idempotency_key") != key:
        meta = {"idempotency_key": key, "model": step.model.name, "version": version, "night": step.night.isoformat()}
        standing, reused = publish(step.store, partition, _scores(lake, version, day), meta, replacing=standing), False
    else:
        reused = True
    return _outcome(standing, partition, key, (version, day, reused))


def partition_of(step: Step, day: date) -> str:
    """Where the predictions for a day are published."""
    return step.store.uri(f"scores/{step.model.name}/date={day.isoformat()}/")


def _scores(lake: Lake, number: int, day: date) -> pd.DataFrame:
    from importlib import import_module

    from nightshift.adapters.frames import scheduled_features
    from nightshift.adapters.predictions import predict
    from nightshift.adapters.registry_load import load, matrix

    model, registry = lake.model, Registry()
    trusted = import_module(f"models.{model.name}.estimator").TRUSTED
    loaded = load(registry, registry.version(model.name, number), trusted)
    scheduled, features = scheduled_features(lake, day)
    predictions = predict(loaded.estimator, model.task, matrix(loaded, features))
    keys = scheduled[list(model.key)].reset_index(drop=True)
    return keys.assign(night=pd.Timestamp(day), prediction=predictions, model_version=number)


def _outcome(published: Manifest, partition: str, key: str, said: tuple[int, date, bool]) -> Outcome:
    version, day, reused = said
    detail: dict[str, Any] = {
        "version": version,
        "scored_night": day.isoformat(),
        "rows": published.rows,
        "manifest": location(partition),
        "idempotency_key": key,
        "reused": reused,
    }
    did = "were published before" if reused else "are published"
    return Outcome(
        summary=f"{published.rows:,} predictions of champion {version} for {day} {did}: {partition}", detail=detail
    )
