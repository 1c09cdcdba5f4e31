"""What a model predicts: one float per row, and samples of it kept to recognise the model by."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nightshift.adapters.storage import as_json
from nightshift.core.metrics import Floats
from nightshift.definition import Task

TOLERANCE = 1e-9
"""Predictions of one file on one row may differ by rounding between processors, not by more."""


def predict(estimator: Any, task: Task, features: pd.DataFrame) -> Floats:
    """The probability of label 1 per row for a classification, the predicted value for a regression."""
    if task == "classification":
        return np.asarray(estimator.predict_proba(features)[:, 1], dtype=np.float64)
    return np.asarray(estimator.predict(features), dtype=np.float64)


@dataclass(frozen=True)
class Sample:
    """Rows of features and what the model said of them before it was stored."""

    features: pd.DataFrame
    predictions: Floats

    def as_json(self) -> bytes:
        """The sample as JSON; a missing feature is null."""
        rows = self.features.astype(object).where(self.features.notna(), None).to_numpy().tolist()
        return as_json({"columns": list(self.features), "rows": rows, "predictions": self.predictions.tolist()})

    @classmethod
    def parse(cls, document: Any) -> "Sample":
        """The sample that `as_json` wrote."""
        features = pd.DataFrame(document["rows"], columns=document["columns"]).astype(np.float64)
        return cls(features, np.array(document["predictions"], dtype=np.float64))

    def agrees(self, predictions: Floats) -> bool:
        """Whether these predictions of the same rows are the same."""
        return bool(np.allclose(self.predictions, predictions, rtol=0, atol=TOLERANCE, equal_nan=True))
