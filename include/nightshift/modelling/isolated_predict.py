"""Predictions made by a fresh process that knows only the registry.

The process is `python -m nightshift.modelling.isolated_predict FOLDER`.

What a version predicts is measured on what others will load, not on an object that happens to be in memory. The process
that asks never imports scikit-learn, and a model that crashes takes only its own process down.

FOLDER holds `request.json` and matrices as NumPy files without pickle; the answers are written beside them.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nightshift.adapters.mlflow.registry import Registry
from nightshift.core.metrics import Floats
from nightshift.definition import Model, Task
from nightshift.errors import BUG, DONE, BadConfig, DataRejected, TryLater
from nightshift.user_code import name_kind, place_of

SECONDS = 600
"""How long loading and predicting may take before the process is ended."""
REQUEST, REPLY, FAILURE = "request.json", "reply.json", "failure.txt"


@dataclass(frozen=True)
class Answer:
    """What one version predicted of each matrix, by name; or, in `refused`, why it could not be loaded or run."""

    predictions: Mapping[str, Floats]
    refused: str | None = None


def predict_fresh(
    model: Model, requests: Mapping[int, Mapping[str, pd.DataFrame]], trusted: Mapping[int, Sequence[str]]
) -> dict[int, Answer]:
    """Predictions of each version on each of its matrices. Raises `TryLater` when MLflow fails meanwhile.

    `trusted`: the types that each version may contain.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_request(folder, model, requests, trusted)
        died = _run(folder)
        if not (folder / REPLY).exists():
            return {version: Answer({}, died) for version in requests}
        replies = json.loads((folder / REPLY).read_text())
        return {version: _read_answer(folder, version, matrices, replies) for version, matrices in requests.items()}


def _write_request(
    folder: Path,
    model: Model,
    requests: Mapping[int, Mapping[str, pd.DataFrame]],
    trusted: Mapping[int, Sequence[str]],
) -> None:
    versions = {str(n): {"matrices": list(by_name), "trusted": list(trusted[n])} for n, by_name in requests.items()}
    (folder / REQUEST).write_text(json.dumps({"model": model.name, "task": model.task, "versions": versions}))
    for version, matrices in requests.items():
        for name, matrix in matrices.items():
            np.save(_build_matrix_path(folder, version, name), matrix.to_numpy(dtype=np.float64), allow_pickle=False)


def _run(folder: Path) -> str:
    """Runs the process; returns how it ended, for people."""
    command = [sys.executable, "-m", __name__, str(folder)]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise TryLater(f"a fresh process did not load and predict within {SECONDS} s") from error
    if ended.returncode == TryLater.exit_code:
        raise TryLater(_read_error(folder) or "MLflow failed while versions were loaded in a fresh process")
    if ended.returncode < 0:
        # Killed from outside, most likely for its memory: that says nothing of the versions.
        raise TryLater(f"the fresh process that loads the versions was killed by signal {-ended.returncode}")
    # What it wrote is not shown: the text of an exception may hold values.
    return (
        f"the fresh process ended with exit code {ended.returncode}, {_read_error(folder) or 'before it could say why'}"
    )


def _read_error(folder: Path) -> str:
    """What the process left as the reason of its end, in our own words."""
    return (folder / FAILURE).read_text() if (folder / FAILURE).exists() else ""


def _read_answer(folder: Path, version: int, matrices: Mapping[str, Any], replies: Mapping[str, str | None]) -> Answer:
    refused = replies[str(version)]
    if refused is not None:
        return Answer({}, refused)
    return Answer(
        {name: np.load(_build_predictions_path(folder, version, name), allow_pickle=False) for name in matrices}
    )


def _build_matrix_path(folder: Path, version: int | str, name: str) -> Path:
    return folder / f"{version}-{name}.npy"


def _build_predictions_path(folder: Path, version: int | str, name: str) -> Path:
    return folder / f"{version}-{name}-predictions.npy"


def main(folder: Path) -> int:
    """The fresh process. Returns its exit code: 0, 75 when MLflow failed, or 1 for a bug; why stands in FAILURE."""
    try:
        _reply(folder, json.loads((folder / REQUEST).read_text()))
    except TryLater as error:
        (folder / FAILURE).write_text(str(error))
        return TryLater.exit_code
    except Exception as error:
        (folder / FAILURE).write_text(f"a bug: {name_kind(error)} at {place_of(error) or 'an unknown line'}")
        return BUG
    return DONE


def _reply(folder: Path, request: dict[str, Any]) -> None:
    """Loads each version and lets it predict. What a stored estimator raises is an answer about it."""
    registry = Registry()
    replies: dict[str, str | None] = {}
    for number, request_of_version in request["versions"].items():
        replies[number] = None
        try:
            _predict(folder, registry, (request["model"], request["task"], int(number)), request_of_version)
        except (BadConfig, DataRejected) as error:
            replies[number] = str(error)
    (folder / REPLY).write_text(json.dumps(replies))


def _predict(folder: Path, registry: Registry, settings: tuple[str, Task, int], request: Mapping[str, Any]) -> None:
    from nightshift.adapters.mlflow.load_version import load
    from nightshift.modelling.predict import predict

    model, task, number = settings
    loaded = load(registry, registry.load_version(model, number), request["trusted"])
    for name in request["matrices"]:
        matrix = np.load(_build_matrix_path(folder, number, name), allow_pickle=False)
        rows = pd.DataFrame(matrix, columns=list(loaded.columns))
        np.save(
            _build_predictions_path(folder, number, name), predict(loaded.estimator, task, rows), allow_pickle=False
        )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
