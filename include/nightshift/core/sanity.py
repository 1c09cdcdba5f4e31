"""Whether predictions are sane in themselves: finite, in range, calibrated. No other model is needed to tell."""

import numpy as np

from nightshift.core.metrics import Floats
from nightshift.core.verdict import Check
from nightshift.definition import Task


def check_finite(predictions: Floats) -> Check:
    """Every prediction is a number."""
    broken = int((~np.isfinite(predictions)).sum())
    return Check("finite", broken == 0, f"{broken} of {len(predictions)} predictions are not finite numbers")


def check_range(predictions: Floats, task: Task) -> Check:
    """Probabilities lie in [0, 1]; a regression may predict any number."""
    if task == "regression":
        return Check("in_range", True, "a regression has no range to leave")
    outside = int(((predictions < 0) | (predictions > 1)).sum())
    return Check("in_range", outside == 0, f"{outside} of {len(predictions)} predictions lie outside 0 to 1")


def check_calibration(labels: Floats, predictions: Floats, largest_gap: float) -> Check:
    """The mean prediction is near the mean label, both in the label's units."""
    predicted, true = float(np.mean(predictions)), float(np.mean(labels))
    sentence = (
        f"mean prediction {predicted:.4g} against mean label {true:.4g}: a gap of at most {largest_gap:.4g} is allowed"
    )
    return Check("calibrated", bool(abs(predicted - true) <= largest_gap), sentence)


def compute_curve(labels: Floats, predictions: Floats, bins: int = 10) -> tuple[Floats, Floats]:
    """Mean prediction and mean label in `bins` groups of about equal size, by prediction: the calibration curve."""
    order = np.argsort(predictions, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    return (
        np.array([predictions[group].mean() for group in groups]),
        np.array([labels[group].mean() for group in groups]),
    )
