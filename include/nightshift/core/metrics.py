"""The metrics of the gate, each defined once for the whole holdout and for any choice of its days.

A metric is *prepared* on labels and predictions: that condenses the rows into sums per day. What it returns takes
weights (choices × days: how often each day counts) and gives one value per choice. The plain value counts every day
once, leaving one day out counts it not at all, and a resample counts each day as often as it was drawn.

Every metric keeps its own sign. Whether more is better is `higher_is_better`, and only the gate uses it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nightshift.definition import Task
from nightshift.errors import BadConfig

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Resampled = Callable[[Floats], Floats]
"""Weights (resamples × days) to values (resamples); NaN where a metric is undefined, such as AUC of one class."""

SMALLEST_PROBABILITY = 1e-15
ROWS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Metric:
    """One metric. `prepare(labels, predictions, day)` where `day` numbers each row's day from 0."""

    name: str
    title: str
    task: Task
    higher_is_better: bool
    prepare: Callable[[Floats, Floats, Indices], Resampled]

    @property
    def direction(self) -> int:
        """+1 when more is better, −1 when less is."""
        return 1 if self.higher_is_better else -1

    def compute_value(self, labels: Floats, predictions: Floats) -> float:
        """The metric over all rows as they are; NaN when it is undefined, or a prediction is no finite number."""
        if not (np.isfinite(predictions).all() and np.isfinite(labels).all()):
            return float("nan")
        one_day = np.zeros(len(labels), dtype=np.int64)
        return float(self.prepare(labels, predictions, one_day)(np.ones((1, 1)))[0])


def _divide(above: Floats, below: Floats) -> Floats:
    nothing = np.full(np.shape(above), np.nan)
    return np.asarray(np.divide(above, below, out=nothing, where=np.asarray(below) > 0))


def _build_mean(loss: Callable[[Floats, Floats], Floats]) -> Callable[[Floats, Floats, Indices], Resampled]:
    def prepare(labels: Floats, predictions: Floats, day: Indices) -> Resampled:
        total = np.bincount(day, weights=loss(labels, predictions))
        rows = np.bincount(day).astype(np.float64)
        return lambda weights: _divide(weights @ total, weights @ rows)

    return prepare


def _log_loss(labels: Floats, predictions: Floats) -> Floats:
    chance = np.clip(predictions, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return np.asarray(-np.where(labels == 1, np.log(chance), np.log1p(-chance)))


def _compute_squared_errors(labels: Floats, predictions: Floats) -> Floats:
    return np.asarray((labels - predictions) ** 2)


def _compute_absolute_errors(labels: Floats, predictions: Floats) -> Floats:
    return np.asarray(np.abs(labels - predictions))


def _prepare_rmse(labels: Floats, predictions: Floats, day: Indices) -> Resampled:
    mean_square = _build_mean(_compute_squared_errors)(labels, predictions, day)
    return lambda weights: np.sqrt(mean_square(weights))


def _prepare_roc_auc(labels: Floats, predictions: Floats, day: Indices) -> Resampled:
    """AUC counts pairs, and the pairs of a resample are those between its days: a small matrix of days holds them."""
    day_count = int(day.max()) + 1
    positive = labels == 1
    positives = np.bincount(day[positive], minlength=day_count).astype(np.float64)
    negatives = np.bincount(day[~positive], minlength=day_count).astype(np.float64)
    won = np.zeros((day_count, day_count))
    for other in range(day_count):
        ranked = np.sort(predictions[~positive & (day == other)])
        below = np.searchsorted(ranked, predictions[positive], side="left")
        not_above = np.searchsorted(ranked, predictions[positive], side="right")
        won[:, other] = np.bincount(day[positive], weights=(below + not_above) / 2, minlength=day_count)
    return lambda weights: _divide(
        np.einsum("ri,ij,rj->r", weights, won, weights, optimize=True), (weights @ positives) * (weights @ negatives)
    )


def _prepare_average_precision(labels: Floats, predictions: Floats, day: Indices) -> Resampled:
    """Precision at each threshold, weighted by the recall it adds; rows with equal predictions share a threshold."""
    order = np.argsort(-predictions, kind="stable")
    positive, day = labels[order] == 1, day[order]
    last_of_ties = np.append(np.nonzero(np.diff(predictions[order]))[0], len(order) - 1)

    def compute_chunk(weights: Floats) -> Floats:
        drawn = weights[:, day]
        hits = np.cumsum(drawn * positive, axis=1)[:, last_of_ties]
        flagged = np.cumsum(drawn, axis=1)[:, last_of_ties]
        precision = np.nan_to_num(_divide(hits, flagged))
        return _divide((np.diff(hits, axis=1, prepend=0.0) * precision).sum(axis=1), hits[:, -1])

    def compute_resampled(weights: Floats) -> Floats:
        at_once = max(1, ROWS_AT_ONCE // len(day))
        return np.concatenate([compute_chunk(weights[i : i + at_once]) for i in range(0, len(weights), at_once)])

    return compute_resampled


METRICS = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", "ROC AUC", "classification", True, _prepare_roc_auc),
        Metric("average_precision", "average precision", "classification", True, _prepare_average_precision),
        Metric("log_loss", "log loss", "classification", False, _build_mean(_log_loss)),
        Metric("brier", "Brier score", "classification", False, _build_mean(_compute_squared_errors)),
        Metric("rmse", "root mean squared error", "regression", False, _prepare_rmse),
        Metric("mae", "mean absolute error", "regression", False, _build_mean(_compute_absolute_errors)),
    )
}


def find_metric(name: str, task: Task) -> Metric:
    """The metric of that name. Raises `BadConfig` when there is none for the task."""
    metric = METRICS.get(name)
    if metric is None or metric.task != task:
        known = ", ".join(known.name for known in METRICS.values() if known.task == task)
        raise BadConfig(f"gate metric {name!r} does not exist for {task}: use one of {known}")
    return metric


def compute_all_values(task: Task, labels: Floats, predictions: Floats) -> dict[str, float]:
    """Every metric of the task on these rows, by name; one that is undefined here is left out."""
    values = {m.name: m.compute_value(labels, predictions) for m in METRICS.values() if m.task == task}
    return {name: value for name, value in values.items() if np.isfinite(value)}
