"""Nights without weight: real steps, ledger, registry and gate; only rows and models are made up.

The rows of a night, and what a version predicts of them, are pure functions of the night and of a skill per night, so
hundreds of promotions take the time of a few trainings. Everything that decides is the real thing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nightshift.adapters.mlflow.registry import NIGHT, SAMPLE, TRAIN_DETAIL, Registry, Version
from nightshift.adapters.mlflow.training_run import Logged
from nightshift.adapters.s3 import step_results
from nightshift.adapters.s3.object_store import ObjectStore, digest_objects, to_json
from nightshift.context import Context, build_idempotency_key
from nightshift.core import windows
from nightshift.core.metrics import Floats
from nightshift.definition import Dataset, Gate, Model, Window
from nightshift.lake.validated_nights import Lake
from nightshift.modelling import challenger
from nightshift.modelling.examples import Examples
from nightshift.modelling.inputs import Plan
from nightshift.modelling.isolated_predict import Answer
from nightshift.modelling.predict import Sample
from nightshift.modelling.reuse import INPUTS
from nightshift.results import Training
from nightshift.stored_records import to_plain
from support.stored_results import make_dataset, make_validation

COLUMNS = ("score", "row", "day", "past")
ROWS = 60
ONE_DAY = timedelta(days=1)
MLMODEL = {
    "flavors": {
        "sklearn": {"serialization_format": "skops", "pickled_model": "model.skops"},
        "python_function": {"loader_module": "mlflow.sklearn"},
    },
    "signature": {"inputs": json.dumps([{"name": name, "type": "double"} for name in COLUMNS])},
}


def build_model(name: str, bucket: str, train_days: int) -> Model:
    """A model whose partitions are shared by all models of the bucket."""
    return Model(
        name=name,
        title="Made up",
        task="classification",
        owner="tests",
        docs="A model for tests.",
        facts=Dataset(name="facts", uri=f"s3://{bucket}/facts/date={{night}}/", suite="facts", key=("row",)),
        scheduled=Dataset(name="plan", uri=f"s3://{bucket}/plan/date={{night}}/", suite="plan", key=("row",)),
        key=("row",),
        window=Window(train_days=train_days, holdout_days=6, history_days=2),
        gate=Gate(
            metric="log_loss", floor=0.69, slices=("region",), max_slice_loss=0.2, confidence=0.9, resamples=1000
        ),
    )


def land(store: ObjectStore, model: Model, nights: Sequence[date]) -> None:
    """Lands every night's partitions: their bytes matter, as digests; their rows are made up when they are wanted."""
    for night in nights:
        for dataset in model.datasets:
            store.put(f"{dataset.build_partition_uri(night)}part-0.parquet", f"{dataset.name} {night}".encode())


def save_validations(store: ObjectStore, model: Model, nights: Sequence[date], blocked: bool = False) -> None:
    """Stores the results that the validation of these nights leaves behind, where their partitions are there."""
    actual = {d.name: _digest_by_partition(store, d) for d in (model.facts, model.scheduled)}
    for night in nights:
        checked = ((model.facts, night), (model.scheduled, night + ONE_DAY))
        entries = [
            make_dataset(
                dataset.name,
                partition=dataset.build_partition_uri(day),
                night=day,
                digest=actual[dataset.name][dataset.build_partition_uri(day)],
                content=f"rows of {actual[dataset.name][dataset.build_partition_uri(day)]}",
                failed=int(blocked and dataset is model.facts),
            )
            for dataset, day in checked
        ]
        step_results.save(store, make_validation(model.name, night, entries, outcome="rejected" if blocked else "done"))


def _digest_by_partition(store: ObjectStore, dataset: Dataset) -> dict[str, str]:
    folders: dict[str, list[Any]] = {}
    for stored in store.list_objects(dataset.uri.split("{night}")[0]):
        folders.setdefault(stored.uri.rpartition("/")[0] + "/", []).append(stored)
    return {folder: digest_objects(objects) for folder, objects in folders.items()}


def build_rows(lake: Lake, nights: Sequence[date]) -> Examples:
    """The labelled rows of these nights. `past` counts the usable nights before each, as a look back would see them."""
    model = lake.model
    usable = set(lake.list_usable(windows.reach(tuple(nights), model.window)).nights)
    parts = [build_night_of_rows(day, len({day - n * ONE_DAY for n in (1, 2)} & usable)) for day in nights]
    features = pd.concat([part[0] for part in parts], ignore_index=True)
    return Examples(
        features,
        np.concatenate([part[1] for part in parts]),
        np.repeat(np.array(list(nights), dtype="datetime64[D]"), ROWS),
        {"region": np.where(features["row"] % 2 == 0, "north", "south").astype(str)},
        tuple(nights),
    )


def build_night_of_rows(day: date, past: int) -> tuple[pd.DataFrame, Floats]:
    generator = np.random.default_rng(day.toordinal())
    score = generator.normal(size=ROWS)
    labels = (generator.random(ROWS) < _compute_chance(1.5 * score)).astype(np.float64)
    columns = {"score": score, "row": np.arange(ROWS), "day": day.toordinal(), "past": past}
    return pd.DataFrame(columns).astype(np.float64), labels


