"""A lake in memory under the lab model, for tests of what is done with rows that are read already."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import pytest

import models
from nightshift.definition import Dataset, Model
from nightshift.lake.validated_nights import Usable
from nightshift.modelling import examples
from nightshift.modelling.examples import Examples
from support.lab import MODELS

FIRST = date(2013, 3, 1)
NIGHTS = tuple(FIRST + timedelta(days=days) for days in range(3))
ROWS = 60


class MemoryLake:
    """Facts and plans of NIGHTS as the lab has them. `model`, `facts` and `plan` may be changed."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(models, "__path__", [*models.__path__, str(MODELS)])
        self._patch = patch
        self.code: Any = import_module("models.lab.features")
        self.estimator: Any = import_module("models.lab.estimator")
        self.model: Model = import_module("models.lab.definition").MODEL
        self.facts = {night: make_rows(night) for night in NIGHTS}
        self.plan = {night: make_rows(night)[["id", "x"]] for night in NIGHTS}

    def replace_function(self, name: str, function: Callable[..., Any] | None) -> None:
        """Puts another `features`, `labels`, `slices` or `estimator` in its place; None: takes it away."""
        module = self.estimator if name in ("estimator", "TRUSTED") else self.code
        if function is None:
            self._patch.delattr(module, name)
        else:
            self._patch.setattr(module, name, function)

    def look_back(self, days: int) -> None:
        """Lets features see the facts of so many nights."""
        self.model = replace(self.model, window=replace(self.model.window, history_days=days))

    def examples(self) -> Examples:
        """The examples of all nights."""
        return examples.load_examples(self, NIGHTS)  # type: ignore[arg-type]

    def list_usable(self, nights: Sequence[date]) -> Usable:
        """The nights that are there."""
        return Usable(tuple(night for night in nights if night in self.facts), ())

    def require(self, dataset: Dataset, day: date) -> None:
        """Every plan is fine."""

    def load_tables(self, dataset: Dataset, nights: Iterable[date]) -> Mapping[date, pd.DataFrame]:
        """The rows of each night."""
        actual = self.facts if dataset.name == "facts" else self.plan
        return {night: actual[night] for night in nights}


def make_rows(night: date, count: int = ROWS) -> pd.DataFrame:
    """Good rows of one night: `id`, `x`, and `y`, which is 1 where `x` is above 0."""
    x = np.random.default_rng(night.toordinal()).normal(size=count)
    return pd.DataFrame({"id": [f"s{number}" for number in range(count)], "x": x, "y": (x > 0).astype("int64")})


def has_right_labels(examples: Examples) -> bool:
    """Whether every row has the label that belongs to its feature."""
    return bool(((examples.features["x"] > 0).to_numpy() == (examples.labels == 1)).all())
