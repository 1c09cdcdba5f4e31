"""The heavy half of `train`: fit, measure, draw, store, register."""

import hashlib
import logging
import sys
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nightshift import catalog
from nightshift.adapters.mlflow.registry import (
    KEY,
    MODEL_CODE,
    NIGHT,
    SAMPLE,
    SHA256,
    TRAIN_DETAIL,
    TRAINED_TO,
    WORK,
    Version,
)
from nightshift.adapters.mlflow.training_run import Fitted, Input, Logged, TrainingRun
from nightshift.adapters.s3.object_store import to_json
from nightshift.adapters.skops_types import require_trusted
from nightshift.context import Context, build_idempotency_key
from nightshift.core.line_digest import digest_lines
from nightshift.core.metrics import Floats, compute_all_values, find_metric
from nightshift.errors import BadConfig, DataRejected
from nightshift.modelling import plots
from nightshift.modelling.estimators import fit, list_trusted_types, make_estimator, try_estimator
from nightshift.modelling.examples import Examples, list_retired, load_examples
from nightshift.modelling.inputs import Plan, plan_training
from nightshift.modelling.predict import Sample, predict, require_values
from nightshift.modelling.reuse import INPUTS, digest_work, find_existing
from nightshift.results import Training
from nightshift.stored_records import to_plain

log = logging.getLogger("nightshift.train")
UNUSED = "nightshift.used_instead"
"""On a version that lost the race against another attempt at the same night: the number of the one that is used."""
SAMPLE_ROWS = 200
IMPORTANCE_ROWS = 1500
BOTH = 2
"""Classes of a classification."""


class Challenger:
    """One challenger of one night: fitted when it is made, one version once `register` returns."""

    def __init__(self, context: Context, plan: Plan) -> None:
        self._context, self._plan, self._key = context, plan, build_idempotency_key(context, plan.digest)
        _ = self._model_code  # before anything of the folder runs
        try_estimator(context.model)  # before any data is read: what no data mends
        nights = (*plan.train.nights, *plan.holdout.nights)
        rows = load_examples(context.lake, nights).drop_features(list_retired(context.model))
        self._joins, self._left_out = rows.list_joins(), plan.left_out + rows.list_left_out()
        self._train, self._holdout = rows.select_nights(plan.train.nights), rows.select_nights(plan.holdout.nights)
        _require_rows(context, self._train, self._holdout)
        self._trusted = list_trusted_types(context.model)
        self._estimator = make_estimator(context.model, seed_of(context))
        require_values(self._estimator, self._holdout.features)
        started = time.monotonic()
        fit(context.model, self._estimator, self._train.features, self._train.labels)
        self._fit_seconds = time.monotonic() - started
        self._predictions = predict(self._estimator, context.model.task, self._holdout.features)
        _require_finite(self._estimator, self._predictions)
        require_trusted(self._estimator, self._trusted)
        log.info("fitted on %d rows of %d columns in %.1f s", *self._train.features.shape, self._fit_seconds)

    @cached_property
    def _model_code(self) -> str:
        return catalog.digest_model(self._context.model.name)

    def register(self) -> Version:
        """Stores the run and, last of all, registers the version. Returns the night's version: this, or another's."""
        context = self._context
        tags = {NIGHT: context.night.isoformat(), "nightshift.caused_by": context.by.caused_by}
        tags |= {"nightshift.model": context.model.name, "nightshift.code_version": context.by.code_version}
        tags |= {MODEL_CODE: self._model_code}
        tags |= {"nightshift.image": context.by.image} if context.by.image else {}
        with TrainingRun(context.registry, context.model.name, context.night.isoformat(), self._key, tags) as run:
            return self._store(run)

    def _store(self, run: TrainingRun) -> Version:
        run.log_inputs(self._build_inputs())
        sample = self._holdout.features.head(SAMPLE_ROWS)
        logged = run.log_model(Fitted(self._estimator, sample, self._context.model.task, self._trusted))
        training = self._describe(run.id, logged)
        run.log_numbers(self._build_params(), {**training.metrics, "fit_seconds": self._fit_seconds}, logged)
        run.log_files(self._build_files(training, sample))
        version = self._find_or_register(run.id, logged)
        run.finish(version, {"nightshift.version": str(version.number)})
        return version

    def _find_or_register(self, run_id: str, logged: Logged) -> Version:
        """The one version of this night. An attempt that ran at the same time may have made it, even just now."""
        registry = self._context.registry
        meanwhile = find_existing(self._context, self._plan_now)
        if meanwhile is not None:
            log.info("version %d was registered by another attempt meanwhile: it is used", meanwhile.number)
            return meanwhile
        version = registry.register(self._context.model.name, run_id, logged.model_id, self._build_version_tags(logged))
        oldest = registry.list_tagged_versions(version.model, WORK, digest_work(self._context))[0]
        first = version if oldest.number == version.number else find_existing(self._context, self._plan_now) or version
        if first.number != version.number:
            log.info("version %d was registered first: it is used, and %d is not", first.number, version.number)
            registry.tag_version(version, {UNUSED: str(first.number)})
        return first

    def _plan_now(self) -> Plan:
        """The plan as it would be now: another attempt may have seen nights that became usable after we began."""
        return plan_training(self._context.open_lake(), self._context.night)

    def _build_version_tags(self, logged: Logged) -> dict[str, str]:
        return {
            KEY: self._key,
            WORK: digest_work(self._context),
            NIGHT: self._context.night.isoformat(),
            SHA256: logged.sha256,
            TRAINED_TO: self._train.nights[-1].isoformat(),
            "nightshift.code_version": self._context.by.code_version,
            MODEL_CODE: self._model_code,
        }

    def _describe(self, run_id: str, logged: Logged) -> Training:
        task, labels = self._context.model.task, self._holdout.labels
        return Training(
            run_id=run_id,
            model_code=self._model_code,
            artifact_sha256=logged.sha256,
            idempotency_key=self._key,
            train_nights=self._train.nights,
            holdout_nights=self._holdout.nights,
            left_out=self._left_out,
            joins=self._joins,
            rows=len(self._train.labels),
            holdout_rows=len(labels),
            metrics=compute_all_values(task, labels, self._predictions),
            positive_rate=float(self._train.labels.mean()) if task == "classification" else None,
        )

    def _build_params(self) -> dict[str, Any]:
        window = self._context.model.window
        days = {
            "train_days": window.train_days,
            "holdout_days": window.holdout_days,
            "history_days": window.history_days,
        }
        about = {"estimator": type(self._estimator).__name__, "rows": len(self._train.labels)}
        nights = {"train_from": self._train.nights[0], "train_to": self._train.nights[-1]}
        chosen = {name: str(value) for name, value in self._estimator.get_params().items()}
        return {**chosen, **days, **about, **nights}

    def _build_inputs(self) -> list[Input]:
        inputs = []
        for dataset in self._context.model.datasets:
            head = dataset.uri.split("{night}")[0]
            lines = sorted(f"{u} {d}" for u, d in self._plan.inputs.items() if u.startswith(head))
            inputs.append(Input(dataset.name, "training", dataset.uri, digest_lines(lines)))
        return inputs

    def _build_files(self, training: Training, sample: pd.DataFrame) -> dict[str, bytes]:
        return {
            TRAIN_DETAIL: to_json(to_plain(training)),
            SAMPLE: Sample(sample, self._predictions[: len(sample)]).to_json(),
            INPUTS: to_json(self._plan.inputs),
            "environment.txt": _list_packages(),
            **self._draw_pictures(),
        }

    def _draw_pictures(self) -> dict[str, bytes]:
        labels, pictures = self._holdout.labels, {}
        if self._context.model.task == "classification":
            auc = find_metric("roc_auc", "classification").compute_value(labels, self._predictions)
            pictures["pictures/roc.png"] = plots.draw_roc(labels, self._predictions, auc)
        pictures["pictures/calibration.png"] = plots.draw_calibration(labels, self._predictions)
        chosen = find_metric(self._context.model.gate.metric, self._context.model.task)
        pictures["pictures/importance.png"] = plots.draw_importance(self._measure_importance(), chosen.title)
        return pictures

    def _measure_importance(self) -> dict[str, float]:
        """Permutation importance on a part of the holdout: the loss of the metric when one column is shuffled."""
        chosen = find_metric(self._context.model.gate.metric, self._context.model.task)
        generator = np.random.default_rng(seed_of(self._context))
        rows = generator.permutation(len(self._holdout.labels))[:IMPORTANCE_ROWS]
        features, labels = self._holdout.features.iloc[rows], self._holdout.labels[rows]
        best = chosen.compute_value(labels, self._predictions[rows])
        losses = {}
        for column in features:
            shuffled = features.assign(**{str(column): generator.permutation(features[column].to_numpy())})
            worse = chosen.compute_value(labels, predict(self._estimator, self._context.model.task, shuffled))
            losses[str(column)] = chosen.direction * (best - worse)
        return losses


