"""Simulated holdouts of which the truth is known: days of rows, and two models of which one is better by a known
amount.

Rows of one day share the day's luck, and each model is off by its own amount on each day, as models trained on other
weeks are. Equal models are exchangeable (the same errors, drawn independently), so that every metric's true gain is 0.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from nightshift.core.bootstrap import Pairs
from nightshift.core.metrics import METRICS, Floats, Metric

BASE_LOGIT, DAY_LOGIT, ROW_LOGIT = -1.15, 0.8, 0.8
"""A quarter of the rows is late, on bad days half; the row itself tells as much as the day does: AUC .65 to .7."""
KNOWN = 0.5
"""How much of the day's luck the models know beforehand."""
POPULATION_DAYS = 4000


@dataclass(frozen=True, kw_only=True)
class World:
    """Holdouts of `days` days with `rows` rows each.

    `day_error`, `row_error`: standard deviation of what a model is off by, per day and per row, in the metric's scale
    (logits, or units of the label). `edge`: the share by which the challenger's errors are smaller; 0: equal models.
    `rare`: the share of days on which the challenger is far off, its row errors `rare_error` instead.
    """

    days: int
    rows: int
    classes: bool
    day_error: float = 0.35
    row_error: float = 0.35
    edge: float = 0.0
    rare: float = 0.0
    rare_error: float = 0.0

    def draw(self, generator: np.random.Generator) -> Pairs:
        """Returns one holdout."""
        day = np.repeat(np.arange(self.days), self.rows)
        luck = generator.normal(0, 1, self.days)[day]
        if self.classes:
            signal = generator.normal(0, ROW_LOGIT, len(day))
            labels = (generator.random(len(day)) < expit(BASE_LOGIT + DAY_LOGIT * luck + signal)).astype(np.float64)
            signal_known = BASE_LOGIT + KNOWN * DAY_LOGIT * luck + signal
            predictions = [expit(signal_known + error) for error in self._draw_errors(generator, day)]
        else:
            signal_known = 2 * luck + generator.normal(0, 1, len(day))
            labels = signal_known + generator.normal(0, 1, len(day))
            predictions = [signal_known + error for error in self._draw_errors(generator, day)]
        return Pairs(labels, predictions[0], predictions[1], day)

    def _draw_errors(self, generator: np.random.Generator, day: NDArray[np.int64]) -> tuple[Floats, Floats]:
        champion = self._draw_error(generator, day, self.row_error)
        bad = generator.random(self.days) < self.rare
        usual = self._draw_error(generator, day, self.row_error)
        rare_errors = generator.normal(0, 1, len(day)) * self.rare_error
        return np.where(bad[day], rare_errors, usual * (1 - self.edge)), champion

    def _draw_error(self, generator: np.random.Generator, day: NDArray[np.int64], row_error: float) -> Floats:
        of_day = generator.normal(0, self.day_error, self.days)[day]
        return np.asarray(of_day + generator.normal(0, row_error, len(day)))

    def compute_true_gain(self, metric: Metric, seed: int = 1) -> float:
        """Returns the challenger's true gain, computed over a great many days."""
        many = replace(self, days=POPULATION_DAYS, rows=min(self.rows, 60)).draw(np.random.default_rng(seed))
        difference = metric.compute_value(many.labels, many.challenger) - metric.compute_value(
            many.labels, many.champion
        )
        return metric.direction * difference


def build_lopsided(world: World, metric: Metric, rare: float, rare_error: float) -> World:
    """Returns models that are equal in the metric, though the challenger is far off on a few days and a little
    better on others.
    """
    low, high = 0.0, 1.0
    for _ in range(12):
        edge = (low + high) / 2
        tried = replace(world, edge=edge, rare=rare, rare_error=rare_error)
        low, high = (edge, high) if tried.compute_true_gain(metric) < 0 else (low, edge)
    return replace(world, edge=(low + high) / 2, rare=rare, rare_error=rare_error)


def list_metrics(world: World) -> list[Metric]:
    """Returns the metrics that the world's task has."""
    task = "classification" if world.classes else "regression"
    return [metric for metric in METRICS.values() if metric.task == task]
