"""Runs in the image of the steps, on its own Python: every part of the chain that needs a library does its work once.

What `tools/prune` takes away must not be missed by any of it.
"""

import importlib
import io
import pkgutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.dataset
import pyarrow.parquet
import skops.io

import models
import nightshift
from models.flights.estimator import TRUSTED, estimator
from nightshift.adapters.gx.expectations.checking import check
from nightshift.adapters.gx.suites import Suite
from nightshift.modelling import plots


def import_modules() -> int:
    """Every module of the steps and of the models."""
    packages = (package for package in (nightshift, models))
    names = [m.name for package in packages for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    for name in names:
        importlib.import_module(name)
    return len(names)


def check_parquet() -> None:
    """Written, read back as a dataset, filtered."""
    path = Path("/tmp/table.parquet")  # noqa: S108 - the container's
    pyarrow.parquet.write_table(pa.table({"n": [1, 2, 3], "word": ["a", "b", "c"]}), path)
    files = pyarrow.dataset.dataset(path).to_table(filter=pyarrow.compute.field("n") > 1)
    assert files.to_pandas()["word"].tolist() == ["b", "c"]


def check_model() -> None:
    """Fitted, stored with skops, loaded, the same predictions."""
    random = np.random.default_rng(7)
    fitted = estimator(7).set_params(monotonic_cst=None, min_samples_leaf=20)
    features = pd.DataFrame(random.normal(size=(400, 3)), columns=["a", "b", "c"])
    fitted.fit(features, features["a"] > 0)
    loaded = skops.io.loads(skops.io.dumps(fitted), trusted=list(TRUSTED))
    assert np.array_equal(loaded.predict_proba(features), fitted.predict_proba(features))
    assert fitted.score(features, features["a"] > 0) > 0.9


def check_validation() -> None:
    """A suite over a frame with a bad value, and its page."""
    rule = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "delay", "min_value": 0, "max_value": 5}}
    suite = Suite("trial", {"expectations": [rule]}, "")
    good, bad = (check(suite, pd.DataFrame({"delay": values}), {}) for values in ([1, 2], [1, 9]))
    assert not good.failures
    assert len(bad.failures) == 1
    assert "delay" in bad.body


def check_picture() -> None:
    """A picture with text in it."""
    labels = np.array([0, 1, 0, 1], dtype=float)
    png = plots.draw_roc(labels, np.array([0.1, 0.9, 0.4, 0.6]), 1.0)
    assert io.BytesIO(png).read(8) == b"\x89PNG\r\n\x1a\n"
    assert len(png) > 5000


if __name__ == "__main__":
    imported = import_modules()
    for part in (check_parquet, check_model, check_validation, check_picture):
        part()
    sys.stdout.write(f"{imported} modules and all parts work\n")