def seed_of(context: Context) -> int:
    """A seed that is the same whenever this night of this model is run."""
    named = f"{context.model.name} {context.night.isoformat()}"
    return int.from_bytes(hashlib.sha256(named.encode()).digest()[:4]) // 2


def _require_rows(context: Context, train: Examples, holdout: Examples) -> None:
    for role, part in (("training", train), ("holdout", holdout)):
        if not len(part.labels):
            first = f": {part.left_out[0][0]}: {part.left_out[0][1]}" if part.left_out else ""
            raise DataRejected(f"no row of the {role} nights of {context.model.name} has a label{first}")
    if context.model.task == "classification":
        if len(np.unique(train.labels)) < BOTH:
            raise DataRejected(
                f"every label of the training nights of {context.model.name} is the same: nothing to learn"
            )
        if len(np.unique(holdout.labels)) < BOTH:
            log.info("every label of the holdout nights is the same: what needs both cannot be compared on them")
    _tell_empty(train.features)


def _tell_empty(features: pd.DataFrame) -> None:
    """Says which features have no value in any row, so that nothing is learned from them."""
    if empty := [str(name) for name in features if features[name].isna().all()]:
        log.info("no row of the training nights has a value in %s: nothing is learned from that", ", ".join(empty))


def _require_finite(estimator: Any, predictions: Floats) -> None:
    if broken := int((~np.isfinite(predictions)).sum()):
        raise BadConfig(
            f"{type(estimator).__name__} gives no finite number for {broken} of {len(predictions)} holdout rows: "
            "change the estimator, or the features that lead to it"
        )


def _list_packages() -> bytes:
    """The installed packages by the names of their folders, as `pip freeze` lists them; reading each takes longer."""
    folders = {path.name for root in sys.path for path in Path(root).glob("*.dist-info")}
    lines = sorted(name.removesuffix(".dist-info").replace("-", "==", 1).replace("_", "-") for name in folders)
    return ("\n".join([f"# Python {sys.version.split()[0]}", *lines]) + "\n").encode()