def _compute_chance(logit: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logit)))


def predict_version(night: date, skill: float, features: pd.DataFrame) -> Floats:
    """What the version of a night says: the true score, drowned in noise of its own the more the less it can."""
    noise = np.array(
        [
            np.random.default_rng([night.toordinal(), int(d), int(r)]).normal()
            for d, r in features[["day", "row"]].values
        ]
    )
    return _compute_chance(
        1.5 * skill * features["score"].to_numpy() + (1 - skill) * noise + 0.05 * features["past"].to_numpy()
    )


@dataclass
class Forge:
    """Makes challengers, and predicts with them. `skills`: how well each night's version predicts, 0 to 1."""

    skills: Mapping[date, float]
    nights: dict[int, date] = field(default_factory=dict)

    def predict_fresh(
        self, _: Model, inputs: Mapping[int, Mapping[str, pd.DataFrame]], __: Mapping[int, Sequence[str]]
    ) -> dict[int, Answer]:
        """As the fresh process does, of versions that this forge made."""
        return {
            number: Answer({n: self.predict_stored_version(number, m) for n, m in inputs[number].items()})
            for number in inputs
        }

    def predict_stored_version(self, number: int, features: pd.DataFrame) -> Floats:
        """What a version predicts."""
        return predict_version(self.nights[number], self.skills[self.nights[number]], features)

    def build_challenger(self, context: Context, plan: Plan) -> "LightChallenger":
        """In place of the class that fits."""
        return LightChallenger(self, context, plan)

    def use(self, patch: pytest.MonkeyPatch) -> None:
        """Puts the light parts in place of the heavy ones."""
        patch.setattr("nightshift.modelling.challenger.Challenger", self.build_challenger)
        patch.setattr("nightshift.modelling.comparison.predict_fresh", self.predict_fresh)
        for module in ("steps.evaluate", "modelling.recompute_verdict"):
            patch.setattr(f"nightshift.{module}.load_examples", build_rows)
        for module in ("steps.evaluate", "modelling.recompute_verdict", "promotion.trusted_types"):
            patch.setattr(f"nightshift.{module}.list_trusted_types", lambda _: ())  # these models have no folder
        patch.setattr("nightshift.modelling.plots.draw_verdict", lambda *_: b"no picture")
        for module in ("steps.score", "promotion.sync_alias"):
            patch.setattr(f"nightshift.{module}.publish_cards", lambda *_: None)  # decides nothing, and takes as long


class LightChallenger(challenger.Challenger):
    """A challenger that was never fitted; how it becomes the one version of its night is the real thing's."""

    def __init__(self, forge: Forge, context: Context, plan: Plan) -> None:
        self._forge, self._context, self._plan = forge, context, plan
        self._key = build_idempotency_key(context, plan.digest)
        self._train = build_rows(context.lake, plan.train.nights[-1:])

    def register(self) -> Version:
        """Stores a run and a model file by REST, and registers the version."""
        registry = self._context.registry
        run, folder = _run(registry)
        model_id, files = _read_logged_model(registry, run)
        body = f"the version of {self._context.night}".encode()
        sample = self._train.features.head(5)
        skill = self._forge.skills[self._context.night]
        remaining = {
            f"{folder}/{TRAIN_DETAIL}": to_json(to_plain(self._record(run, body))),
            f"{folder}/{INPUTS}": to_json(self._plan.inputs),
            f"{folder}/{SAMPLE}": Sample(sample, predict_version(self._context.night, skill, sample)).to_json(),
            f"{files}/MLmodel": json.dumps(MLMODEL).encode(),
            f"{files}/model.skops": body,
        }
        for path, data in remaining.items():
            registry.server.put_artifact(path, data)
        version = self._find_or_register(run, Logged(model_id, hashlib.sha256(body).hexdigest()))
        self._forge.nights[version.number] = date.fromisoformat(version.tags[NIGHT])
        return version

    def _record(self, run: str, body: bytes) -> Training:
        return Training(
            run_id=run,
            model_code="",
            artifact_sha256=hashlib.sha256(body).hexdigest(),
            idempotency_key=self._key,
            train_nights=self._plan.train.nights,
            holdout_nights=self._plan.holdout.nights,
            left_out=self._plan.left_out,
            joins=(),
            rows=ROWS,
            holdout_rows=ROWS,
            metrics={},
        )


def _run(registry: Registry) -> tuple[str, str]:
    reply = registry.server.post("runs/create", {"experiment_id": "0", "start_time": 0}, attempts=1)
    info = reply["run"]["info"]
    return info["run_id"], _get_path(info["artifact_uri"])


def _read_logged_model(registry: Registry, run: str) -> tuple[str, str]:
    body = {"experiment_id": "0", "name": "model", "source_run_id": run}
    info = registry.server.post("logged-models", body, attempts=1)["model"]["info"]
    return info["model_id"], _get_path(info["artifact_uri"])


def _get_path(uri: str) -> str:
    return uri.removeprefix("mlflow-artifacts:").lstrip("/")
